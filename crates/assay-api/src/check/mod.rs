//! What is checked of a server. Each check asks, and says what it saw; the judge's rule for all of them is that every tally is full.

mod connection;
mod errors;
mod request;
mod response;
mod seen;
mod stream;

use std::future::Future;
use std::pin::Pin;

use assay_model::{Observation, Origin, Raised};

use crate::chat::Chat;
use crate::dialect::Capability;
use crate::{Endpoint, Error};

/// What a check needs besides the server's capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Something that the dialect has.
    Can(Capability),
    /// A key.
    Key,
    /// An id by which support finds a call.
    RequestId,
}

/// A check of a server.
#[derive(Debug, Clone, Copy)]
pub struct CheckRow {
    /// Its name.
    pub id: &'static str,
    /// What it needs; else it does not apply.
    pub needs: &'static [Needs],
    /// What it asserts, as one sentence without a full stop.
    pub asserts: &'static str,
    /// Where that is specified.
    pub specified: &'static str,
    run: for<'a> fn(&'a Asking<'a>) -> Running<'a>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Observation, Error>> + Send + 'a>>;

/// A server under test, and what questions are made of.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The server.
    pub endpoint: &'a Endpoint,
    /// Makes questions that nobody has asked before.
    pub nonce: u64,
}

impl Asking<'_> {
    /// A question with a limit, at temperature 0 and with a seed.
    fn question(&self, words: &str, most: u32) -> Chat {
        Chat {
            max_tokens: Some(most),
            temperature: Some(0.0),
            seed: self.endpoint.dialect.can(Capability::Seed).then_some(7),
            ..Chat::of(format!("{words} ({:x})", self.nonce))
        }
    }
}

/// Declares a check that is a function of its own.
macro_rules! check {
    ($id:literal, $needs:expr, $run:path, $asserts:literal, $specified:literal) => {
        CheckRow {
            id: $id,
            needs: $needs,
            asserts: $asserts,
            specified: $specified,
            run: |asking| Box::pin($run(asking)),
        }
    };
}

use Needs::{Can, Key, RequestId};

/// Every check, in the order in which they run.
#[rustfmt::skip]
pub const CHECKS: &[CheckRow] = &[
    check!("connection.answers", &[], connection::answers, "a question is answered, within every bound", "RFC 9110, RFC 9112"),
    check!("connection.health", &[Can(Capability::Health)], connection::health, "the server says that it is up", "the dialect's health route"),
    check!("connection.models", &[Can(Capability::Models)], connection::models, "the model is among those that are listed", "the dialect's list of models"),
    check!("connection.wrong_key", &[Key], connection::wrong_key, "a wrong key and none are refused with 401 (or what the dialect has for it), in its shape", "RFC 9110 § 15.5.2"),
    check!("connection.wrong_path", &[], connection::wrong_path, "a route that there is not gives 404", "RFC 9110 § 15.5.5"),
    check!("response.schema", &[], response::schema, "an answer has every field that the dialect requires, of its type", "the dialect's response"),
    check!("response.content_type", &[], response::content_type, "an answer is called application/json", "RFC 8259 § 11"),
    check!("response.usage", &[Can(Capability::Usage)], response::usage, "tokens of question and answer are counted, grow with them, and add up", "the dialect's usage"),
    check!("response.limit", &[Can(Capability::Usage)], response::limit, "an answer has no more tokens than it may, and says that it was cut", "the dialect's limit of tokens"),
    check!("response.moves", &[], response::moves, "other questions have other answers", "no server is a constant"),
    check!("response.repeatable", &[Can(Capability::Seed)], response::repeatable, "a question with a seed, at temperature 0, has the same answer again", "the dialect's seed"),
    check!("request.missing_field", &[], request::missing_field, "a request without its messages or its model is refused, with 4xx", "RFC 9110 § 15.5"),
    check!("request.wrong_type", &[], request::wrong_type, "fields of another type are refused, with 4xx", "RFC 9110 § 15.5"),
    check!("request.no_json", &[], request::no_json, "a body that is no JSON is refused, with 4xx", "RFC 8259, RFC 9110 § 15.5"),
    check!("request.unknown_model", &[Can(Capability::ModelChoice)], request::unknown_model, "a model that there is not is refused, with 4xx", "the dialect's errors"),
    check!("request.unknown_field", &[], request::unknown_field, "a field that nobody knows is no failure of the server's", "RFC 9110 § 15.6"),
    check!("request.unicode", &[], request::unicode, "a question in any script is answered", "RFC 8259 § 8.1"),
    check!("request.oversized", &[], request::oversized, "a question of megabytes is refused, with 4xx", "RFC 9110 § 15.5.14"),
    check!("errors.shape", &[], errors::shape, "errors are JSON in the dialect's shape, with words", "the dialect's errors"),
    check!("errors.ids", &[RequestId], errors::ids, "answers and errors have an id by which support finds the call", "the dialect's request id"),
    check!("stream.completes", &[Can(Capability::Streaming)], stream::completes, "a stream comes to its end without an error in it", "the dialect's stream"),
    check!("stream.grammar", &[Can(Capability::Streaming)], stream::grammar, "the events of a stream are those of the dialect, in their order, with the last one", "the dialect's stream"),
    check!("stream.usage", &[Can(Capability::Streaming), Can(Capability::Usage)], stream::usage, "a stream counts the tokens that the whole answer counts", "the dialect's stream"),
    check!("stream.equals_whole", &[Can(Capability::Streaming)], stream::equals_whole, "the pieces of a stream together are the whole answer", "the dialect's stream"),
    check!("stream.incremental", &[Can(Capability::Streaming)], stream::incremental, "a stream comes as it is made", "the dialect's stream"),
    check!("stream.cancel", &[Can(Capability::Streaming)], stream::cancel, "a client that leaves frees its place", "the dialect's stream"),
];

impl CheckRow {
    /// One by its name.
    #[must_use]
    pub fn named(id: &str) -> Option<&'static Self> {
        CHECKS.iter().find(|row| row.id == id)
    }

    /// Whether it can be asked of a server.
    #[must_use]
    pub fn applies_to(&self, endpoint: &Endpoint) -> bool {
        self.needs.iter().all(|needs| match needs {
            Can(capability) => endpoint.dialect.can(*capability),
            Key => endpoint.has_key() && endpoint.dialect.endpoints.key.is_some(),
            RequestId => endpoint.dialect.endpoints.request_id.is_some(),
        })
    }

    /// Asks. A call that fails where the check counts on an answer ends it, as an exception ends a check of a model.
    pub async fn observe(&self, asking: &Asking<'_>) -> Observation {
        let began = std::time::Instant::now();
        let mut seen = match (self.run)(asking).await {
            Ok(seen) => seen,
            Err(error) => Observation {
                raised: Some(raised(&error)),
                ..Observation::default()
            },
        };
        seen.seconds = began.elapsed().as_secs_f64();
        seen
    }
}

/// An error as the record has it.
#[must_use]
pub fn raised(error: &Error) -> Raised {
    let status = error
        .status
        .map(|status| format!("{status}: "))
        .unwrap_or_default();
    let id = error
        .request_id
        .as_ref()
        .map(|id| format!(" (call {id})"))
        .unwrap_or_default();
    Raised {
        exception: error.kind.name().into(),
        message: format!("{status}{}{id}", error.words),
        frames: Vec::new(),
        origin: Origin::Subject,
        out_of_memory: false,
        missing_package: None,
        not_a_model: None,
        stage: None,
        unavailable: None,
    }
}
