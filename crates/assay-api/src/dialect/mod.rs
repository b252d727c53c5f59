//! Dialects: how one backend wants to be asked, and how it answers. Each is a [`Dialect`], put together of the same small files:
//! `endpoints` (routes, keys), `capabilities`, `request`, `response`, `stream`, `errors`, `limits`. What a variant of another dialect
//! lacks is that one's.

pub mod claude;
pub mod gemini;
pub mod groq;
pub mod metaai;
pub mod ollama;
pub mod opea;
pub mod openai;
pub mod ovms;
pub mod tgi;
pub mod vllm;
pub mod xai;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use crate::chat::{Answer, Chat, Delta};
use crate::error::{Error, Kind};
use crate::server::voice::Voice;
use crate::wire::Whole;

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
    ovms::DIALECT,
    opea::DIALECT,
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
    /// The body of a chat.
    pub request: fn(&Chat, model: &str) -> Value,
    /// The JSON Schema that the answer to a chat obeys.
    pub schema: fn() -> Value,
    /// Reads the answer to a chat that obeys the schema.
    pub response: fn(&Value) -> Answer,
    /// How a stream is cut into events.
    pub framing: Framing,
    /// Reads a stream.
    pub stream: fn() -> Box<dyn StreamReader>,
    /// Reads the body of an error: what it means (where the body says it more exactly than the status), and the server's words. None for
    /// one that does not have the dialect's own shape.
    pub error: fn(status: u16, body: &Value) -> Option<ErrorBody>,
    /// Reads limits from headers, and from the body of an error.
    pub limits: fn(&HeaderMap, Option<&Value>) -> Limits,
    /// The other side: what the fault server says.
    pub(crate) voice: &'static Voice,
}

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
    /// For a chat; `{model}` is the model's name.
    pub chat: &'static str,
    /// The same for a stream, where it is another one.
    pub stream: &'static str,
    /// For the list of models.
    pub models: Option<&'static str>,
    /// From the address' root: whether the server is up.
    pub health: Option<&'static str>,
    /// From the address' root: Prometheus' text.
    pub metrics: Option<&'static str>,
    /// The header by which the server's support finds a call.
    pub request_id: Option<&'static str>,
}

/// What a server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Capability {
    Chat,
    Streaming,
    /// Tokens are counted.
    Usage,
    /// Temperature 0 and a seed give the same answer again.
    Seed,
    Models,
    /// The model is chosen by its name, and one that there is not is refused. A server of one model may not look at the name.
    ModelChoice,
    Health,
    Metrics,
    Tools,
    StructuredOutput,
    Embeddings,
    Rerank,
    Images,
    Audio,
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
            Self::Seed => "seed",
            Self::Models => "models",
            Self::ModelChoice => "model_choice",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Tools => "tools",
            Self::StructuredOutput => "structured_output",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Images => "images",
            Self::Audio => "audio",
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

    /// The error that an answer is; none for one that is none.
    #[must_use]
    pub fn error_of(&self, answer: &Whole) -> Option<Error> {
        let kind = Kind::of_status(answer.status)?;
        let body = answer.json();
        let read = body
            .as_ref()
            .and_then(|body| (self.error)(answer.status, body));
        let limits = (self.limits)(&answer.headers, body.as_ref());
        let (own, words) = read.unwrap_or_else(|| (None, first_words(&answer.body)));
        Some(Error {
            status: Some(answer.status),
            retry_after: limits.retry_after,
            should_retry: limits.should_retry,
            request_id: self.request_id(&answer.headers),
            ..Error::new(own.unwrap_or(kind), words)
        })
    }

    /// The identifier of a call.
    #[must_use]
    pub fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        let value = headers.get(self.endpoints.request_id?)?;
        value.to_str().ok().map(str::to_owned)
    }
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
