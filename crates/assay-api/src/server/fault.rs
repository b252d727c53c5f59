use crate::check::CheckRow;
use crate::dialect::Dialect;

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
    BytesAfterTheBody,
    ModelNotListed,
    ModelsOfAnotherShape,
    HealthIsDown,
    MetricsAreDown,
    MetricsAreJson,
    MetricsStandStill,
    TakesEveryKey,
    WrongKeyIs500,
    WrongKeyIs403,
    WrongKeyOtherShape,
    UnknownRouteAnswers,
    UnknownRouteIs500,
    NoModel,
    AnswersHaveOneId,
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
    CutCountsOneLess,
    LimitIsOnTheCount,
    StopsOneEarly,
    LimitIsRaised,
    AlwaysCut,
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
    UnicodeAnswersNothing,
    UnknownFieldIs500,
    OversizedIs500,
    ErrorOfAnotherShape,
    ErrorWithoutWords,
    WrongTypeOtherShape,
    UnknownModelOtherShape,
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
    EventLacksAField,
    EventTextIsANumber,
    EventTimeIsNone,
    ChunkWithoutIndex,
    BlockOfAnotherKind,
    BlocksBeginAtOne,
    NoUsageInStream,
    StreamTotalIsWrong,
    StreamCountsNothing,
    OtherTextInStream,
    BrokenUtf8InStream,
    ErrorInStream,
    StreamFailsLate,
    StreamBreaksLate,
    AllAtOnce,
    GoesOnForNobody,
    ImageIsDropped,
    ImageIs500,
    SoundIsDropped,
    SoundIs500,
    ToolIsNotCalled,
    ToolOfAnotherName,
    ToolArgumentsAreCut,
    ToolArgumentsLackOne,
    ToolCallWithoutId,
    ToolReasonIsStop,
    SchemaIsIgnored,
    SchemaLacksOne,
    SchemaInAFence,
    EmbeddingsAreConstant,
    EmbeddingsOutOfOrder,
    EmbeddingsLoseOne,
    EmbeddingsDependOnTheBatch,
    EmbeddingsAreNotNormed,
    EmbeddingsAreNotNumbers,
    EmbeddingIndexIsWrong,
    RanksAreNotSorted,
    RankLimitIsIgnored,
    RankTwice,
    RankBeyondTheDocuments,
    CompletionOfAnotherObject,
    CompletionLimitIsIgnored,
    CompletionIsCanned,
    ResponseOfAnotherPart,
    ResponseTotalIsWrong,
    ResponseLimitIsIgnored,
    CutResponseIsCalledCompleted,
    ModerationFlagDiffers,
    ModerationScoreIsPercent,
    ModerationLosesOne,
    SpeechOfAnotherForm,
    SpeechAsBytes,
    SpeechIsSilence,
    TranscriptionOfAnotherName,
    SoundlessFormIs500,
    SoundlessFormAnswers,
    TensorLost,
    TensorOfAnotherType,
    TensorLacksOne,
    TensorIdIsLost,
    TensorsAreDrawn,
    ShortTensorAnswers,
    SimilarityIsDistance,
    SimilarityLosesOne,
    LabelsOutOfOrder,
    LabelScoresAreLogits,
    BatchOutOfOrder,
    BatchLosesOne,
    ObjectTagIsWrong,
    ObjectLosesAByte,
    ObjectTypeIsLost,
    DeletedObjectStays,
    ListOutOfOrder,
    ListHidesTheRest,
    PageTokenIsIgnored,
    PartsInOrderOfArrival,
    SmallPartIsTaken,
    AbortedUploadStays,
    RangeIsIgnored,
    ConditionIsIgnored,
    MissingObjectIs403,
    StoreErrorIsJson,
    DigestIsIgnored,
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
    /// Dialects that have what it breaks; all that are asked by its check, if none is named.
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
const KEYS: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "tei", "ovms",
    "llvm", "s3",
];
/// Dialects that have 401 alone for a wrong key, or 400 beside it.
const UNAUTHORIZED: &[&str] = &[
    "openai", "claude", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "tei", "ovms", "llvm",
];
/// Dialects that take a seed.
const SEED: &[&str] = &[
    "openai", "gemini", "groq", "xai", "ollama", "vllm", "tgi", "ovms",
];
/// Dialects that list models.
const MODELS: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "ollama", "vllm", "tgi", "ovms", "llvm",
];
/// Those of them in which a model is chosen by its name.
const LISTED: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "ollama", "vllm", "ovms", "llvm",
];
/// Dialects in which a model is chosen by its name.
const CHOICE: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "ovms", "kserve",
    "llvm", "s3",
];
/// Those of them that are asked in JSON.
const JSON_CHOICE: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "ovms", "kserve",
    "llvm",
];
/// Dialects of streams in whose events a field is never lacking.
const EVENTS: &[&str] = &[
    "openai", "claude", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms", "opea",
];
/// Dialects that say that an answer which is cut has as many tokens as it may.
const EXACT: &[&str] = &[
    "openai", "claude", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms",
];
/// Dialects that give calls of tools an id.
const TOOL_IDS: &[&str] = &[
    "openai", "claude", "groq", "xai", "metaai", "vllm", "tgi", "ovms",
];
/// Dialects with a health route.
const HEALTH: &[&str] = &["ollama", "vllm", "tgi", "tei", "ovms", "kserve", "opea"];
/// Dialects that say what they have counted.
const METRICS: &[&str] = &["vllm", "tgi", "tei", "ovms", "opea"];
/// Those whose counter of answers is known by its name.
const COUNTERS: &[&str] = &["vllm", "tgi"];
/// Dialects with an id for each call.
const IDS: &[&str] = &["openai", "claude", "groq", "s3"];

/// Dialects that take images.
const IMAGES: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms",
];
/// Dialects that take sound beside words.
const AUDIO: &[&str] = &["openai", "gemini", "vllm"];
/// Dialects in which an answer can be made to call a tool.
const TOOL_CHOICE: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "vllm", "tgi", "ovms",
];
/// Those of them that have tools.
const TOOLS: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms",
];
/// Those that give the arguments of a tool as a text.
const TOOL_TEXTS: &[&str] = &["openai", "groq", "xai", "metaai", "vllm", "tgi", "ovms"];
/// Those that have a finish reason for a call of a tool.
const TOOL_REASONS: &[&str] = &[
    "openai", "claude", "groq", "xai", "metaai", "vllm", "tgi", "ovms",
];
/// Dialects whose answers obey a JSON Schema.
const SCHEMA: &[&str] = &[
    "openai", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms",
];

/// Dialects that make vectors.
const EMBEDDINGS: &[&str] = &["openai", "gemini", "ollama", "vllm", "tei", "ovms"];
/// Those whose vectors have length 1.
const NORMED: &[&str] = &["openai", "ollama", "tei"];
/// Those that number their vectors.
const NUMBERED: &[&str] = &["openai", "vllm", "ovms"];
/// Dialects that order documents.
const RERANK: &[&str] = &["vllm", "tei", "ovms"];
/// Those that can be asked for the first few.
const FIRST: &[&str] = &["vllm", "ovms"];

/// Dialects that continue texts.
const COMPLETIONS: &[&str] = &["openai", "vllm", "tgi", "ovms"];
/// Dialects with OpenAI's newer form of a chat.
const RESPONSES: &[&str] = &["openai", "groq", "xai", "vllm"];
/// Dialects that say what is wrong with a text.
const MODERATION: &[&str] = &["openai"];
/// Dialects that speak.
const SPEECH: &[&str] = &["openai", "groq", "ovms"];
/// Dialects that write down what they hear.
const TRANSCRIPTION: &[&str] = &["openai", "groq", "vllm", "ovms"];

/// Dialects of tensors.
const TENSORS: &[&str] = &["kserve", "ovms"];
/// Dialects that say how near texts are.
const SIMILARITY: &[&str] = &["tei"];
/// Dialects that label texts.
const CLASSIFICATION: &[&str] = &["tei"];
/// Dialects that take several inputs.
const BATCH: &[&str] = &["llvm"];
/// Stores of objects.
const OBJECTS: &[&str] = &["s3"];
/// Dialects that chat.
const CHAT: &[&str] = &[
    "openai", "claude", "gemini", "groq", "xai", "metaai", "ollama", "vllm", "tgi", "ovms", "opea",
];

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
    row(Fault::BytesAfterTheBody, "bytes-after-the-body", "connection.kept", "says more than its content-length"),
    of(LISTED, row(Fault::ModelNotListed, "model-not-listed", "connection.models", "lists models without the one that it has")),
    of(MODELS, row(Fault::ModelsOfAnotherShape, "models-of-another-shape", "connection.models", "lists models as a bare array")),
    of(HEALTH, row(Fault::HealthIsDown, "health-is-down", "connection.health", "answers, and says that it is not up")),
    of(METRICS, row(Fault::MetricsAreDown, "metrics-are-down", "connection.metrics", "fails where it is asked what it has counted")),
    of(METRICS, row(Fault::MetricsAreJson, "metrics-are-json", "connection.metrics", "gives what it has counted as JSON")),
    of(COUNTERS, row(Fault::MetricsStandStill, "metrics-stand-still", "connection.metrics", "does not count its answers")),
    of(KEYS, row(Fault::TakesEveryKey, "takes-every-key", "connection.wrong_key", "answers whatever the key is")),
    of(KEYS, row(Fault::WrongKeyIs500, "wrong-key-is-500", "connection.wrong_key", "fails at a wrong key")),
    of(UNAUTHORIZED, row(Fault::WrongKeyIs403, "wrong-key-is-403", "connection.wrong_key", "calls a wrong key forbidden, not unauthorized")),
    of(KEYS, row(Fault::WrongKeyOtherShape, "wrong-key-other-shape", "connection.wrong_key", "refuses a wrong key in a shape of its own")),
    row(Fault::UnknownRouteAnswers, "unknown-route-answers", "connection.wrong_path", "answers 200 to routes that there are not"),
    row(Fault::UnknownRouteIs500, "unknown-route-is-500", "connection.wrong_path", "fails at routes that there are not"),
    row(Fault::NoModel, "no-model", "response.schema", "leaves a required field out"),
    of(REASONS, row(Fault::AnswersHaveOneId, "answers-have-one-id", "response.schema", "gives every answer the same id")),
    of(CHAT, row(Fault::NoFinishReason, "no-finish-reason", "response.schema", "gives null for a finish reason")),
    of(REASONS, row(Fault::UnknownFinishReason, "unknown-finish-reason", "response.schema", "has a finish reason of its own: `eos`")),
    row(Fault::ContentOfAnotherType, "content-of-another-type", "response.schema", "gives the text as a number"),
    row(Fault::JsonAsText, "json-as-text", "response.content_type", "calls its JSON text/plain"),
    row(Fault::NotUtf8, "not-utf8", "response.schema", "writes Latin-1"),
    of(TOTAL, row(Fault::TotalIsWrong, "total-is-wrong", "response.usage", "has a total of tokens that is not the sum")),
    of(USAGE, row(Fault::InputIsConstant, "input-is-constant", "response.usage", "counts as many tokens for any question")),
    of(USAGE, row(Fault::OutputIsNotCounted, "output-is-not-counted", "response.usage", "counts no token of its answer")),
    of(USAGE, row(Fault::LimitIsIgnored, "limit-is-ignored", "response.limit", "answers with more tokens than it may")),
    of(USAGE, row(Fault::CutIsCalledStop, "cut-is-called-stop", "response.limit", "says that an answer ended by itself which it cut")),
    of(EXACT, row(Fault::CutCountsOneLess, "cut-counts-one-less", "response.limit", "counts a token less where it cuts an answer")),
    of(USAGE, row(Fault::LimitIsOnTheCount, "limit-is-on-the-count", "response.limit", "counts no more tokens than there may be, and says more")),
    of(USAGE, row(Fault::StopsOneEarly, "stops-one-early", "response.limit", "ends an answer a token before its limit, and says that it ended by itself")),
    of(USAGE, row(Fault::LimitIsRaised, "limit-is-raised", "response.limit", "answers with 16 tokens at the least, and counts what it may")),
    of(EXACT, row(Fault::AlwaysCut, "always-cut", "response.limit", "says of every answer that it was cut")),
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
    row(Fault::UnicodeAnswersNothing, "unicode-answers-nothing", "request.unicode", "answers what is not ASCII with an empty body"),
    row(Fault::UnknownFieldIs500, "unknown-field-is-500", "request.unknown_field", "fails at a field that it does not know"),
    row(Fault::OversizedIs500, "oversized-is-500", "request.oversized", "fails at a question that is too long"),
    row(Fault::ErrorOfAnotherShape, "error-of-another-shape", "errors.shape", "has errors in another framework's shape"),
    row(Fault::ErrorWithoutWords, "error-without-words", "errors.shape", "has errors without a message"),
    row(Fault::WrongTypeOtherShape, "wrong-type-other-shape", "errors.shape", "refuses a field of another type in a shape of its own"),
    of(JSON_CHOICE, row(Fault::UnknownModelOtherShape, "unknown-model-other-shape", "errors.shape", "refuses a model that it does not have in a shape of its own")),
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
    of(EVENTS, row(Fault::EventLacksAField, "event-lacks-a-field", "stream.grammar", "leaves a field that is required out of the events of a stream")),
    of(CHAT, row(Fault::EventTextIsANumber, "event-text-is-a-number", "stream.grammar", "gives a piece of the text as a number")),
    of(&["ollama"], row(Fault::EventTimeIsNone, "event-time-is-none", "stream.grammar", "says of a line that it was made `just now`")),
    of(CHUNKS, row(Fault::ChunkWithoutIndex, "chunk-without-index", "stream.grammar", "does not say which answer a chunk is of")),
    of(&["claude"], row(Fault::BlockOfAnotherKind, "block-of-another-kind", "stream.grammar", "puts text into a block that calls a tool")),
    of(&["claude"], row(Fault::BlocksBeginAtOne, "blocks-begin-at-one", "stream.grammar", "counts blocks from 1")),
    of(TOTAL, row(Fault::StreamTotalIsWrong, "stream-total-is-wrong", "stream.usage", "has a total of tokens in a stream that is not the sum")),
    of(USAGE, row(Fault::StreamCountsNothing, "stream-counts-nothing", "stream.usage", "counts no token of an answer in a stream")),
    of(USAGE, row(Fault::NoUsageInStream, "no-usage-in-stream", "stream.usage", "counts no tokens in a stream that was asked to")),
    row(Fault::OtherTextInStream, "other-text-in-stream", "stream.equals_whole", "loses a token in a stream"),
    row(Fault::BrokenUtf8InStream, "broken-utf8-in-stream", "stream.equals_whole", "cuts characters in two, and puts marks in their place"),
    row(Fault::ErrorInStream, "error-in-stream", "stream.completes", "hides an error in a stream whose status is 200"),
    of(CHAT, row(Fault::StreamFailsLate, "stream-fails-late", "stream.completes", "fails in every stream of more than 40 tokens")),
    of(CHAT, row(Fault::StreamBreaksLate, "stream-breaks-late", "stream.completes", "ends every stream after 40 tokens, without a word")),
    row(Fault::AllAtOnce, "all-at-once", "stream.incremental", "sends a stream when all of it is there"),
    row(Fault::GoesOnForNobody, "goes-on-for-nobody", "stream.cancel", "goes on with an answer for a client that has left"),
    of(IMAGES, row(Fault::ImageIsDropped, "image-is-dropped", "features.images", "answers the words beside an image, without a word of the image")),
    of(IMAGES, row(Fault::ImageIs500, "image-is-500", "features.images", "fails at an image")),
    of(AUDIO, row(Fault::SoundIsDropped, "sound-is-dropped", "features.audio", "answers the words beside sound, without a word of the sound")),
    of(AUDIO, row(Fault::SoundIs500, "sound-is-500", "features.audio", "fails at sound")),
    of(TOOL_CHOICE, row(Fault::ToolIsNotCalled, "tool-is-not-called", "features.tools", "answers with words where a tool has to be called")),
    of(TOOLS, row(Fault::ToolOfAnotherName, "tool-of-another-name", "features.tools", "calls a tool that it was not offered")),
    of(TOOL_TEXTS, row(Fault::ToolArgumentsAreCut, "tool-arguments-are-cut", "features.tools", "gives half of a tool's arguments")),
    of(TOOLS, row(Fault::ToolArgumentsLackOne, "tool-arguments-lack-one", "features.tools", "leaves out an argument that the tool requires")),
    of(TOOL_IDS, row(Fault::ToolCallWithoutId, "tool-call-without-id", "features.tools", "gives a call of a tool no id, so that nobody can answer it")),
    of(TOOL_REASONS, row(Fault::ToolReasonIsStop, "tool-reason-is-stop", "features.tools", "says that an answer ended by itself which calls a tool")),
    of(SCHEMA, row(Fault::SchemaIsIgnored, "schema-is-ignored", "features.schema", "answers with words where JSON of a schema is asked for")),
    of(SCHEMA, row(Fault::SchemaLacksOne, "schema-lacks-one", "features.schema", "leaves out a field that the schema requires")),
    of(SCHEMA, row(Fault::SchemaInAFence, "schema-in-a-fence", "features.schema", "puts the JSON between marks of Markdown")),
    of(EMBEDDINGS, row(Fault::EmbeddingsAreConstant, "embeddings-are-constant", "features.embeddings", "gives every text the same vector")),
    of(EMBEDDINGS, row(Fault::EmbeddingsOutOfOrder, "embeddings-out-of-order", "features.embeddings", "gives the vectors of a batch in another order")),
    of(EMBEDDINGS, row(Fault::EmbeddingsLoseOne, "embeddings-lose-one", "features.embeddings", "gives a batch a vector too few")),
    of(EMBEDDINGS, row(Fault::EmbeddingsDependOnTheBatch, "embeddings-depend-on-the-batch", "features.embeddings", "gives a text another vector in a batch (as where padding is attended to)")),
    of(NORMED, row(Fault::EmbeddingsAreNotNormed, "embeddings-are-not-normed", "features.embeddings", "gives vectors of another length than 1")),
    of(EMBEDDINGS, row(Fault::EmbeddingsAreNotNumbers, "embeddings-are-not-numbers", "features.embeddings", "has null in a vector: a number that is none")),
    of(NUMBERED, row(Fault::EmbeddingIndexIsWrong, "embedding-index-is-wrong", "features.embeddings", "numbers each vector 0")),
    of(RERANK, row(Fault::RanksAreNotSorted, "ranks-are-not-sorted", "features.rerank", "gives documents in their own order")),
    of(FIRST, row(Fault::RankLimitIsIgnored, "rank-limit-is-ignored", "features.rerank", "gives more documents than are wanted")),
    of(RERANK, row(Fault::RankTwice, "rank-twice", "features.rerank", "gives a document twice, and another never")),
    of(RERANK, row(Fault::RankBeyondTheDocuments, "rank-beyond-the-documents", "features.rerank", "names a document that there is not")),
    of(COMPLETIONS, row(Fault::CompletionOfAnotherObject, "completion-of-another-object", "features.completions", "calls a completion a chat's")),
    of(COMPLETIONS, row(Fault::CompletionLimitIsIgnored, "completion-limit-is-ignored", "features.completions", "continues a text with more tokens than it may")),
    of(COMPLETIONS, row(Fault::CompletionIsCanned, "completion-is-canned", "features.completions", "continues every text alike")),
    of(RESPONSES, row(Fault::ResponseOfAnotherPart, "response-of-another-part", "features.responses", "has parts of a type that there is not: `text`")),
    of(RESPONSES, row(Fault::ResponseTotalIsWrong, "response-total-is-wrong", "features.responses", "has a total of tokens that is not the sum")),
    of(RESPONSES, row(Fault::ResponseLimitIsIgnored, "response-limit-is-ignored", "features.responses", "answers with more tokens than it may")),
    of(RESPONSES, row(Fault::CutResponseIsCalledCompleted, "cut-response-is-called-completed", "features.responses", "says that an answer is complete which it cut")),
    of(MODERATION, row(Fault::ModerationFlagDiffers, "moderation-flag-differs", "features.moderation", "flags no text of which a category is flagged")),
    of(MODERATION, row(Fault::ModerationScoreIsPercent, "moderation-score-is-percent", "features.moderation", "has scores beyond 1")),
    of(MODERATION, row(Fault::ModerationLosesOne, "moderation-loses-one", "features.moderation", "has a result too few")),
    of(SPEECH, row(Fault::SpeechOfAnotherForm, "speech-of-another-form", "features.speech", "gives MP3 for WAV")),
    of(SPEECH, row(Fault::SpeechAsBytes, "speech-as-bytes", "features.speech", "calls its sound application/octet-stream")),
    of(SPEECH, row(Fault::SpeechIsSilence, "speech-is-silence", "features.speech", "says nothing")),
    of(TRANSCRIPTION, row(Fault::TranscriptionOfAnotherName, "transcription-of-another-name", "features.transcription", "writes down what it hears under another name than `text`")),
    of(TRANSCRIPTION, row(Fault::SoundlessFormIs500, "soundless-form-is-500", "features.transcription", "fails at a form without sound")),
    of(TRANSCRIPTION, row(Fault::SoundlessFormAnswers, "soundless-form-answers", "features.transcription", "hears something in a form without sound")),
    of(TENSORS, row(Fault::TensorLost, "tensor-lost", "features.tensors", "gives no output that its metadata declares")),
    of(TENSORS, row(Fault::TensorOfAnotherType, "tensor-of-another-type", "features.tensors", "gives an output of another type than its metadata declares")),
    of(TENSORS, row(Fault::TensorLacksOne, "tensor-lacks-one", "features.tensors", "gives fewer numbers than the shape has")),
    of(TENSORS, row(Fault::TensorIdIsLost, "tensor-id-is-lost", "features.tensors", "does not give back the id of a request")),
    of(TENSORS, row(Fault::TensorsAreDrawn, "tensors-are-drawn", "features.tensors", "gives other outputs each time")),
    of(TENSORS, row(Fault::ShortTensorAnswers, "short-tensor-answers", "features.tensors", "answers inputs of fewer numbers than their shape has")),
    of(SIMILARITY, row(Fault::SimilarityIsDistance, "similarity-is-distance", "features.similarity", "gives how far texts are, not how near")),
    of(SIMILARITY, row(Fault::SimilarityLosesOne, "similarity-loses-one", "features.similarity", "gives a number too few")),
    of(CLASSIFICATION, row(Fault::LabelsOutOfOrder, "labels-out-of-order", "features.classification", "gives the labels of a batch in another order")),
    of(CLASSIFICATION, row(Fault::LabelScoresAreLogits, "label-scores-are-logits", "features.classification", "gives scores below 0")),
    of(BATCH, row(Fault::BatchOutOfOrder, "batch-out-of-order", "features.batch", "gives the outputs of a batch in another order")),
    of(BATCH, row(Fault::BatchLosesOne, "batch-loses-one", "features.batch", "gives an output too few")),
    of(OBJECTS, row(Fault::ObjectTagIsWrong, "object-tag-is-wrong", "objects.keep", "gives an ETag that is not the MD5 of what it was given")),
    of(OBJECTS, row(Fault::ObjectLosesAByte, "object-loses-a-byte", "objects.keep", "gives back a byte too few")),
    of(OBJECTS, row(Fault::ObjectTypeIsLost, "object-type-is-lost", "objects.keep", "forgets the type of what it was given")),
    of(OBJECTS, row(Fault::DeletedObjectStays, "deleted-object-stays", "objects.keep", "keeps what was deleted")),
    of(OBJECTS, row(Fault::ListOutOfOrder, "list-out-of-order", "objects.list", "lists names in another order")),
    of(OBJECTS, row(Fault::ListHidesTheRest, "list-hides-the-rest", "objects.list", "says of a first page that it is all")),
    of(OBJECTS, row(Fault::PageTokenIsIgnored, "page-token-is-ignored", "objects.list", "gives the first page again and again")),
    of(OBJECTS, row(Fault::PartsInOrderOfArrival, "parts-in-order-of-arrival", "objects.parts", "puts parts together as they came")),
    of(OBJECTS, row(Fault::SmallPartIsTaken, "small-part-is-taken", "objects.parts", "takes parts that are too small")),
    of(OBJECTS, row(Fault::AbortedUploadStays, "aborted-upload-stays", "objects.parts", "completes what was aborted")),
    of(OBJECTS, row(Fault::RangeIsIgnored, "range-is-ignored", "objects.conditions", "gives all of an object for a part of it")),
    of(OBJECTS, row(Fault::ConditionIsIgnored, "condition-is-ignored", "objects.conditions", "gives an object though the condition does not hold")),
    of(OBJECTS, row(Fault::MissingObjectIs403, "missing-object-is-403", "objects.errors", "calls what is not there forbidden, to who may see all")),
    of(OBJECTS, row(Fault::StoreErrorIsJson, "store-error-is-json", "objects.errors", "has errors in JSON")),
    of(OBJECTS, row(Fault::DigestIsIgnored, "digest-is-ignored", "objects.errors", "takes a body that is not that of its digest")),
];

impl FaultRow {
    /// One by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|row| row.name == name)
    }

    /// Whether a dialect has what it breaks.
    #[must_use]
    pub fn is_of(&self, dialect: &Dialect) -> bool {
        if self.dialects.is_empty() {
            CheckRow::named(self.check).is_some_and(|check| check.is_of(dialect))
        } else {
            self.dialects.contains(&dialect.name)
        }
    }
}
