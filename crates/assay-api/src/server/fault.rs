/// One thing that a server does wrong. Each is a bug that some real server has had, or could.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table says each in a sentence")]
pub enum Fault {
    NeverAnswers,
    Drips,
    EndlessHeaders,
    EndlessBody,
    CompressedBomb,
    NoHttp,
    StopsInAChunk,
    ResetsInAChunk,
    RedirectsAway,
    ModelNotListed,
    HealthIsDown,
    TakesEveryKey,
    WrongKeyIs500,
    WrongKeyIs403,
    WrongKeyOtherShape,
    UnknownRouteAnswers,
    UnknownRouteIs500,
    NoModel,
    NoFinishReason,
    UnknownFinishReason,
    ContentOfAnotherType,
    JsonAsText,
    NotUtf8,
    TotalIsWrong,
    InputIsConstant,
    OutputIsNotCounted,
    LimitIsIgnored,
    CutIsCalledStop,
    Canned,
    DrawsAtZero,
    MissingFieldIs500,
    MissingFieldAnswers,
    WrongTypeIs500,
    WrongTypeAnswers,
    NoJsonIs500,
    NoJsonAnswers,
    UnknownModelIs500,
    UnknownModelAnswers,
    UnicodeIs500,
    UnknownFieldIs500,
    OversizedIs500,
    ErrorOfAnotherShape,
    ErrorWithoutWords,
    ErrorIs200,
    ErrorIsHtml,
    NoRequestId,
    StreamAsJson,
    NoFirstEvent,
    NoLastEvent,
    NoFinishInStream,
    TextAfterTheEnd,
    EventTwice,
    EventThatIsNoJson,
    IdChanges,
    NoUsageInStream,
    OtherTextInStream,
    BrokenUtf8InStream,
    ErrorInStream,
    AllAtOnce,
    GoesOnForNobody,
}

/// A fault, as it is listed.
#[derive(Debug, Clone, Copy)]
pub struct FaultRow {
    /// Which.
    pub fault: Fault,
    /// The name on the command line.
    pub name: &'static str,
    /// The check that is there for it.
    pub check: &'static str,
    /// What the server does, in words.
    pub does: &'static str,
    /// Dialects that have what it breaks; all of them, if none is named.
    pub dialects: &'static [&'static str],
}

const fn row(
    fault: Fault,
    name: &'static str,
    check: &'static str,
    does: &'static str,
) -> FaultRow {
    FaultRow {
        fault,
        name,
        check,
        does,
        dialects: &[],
    }
}

const fn of(dialects: &'static [&'static str], row: FaultRow) -> FaultRow {
    FaultRow { dialects, ..row }
}

/// Dialects in chunks of OpenAI's.
const CHUNKS: &[&str] = &[
    "openai", "groq", "xai", "metaai", "vllm", "tgi", "ovms", "opea",
];
/// Dialects that tell their finish reasons from a list, and give one in a stream by itself.
const REASONS: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "vllm", "tgi", "ovms", "opea",
];
/// Dialects that count tokens.
const USAGE: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms",
];
/// Dialects that give the total of tokens.
const TOTAL: &[&str] = &[
    "openai", "gemini", "groq", "xai", "metaai", "vllm", "tgi", "ovms",
];
/// Dialects that take a key.
const KEYS: &[&str] = USAGE;
/// Dialects that have 401 alone for a wrong key, or 400 beside it.
const UNAUTHORIZED: &[&str] = &[
    "openai", "claude", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms",
];
/// Dialects that take a seed.
const SEED: &[&str] = &[
    "openai", "gemini", "groq", "xai", "ollama", "vllm", "tgi", "ovms",
];
/// Dialects that list models.
const MODELS: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "ollama", "vllm", "tgi", "ovms",
];
/// Dialects in which a model is chosen by its name.
const CHOICE: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "ovms",
];
/// Dialects with a health route.
const HEALTH: &[&str] = &["ollama", "vllm", "tgi", "ovms", "opea"];
/// Dialects with an id for each call.
const IDS: &[&str] = &["openai", "claude", "groq"];

/// Every fault.
#[rustfmt::skip]
pub const FAULTS: &[FaultRow] = &[
    row(Fault::NeverAnswers, "never-answers", "connection.answers", "takes the request and says nothing"),
    row(Fault::Drips, "drips", "connection.answers", "sends a byte now and then, for ever"),
    row(Fault::EndlessHeaders, "endless-headers", "connection.answers", "sends headers for ever"),
    row(Fault::EndlessBody, "endless-body", "connection.answers", "sends a body for ever"),
    row(Fault::CompressedBomb, "compressed", "connection.answers", "compresses what nobody asked it to"),
    row(Fault::NoHttp, "no-http", "connection.answers", "is a mail server"),
    row(Fault::StopsInAChunk, "stops-in-a-chunk", "connection.answers", "closes the connection in the middle of an answer"),
    row(Fault::ResetsInAChunk, "resets-in-a-chunk", "connection.answers", "resets the connection in the middle of an answer"),
    row(Fault::RedirectsAway, "redirects-away", "connection.answers", "points to another host, which would see the key"),
    of(MODELS, row(Fault::ModelNotListed, "model-not-listed", "connection.models", "lists models without the one that it has")),
    of(HEALTH, row(Fault::HealthIsDown, "health-is-down", "connection.health", "answers, and says that it is not up")),
    of(KEYS, row(Fault::TakesEveryKey, "takes-every-key", "connection.wrong_key", "answers whatever the key is")),
    of(KEYS, row(Fault::WrongKeyIs500, "wrong-key-is-500", "connection.wrong_key", "fails at a wrong key")),
    of(UNAUTHORIZED, row(Fault::WrongKeyIs403, "wrong-key-is-403", "connection.wrong_key", "calls a wrong key forbidden, not unauthorized")),
    of(KEYS, row(Fault::WrongKeyOtherShape, "wrong-key-other-shape", "connection.wrong_key", "refuses a wrong key in a shape of its own")),
    row(Fault::UnknownRouteAnswers, "unknown-route-answers", "connection.wrong_path", "answers 200 to routes that there are not"),
    row(Fault::UnknownRouteIs500, "unknown-route-is-500", "connection.wrong_path", "fails at routes that there are not"),
    row(Fault::NoModel, "no-model", "response.schema", "leaves a required field out"),
    row(Fault::NoFinishReason, "no-finish-reason", "response.schema", "gives null for a finish reason"),
    of(REASONS, row(Fault::UnknownFinishReason, "unknown-finish-reason", "response.schema", "has a finish reason of its own: `eos`")),
    row(Fault::ContentOfAnotherType, "content-of-another-type", "response.schema", "gives the text as a number"),
    row(Fault::JsonAsText, "json-as-text", "response.content_type", "calls its JSON text/plain"),
    row(Fault::NotUtf8, "not-utf8", "response.schema", "writes Latin-1"),
    of(TOTAL, row(Fault::TotalIsWrong, "total-is-wrong", "response.usage", "has a total of tokens that is not the sum")),
    of(USAGE, row(Fault::InputIsConstant, "input-is-constant", "response.usage", "counts as many tokens for any question")),
    of(USAGE, row(Fault::OutputIsNotCounted, "output-is-not-counted", "response.usage", "counts no token of its answer")),
    of(USAGE, row(Fault::LimitIsIgnored, "limit-is-ignored", "response.limit", "answers with more tokens than it may")),
    of(USAGE, row(Fault::CutIsCalledStop, "cut-is-called-stop", "response.limit", "says that an answer ended by itself which it cut")),
    row(Fault::Canned, "canned", "response.moves", "answers the same to every question"),
    of(SEED, row(Fault::DrawsAtZero, "draws-at-zero", "response.repeatable", "draws at temperature 0, with a seed")),
    row(Fault::MissingFieldIs500, "missing-field-is-500", "request.missing_field", "fails where a field is missing"),
    row(Fault::MissingFieldAnswers, "missing-field-answers", "request.missing_field", "answers a question without messages"),
    row(Fault::WrongTypeIs500, "wrong-type-is-500", "request.wrong_type", "fails at a field of another type"),
    row(Fault::WrongTypeAnswers, "wrong-type-answers", "request.wrong_type", "answers whatever `messages` is"),
    row(Fault::NoJsonIs500, "no-json-is-500", "request.no_json", "fails at a body that is no JSON"),
    row(Fault::NoJsonAnswers, "no-json-answers", "request.no_json", "answers a body that is no JSON"),
    of(CHOICE, row(Fault::UnknownModelIs500, "unknown-model-is-500", "request.unknown_model", "fails at a model that it does not have")),
    of(CHOICE, row(Fault::UnknownModelAnswers, "unknown-model-answers", "request.unknown_model", "answers for a model that it does not have")),
    row(Fault::UnicodeIs500, "unicode-is-500", "request.unicode", "fails at what is not ASCII"),
    row(Fault::UnknownFieldIs500, "unknown-field-is-500", "request.unknown_field", "fails at a field that it does not know"),
    row(Fault::OversizedIs500, "oversized-is-500", "request.oversized", "fails at a question that is too long"),
    row(Fault::ErrorOfAnotherShape, "error-of-another-shape", "errors.shape", "has errors in another framework's shape"),
    row(Fault::ErrorWithoutWords, "error-without-words", "errors.shape", "has errors without a message"),
    row(Fault::ErrorIs200, "error-is-200", "request.missing_field", "gives an error the status of a success"),
    row(Fault::ErrorIsHtml, "error-is-html", "errors.shape", "has errors for a browser"),
    of(IDS, row(Fault::NoRequestId, "no-request-id", "errors.ids", "gives no id by which support finds a call")),
    row(Fault::StreamAsJson, "stream-as-json", "stream.grammar", "calls its stream application/json"),
    of(&["claude"], row(Fault::NoFirstEvent, "no-first-event", "stream.grammar", "begins a stream without message_start (llama.cpp's server has done so)")),
    row(Fault::NoLastEvent, "no-last-event", "stream.grammar", "ends a stream without its last event"),
    of(REASONS, row(Fault::NoFinishInStream, "no-finish-in-stream", "stream.grammar", "gives no finish reason in a stream")),
    row(Fault::TextAfterTheEnd, "text-after-the-end", "stream.grammar", "goes on behind the last event"),
    of(&["claude"], row(Fault::EventTwice, "event-twice", "stream.grammar", "begins a stream twice")),
    row(Fault::EventThatIsNoJson, "event-that-is-no-json", "stream.grammar", "writes a token as Python would (`b'tok'`; OPEA's orchestrator does so)"),
    of(CHUNKS, row(Fault::IdChanges, "id-changes", "stream.grammar", "gives each chunk another id")),
    of(USAGE, row(Fault::NoUsageInStream, "no-usage-in-stream", "stream.usage", "counts no tokens in a stream that was asked to")),
    row(Fault::OtherTextInStream, "other-text-in-stream", "stream.equals_whole", "loses a token in a stream"),
    row(Fault::BrokenUtf8InStream, "broken-utf8-in-stream", "stream.equals_whole", "cuts characters in two, and puts marks in their place"),
    row(Fault::ErrorInStream, "error-in-stream", "stream.completes", "hides an error in a stream whose status is 200"),
    row(Fault::AllAtOnce, "all-at-once", "stream.incremental", "sends a stream when all of it is there"),
    row(Fault::GoesOnForNobody, "goes-on-for-nobody", "stream.cancel", "goes on with an answer for a client that has left"),
];

impl Fault {
    /// One by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FAULTS
            .iter()
            .find(|row| row.name == name)
            .map(|row| row.fault)
    }
}
