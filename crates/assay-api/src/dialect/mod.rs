//! Dialects: how one backend wants to be asked, and how it answers. Each is a [`Dialect`], put together of the same small files:
//! `endpoints` (routes, keys), `capabilities`, `request`, `response`, `stream`, `errors`, `limits`. What a variant of another dialect
//! lacks is that one's.

pub mod claude;
pub mod gemini;
pub mod groq;
pub mod kserve;
pub mod llvm;
pub mod metaai;
pub mod ollama;
pub mod opea;
pub mod openai;
pub mod ovms;
pub mod s3;
pub mod tei;
pub mod tgi;
pub mod vllm;
pub mod xai;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use crate::chat::{Answer, Chat, Delta};
use crate::endpoint::Signer;
use crate::error::{Error, Kind};
use crate::server::voice::Voice;
use crate::wire::{Outgoing, Whole};

/// Every dialect.
pub const ALL: &[Dialect] = &[
    openai::DIALECT,
    claude::DIALECT,
    gemini::DIALECT,
    groq::DIALECT,
    xai::DIALECT,
    metaai::DIALECT,
    ollama::DIALECT,
    vllm::DIALECT,
    tgi::DIALECT,
    tei::DIALECT,
    ovms::DIALECT,
    kserve::DIALECT,
    opea::DIALECT,
    llvm::DIALECT,
    s3::DIALECT,
];

/// How one backend wants to be asked, and how it answers.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The name on the command line and in records.
    pub name: &'static str,
    /// Where it is specified.
    pub specification: &'static str,
    /// Routes and keys.
    pub endpoints: Endpoints,
    /// What a server that speaks it can do.
    pub capabilities: &'static [Capability],
    /// How it chats, where it does.
    pub chat: Option<Chatting>,
    /// How it computes outputs of inputs, where it does.
    pub infer: Option<Inferring>,
    /// How it makes vectors of texts, where it does.
    pub embeddings: Option<Embedding>,
    /// How it orders documents by a query, where it does.
    pub rerank: Option<Reranking>,
    /// Reads the body of an error: what it means (where the body says it more exactly than the status), and the server's words. None for
    /// one that does not have the dialect's own shape.
    pub error: fn(status: u16, body: &Value) -> Option<ErrorBody>,
    /// Reads a body as values.
    pub parse: fn(&[u8]) -> Option<Value>,
    /// Signs what goes out, where the key itself is not sent; else in words what can't be signed.
    pub sign: Option<Sign>,
    /// Reads limits from headers, and from the body of an error.
    pub limits: fn(&HeaderMap, Option<&Value>) -> Limits,
    /// The other side: what the fault server says.
    pub(crate) voice: &'static Voice,
}

/// How a dialect chats.
#[derive(Debug, Clone, Copy)]
pub struct Chatting {
    /// The body of a chat.
    pub request: fn(&Chat, model: &str) -> Value,
    /// The JSON Schema that the answer obeys.
    pub schema: fn() -> Value,
    /// Reads an answer that obeys the schema.
    pub response: fn(&Value) -> Answer,
    /// The JSON Schema that each event of a stream obeys, but one that is an error or a mark of the end.
    pub event: fn() -> Value,
    /// The field of a request that the model does not take, by the body of an error; none for an error of something else.
    pub refused: fn(&Value) -> Option<&str>,
    /// How a stream is cut into events.
    pub framing: Framing,
    /// Reads a stream.
    pub stream: fn() -> Box<dyn StreamReader>,
}

/// How a dialect computes outputs of inputs.
#[derive(Debug, Clone, Copy)]
pub struct Inferring {
    /// Where the server says how its model is asked; none where each is asked alike.
    pub about: Option<&'static str>,
    /// The route, by what is said there.
    pub route: fn(about: &Value) -> &'static str,
    /// The body that stands for words; else in words why there is none.
    pub request: fn(words: &str, about: &Value) -> Result<Value, String>,
    /// The JSON Schema that the answer obeys.
    pub schema: fn() -> Value,
    /// What of the answer depends on the words; none for a body of another shape.
    pub response: fn(&Value) -> Option<String>,
    /// Whether words are taken as they are. Else numbers stand for them.
    pub takes_words: bool,
}

/// How a dialect makes vectors of texts.
#[derive(Debug, Clone, Copy)]
pub struct Embedding {
    /// The body for some texts.
    pub request: fn(texts: &[&str], model: &str) -> Value,
    /// A vector a text, in their order; none for a body of another shape.
    pub response: fn(&Value) -> Option<Vec<Vec<f64>>>,
    /// Whether each vector has length 1.
    pub is_normed: bool,
}

/// Places among documents, each with its score.
pub type Ranks = Vec<(usize, f64)>;

/// How a dialect orders documents by a query.
#[derive(Debug, Clone, Copy)]
pub struct Reranking {
    /// The body for some documents, of which only the first so many are wanted.
    pub request: fn(query: &str, documents: &[&str], first: Option<usize>, model: &str) -> Value,
    /// Places among the documents, and scores, in the order given; none for a body of another shape.
    pub response: fn(&Value) -> Option<Ranks>,
    /// Whether it can be asked for the first few alone.
    pub has_first: bool,
}

/// Signs what goes out, with a key, at a time.
pub type Sign = fn(&mut Outgoing, &str, &Signer, jiff::Timestamp) -> Result<(), &'static str>;

/// What the body of an error says: what it means, where it is more exact than the status, and the server's words.
pub type ErrorBody = (Option<Kind>, String);

/// Routes and keys.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints {
    /// The address of the public service, or the usual one on a machine of one's own.
    pub base: &'static str,
    /// Environment variables that hold a key, the first one that is set.
    pub keys: &'static [&'static str],
    /// Environment variables that hold another address.
    pub bases: &'static [&'static str],
    /// The header that takes the key, and what stands before it there.
    pub key: Option<(&'static str, &'static str)>,
    /// The statuses with which a wrong key, or none, is refused, that of a wrong key first. RFC 9110 § 15.5.2 has 401.
    pub unauthorized: &'static [u16],
    /// Headers that every request has.
    pub headers: &'static [(&'static str, &'static str)],
    /// For a chat, where the dialect chats; `{model}` is the model's name.
    pub chat: &'static str,
    /// The same for a stream, where it is another one.
    pub stream: &'static str,
    /// For what else a server can do, where that has a route of its own.
    pub features: &'static [(Capability, &'static str)],
    /// The list of models.
    pub models: Option<Listing>,
    /// From the address' root: whether the server is up.
    pub health: Option<&'static str>,
    /// From the address' root: Prometheus' text.
    pub metrics: Option<&'static str>,
    /// Whether limits hold for all keys of an organisation together, so that more keys add nothing.
    pub is_limited_as_one: bool,
    /// The header by which the server's support finds a call.
    pub request_id: Option<&'static str>,
}

impl Endpoints {
    /// The route of something that a server can do.
    #[must_use]
    pub fn feature(&self, capability: Capability) -> Option<&'static str> {
        let found = self.features.iter().find(|(its, _)| *its == capability);
        found.map(|(_, route)| *route)
    }
}

/// How a dialect lists its models.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// The route of the first page.
    pub route: &'static str,
    /// The JSON Schema that each page obeys.
    pub schema: fn() -> Value,
    /// The names of the models on a page.
    pub names: fn(&Value) -> Vec<String>,
    /// The query that gets the page after this one; none for the last.
    pub next: fn(&Value) -> Option<String>,
    /// The route of one model, where models have names that no list has: `{model}` is the name.
    pub one: Option<&'static str>,
}

/// What a server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Capability {
    Chat,
    Streaming,
    /// Tokens are counted.
    Usage,
    /// An answer that is cut has as many tokens as it may, by the server's own count.
    ExactLimit,
    /// A question that is longer than the context is cut, and answered.
    CutsQuestions,
    /// A request that names no model is for the one that is there.
    DefaultModel,
    /// Temperature 0 and a seed give the same answer again.
    Seed,
    Models,
    /// The model is chosen by its name, and one that there is not is refused. A server of one model may not look at the name.
    ModelChoice,
    Health,
    Metrics,
    Tools,
    /// An answer can be made to call a tool.
    ToolChoice,
    StructuredOutput,
    Embeddings,
    Rerank,
    Images,
    Audio,
    /// A text is continued.
    Completions,
    /// OpenAI's successor of chats.
    Responses,
    Moderation,
    /// A text is spoken.
    Speech,
    /// What is spoken is written down.
    Transcription,
    /// How near texts are to each other.
    Similarity,
    /// Which labels a text has.
    Classification,
    /// Tensors go in and come out.
    Tensors,
    /// Several inputs at once.
    Batch,
    Objects,
}

impl Capability {
    /// The fact by which checks ask for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Streaming => "streaming",
            Self::Usage => "usage",
            Self::ExactLimit => "exact_limit",
            Self::CutsQuestions => "cuts_questions",
            Self::DefaultModel => "default_model",
            Self::Seed => "seed",
            Self::Models => "models",
            Self::ModelChoice => "model_choice",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Tools => "tools",
            Self::ToolChoice => "tool_choice",
            Self::StructuredOutput => "structured_output",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Moderation => "moderation",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
            Self::Similarity => "similarity",
            Self::Classification => "classification",
            Self::Tensors => "tensors",
            Self::Batch => "batch",
            Self::Objects => "objects",
        }
    }
}

/// How a stream is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events (`text/event-stream`).
    Sse,
    /// A value a line (`application/x-ndjson`).
    Ndjson,
}

/// One event of a stream, or one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The event's name, where events have some.
    pub name: String,
    /// What it carries.
    pub data: String,
}

/// Reads the events of one stream, in their order.
pub trait StreamReader: Send {
    /// What an event says.
    ///
    /// # Errors
    /// What breaks the grammar of the stream, in words.
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Delta>, String>;

    /// What is missing, once the stream has ended: its last event, a finish reason.
    fn missing(&self) -> Vec<String>;
}

/// What a server says of how much it takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the call is to be tried again at all, by its own word (`x-should-retry`).
    pub should_retry: Option<bool>,
    /// Requests that are left.
    pub remaining_requests: Option<u64>,
    /// Tokens that are left.
    pub remaining_tokens: Option<u64>,
}

impl Dialect {
    /// One by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|dialect| dialect.name == name)
    }

    /// Whether a server that speaks it can do something.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether what it is there for is asked and answered in JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.chat.is_some() || self.infer.is_some()
    }

    /// Whether it takes words as they are.
    #[must_use]
    pub fn takes_words(&self) -> bool {
        self.chat.is_some() || self.infer.is_some_and(|infer| infer.takes_words)
    }

    /// The error that an answer is; none for one that is none.
    #[must_use]
    pub fn error_of(&self, answer: &Whole) -> Option<Error> {
        let kind = Kind::of_status(answer.status)?;
        let limits = (self.limits)(&answer.headers, answer.json().as_ref());
        let (own, words) = self
            .told(answer)
            .unwrap_or_else(|| (None, first_words(&answer.body)));
        Some(Error {
            status: Some(answer.status),
            retry_after: limits.retry_after,
            should_retry: limits.should_retry,
            request_id: self.request_id(&answer.headers),
            ..Error::new(own.unwrap_or(kind), words)
        })
    }

    /// What the body of an error says, where it has the dialect's shape.
    #[must_use]
    pub fn told(&self, answer: &Whole) -> Option<ErrorBody> {
        (self.error)(answer.status, &(self.parse)(&answer.body)?)
    }

    /// The identifier of a call.
    #[must_use]
    pub fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        let value = headers.get(self.endpoints.request_id?)?;
        value.to_str().ok().map(str::to_owned)
    }
}

/// JSON.
#[must_use]
pub fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

/// What a body that nobody understands begins with.
fn first_words(body: &[u8]) -> String {
    const MOST: usize = 200;
    String::from_utf8_lossy(&body[..body.len().min(MOST)])
        .trim()
        .to_owned()
}

/// `retry-after` in seconds or as a date, and `retry-after-ms` (RFC 9110 § 10.2.3; milliseconds are OpenAI's).
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &http::HeaderValue| value.to_str().ok())
    };
    if let Some(milliseconds) =
        text("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok())
    {
        return Duration::try_from_secs_f64(milliseconds / 1e3).ok();
    }
    let value = text("retry-after")?.trim();
    match value.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => {
            let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
            Duration::try_from(until - jiff::Timestamp::now())
                .ok()
                .or(Some(Duration::ZERO))
        }
    }
}
