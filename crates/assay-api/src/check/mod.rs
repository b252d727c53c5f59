//! What is checked of a server. Each check asks, and says what it saw; the judge's rule for all of them is that every tally is full.

mod connection;
mod errors;
mod features;
mod objects;
mod request;
mod response;
mod seen;
mod stream;

pub(crate) use seen::Seen;

use std::future::Future;
use std::pin::Pin;

use assay_model::{Observation, Origin, Raised};
use http::Method;
use http::header::CONTENT_TYPE;
use jsonschema::Validator;
use serde_json::Value;

use crate::chat::{Answer, Chat, Finish};
use crate::dialect::{Capability, Dialect};
use crate::wire::Whole;
use crate::{Call, Endpoint, Error, Kind};

/// What a check needs besides the server's capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Something that the dialect has.
    Can(Capability),
    /// A key.
    Key,
    /// An id by which support finds a call.
    RequestId,
    /// What it is there for is asked and answered in JSON.
    Json,
    /// Words are taken as they are.
    Words,
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
    /// What the server is there for, asked with words.
    async fn main(&self, words: &str) -> Result<Call, Error> {
        if self.endpoint.dialect.infer.is_some() && self.endpoint.dialect.chat.is_none() {
            return self.inferred(&format!("{words} ({:x})", self.nonce)).await;
        }
        if self.endpoint.dialect.can(Capability::Objects) {
            return Ok(objects::list(self, words));
        }
        self.endpoint.chat(&self.question(words, FEW))
    }

    /// Inputs that stand for words, as the model wants them.
    async fn inferred(&self, words: &str) -> Result<Call, Error> {
        let endpoint = self.endpoint;
        let infer = endpoint.dialect.infer.ok_or_else(|| {
            let words = format!("`{}` computes nothing", endpoint.dialect.name);
            Error::new(Kind::Invalid, words)
        })?;
        let about = match infer.about {
            Some(route) => {
                let call = Call::of(Method::GET, endpoint.with_names(route));
                endpoint.answer(&call).await?.1
            }
            None => Value::Null,
        };
        let body =
            (infer.request)(words, &about).map_err(|words| Error::new(Kind::Shape, words))?;
        let route = endpoint.with_names((infer.route)(&about));
        Ok(Call::post(route, &body))
    }

    /// What is answered to words: the answer as it came, and the part of it that depends on the words.
    ///
    /// # Errors
    /// As [`Endpoint::ask`].
    pub async fn answer_to(&self, words: &str, most: u32) -> Result<(Whole, String), Error> {
        let dialect = self.endpoint.dialect;
        if dialect.can(Capability::Objects) {
            return objects::kept(self, words).await;
        }
        let Some(infer) = dialect.infer.filter(|_| dialect.chat.is_none()) else {
            let (whole, answer) = self.endpoint.ask(&self.question(words, most)).await?;
            return Ok((whole, answer.reasoning + &answer.text));
        };
        let (whole, body) = self.endpoint.answer(&self.main(words).await?).await?;
        let moves = (infer.response)(&body);
        let moves = moves.ok_or_else(|| Error::new(Kind::Shape, "the answer has no outputs"))?;
        Ok((whole, moves))
    }

    /// The same of a model that may do another thing than what its dialect is there for: one of vectors alone shows vectors.
    ///
    /// # Errors
    /// As [`Endpoint::ask`].
    pub async fn shown(&self, words: &str, most: u32) -> Result<String, Error> {
        let error = match self.answer_to(words, most).await {
            Ok((_, moves)) => return Ok(moves),
            Err(error) => error,
        };
        let is_refused = matches!(
            error.kind,
            Kind::Invalid | Kind::NotFound | Kind::Permission
        );
        let dialect = self.endpoint.dialect;
        let (Some(embedding), Some(route)) = (
            dialect.embeddings.filter(|_| is_refused),
            dialect.endpoints.feature(Capability::Embeddings),
        ) else {
            return Err(error);
        };
        let body = (embedding.request)(&[words], &self.endpoint.model);
        let call = Call::post(self.endpoint.with_names(route), &body);
        let vectors = self.endpoint.answer(&call).await;
        let vectors = vectors
            .ok()
            .and_then(|(_, body)| (embedding.response)(&body));
        vectors.map(|vectors| format!("{vectors:?}")).ok_or(error)
    }

    /// A question with a limit, at temperature 0 and with a seed.
    fn question(&self, words: &str, most: u32) -> Chat {
        Chat {
            max_tokens: Some(most + self.endpoint.thoughts()),
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

/// Whether an answer was cut before it said a word: models think, aloud or not.
fn is_thought(answer: &Answer) -> bool {
    answer.text.is_empty() && answer.calls.is_empty() && answer.finish == Some(Finish::Length)
}

/// Tokens of an answer of which only is asked whether there is one.
const FEW: u32 = 8;

use Needs::{Can, Json, Key, RequestId, Words};

/// Every check, in the order in which they run.
#[rustfmt::skip]
pub const CHECKS: &[CheckRow] = &[
    check!("connection.answers", &[], connection::answers, "a question is answered, within every bound", "RFC 9110, RFC 9112"),
    check!("connection.kept", &[], connection::kept, "a connection that the server keeps carries a second question, and nothing between the answers", "RFC 9112 §§ 6.3, 9.3"),
    check!("connection.health", &[Can(Capability::Health)], connection::health, "the server says that it is up", "the dialect's health route"),
    check!("connection.metrics", &[Can(Capability::Metrics)], connection::counted, "what the server counts is Prometheus' text, and rises with an answer where its counter is known", "the dialect's metrics; Prometheus: exposition formats"),
    check!("connection.models", &[Can(Capability::Models)], connection::models, "the model is among those that are listed, in the dialect's shape", "the dialect's list of models"),
    check!("connection.wrong_key", &[Key], connection::wrong_key, "a wrong key and none are refused with 401 (or what the dialect has for it), in its shape", "RFC 9110 § 15.5.2"),
    check!("connection.wrong_path", &[Json], connection::wrong_path, "a route that there is not gives 404", "RFC 9110 § 15.5.5"),
    check!("response.schema", &[Json], response::schema, "an answer has every field that the dialect requires, of its type, and an id of its own", "the dialect's response"),
    check!("response.content_type", &[Json], response::content_type, "an answer is called application/json", "RFC 8259 § 11"),
    check!("response.usage", &[Can(Capability::Chat), Can(Capability::Usage)], response::usage, "tokens of question and answer are counted, grow with them, and add up", "the dialect's usage"),
    check!("response.limit", &[Can(Capability::Chat), Can(Capability::Usage)], response::limit, "an answer has no more tokens than it may, and says that it was cut", "the dialect's limit of tokens"),
    check!("response.moves", &[], response::moves, "other questions have other answers", "no server is a constant"),
    check!("response.repeatable", &[Can(Capability::Chat), Can(Capability::Seed)], response::repeatable, "a question with a seed, at temperature 0, has the same answer twice among three", "the dialect's seed"),
    check!("request.missing_field", &[Json], request::missing_field, "a request without its messages, its inputs or its model is refused, with 4xx", "RFC 9110 § 15.5"),
    check!("request.wrong_type", &[Json], request::wrong_type, "fields of another type are refused, with 4xx", "RFC 9110 § 15.5"),
    check!("request.no_json", &[Json], request::no_json, "a body that is no JSON is refused, with 4xx", "RFC 8259, RFC 9110 § 15.5"),
    check!("request.unknown_model", &[Can(Capability::ModelChoice)], request::unknown_model, "a model that there is not is refused, with 4xx", "the dialect's errors"),
    check!("request.unknown_field", &[Json], request::unknown_field, "a field that nobody knows is no failure of the server's", "RFC 9110 § 15.6"),
    check!("request.unicode", &[Words], request::unicode, "a question in any script is answered", "RFC 8259 § 8.1"),
    check!("errors.shape", &[Json], errors::shape, "errors are JSON in the dialect's shape, with words", "the dialect's errors"),
    check!("errors.ids", &[RequestId], errors::ids, "answers and errors have an id by which support finds the call", "the dialect's request id"),
    check!("features.tools", &[Can(Capability::Chat), Can(Capability::Tools)], features::tools, "the tool that has to be called is called, in the dialect's shape, with arguments that obey its schema", "the dialect's tools; JSON Schema 2020-12"),
    check!("features.schema", &[Can(Capability::Chat), Can(Capability::StructuredOutput)], features::schema, "an answer in a schema is JSON that obeys it", "the dialect's structured output; JSON Schema 2020-12"),
    check!("features.images", &[Can(Capability::Chat), Can(Capability::Images)], features::images, "an image beside words is read: the question has more tokens, and an answer", "the dialect's images"),
    check!("features.audio", &[Can(Capability::Chat), Can(Capability::Audio)], features::audio, "sound beside words is read: the question has more tokens, and an answer", "the dialect's audio"),
    check!("features.embeddings", &[Can(Capability::Embeddings)], features::embeddings, "each text has a vector of numbers, in order, the same by itself and in a batch", "the dialect's embeddings"),
    check!("features.rerank", &[Can(Capability::Rerank)], features::rerank, "each document is ranked once, by falling score, and the first few are the first of all", "the dialect's rerank"),
    check!("features.completions", &[Can(Capability::Completions)], features::completions, "texts are continued in the dialect's shape, within their limit", "OpenAI API reference: completions"),
    check!("features.responses", &[Can(Capability::Responses)], features::responses, "questions in OpenAI's newer form are answered in its shape, and say when they were cut", "OpenAI API reference: responses"),
    check!("features.moderation", &[Can(Capability::Moderation)], features::moderation, "each text is flagged as its categories are, with a score each", "OpenAI API reference: moderations"),
    check!("features.speech", &[Can(Capability::Speech)], features::speech, "a text is spoken, in the form that is asked for", "OpenAI API reference: audio/speech"),
    check!("features.transcription", &[Can(Capability::Transcription)], features::transcription, "sound is written down as a text, and a form without sound is refused", "OpenAI API reference: audio/transcriptions; RFC 7578"),
    check!("features.similarity", &[Can(Capability::Similarity)], features::similarity, "sentences have a cosine each, and are like themselves", "the dialect's similarity"),
    check!("features.classification", &[Can(Capability::Classification)], features::classification, "a text has each label once, with a share of 1, the same by itself and in a batch", "the dialect's classification"),
    check!("features.tensors", &[Can(Capability::Tensors)], features::tensors, "outputs are those of the model's metadata, of their shape, the same again, with the request's id", "Open Inference Protocol, version 2"),
    check!("features.batch", &[Can(Capability::Batch)], features::batch, "inputs have the same outputs in a batch and alone", "the dialect's batch"),
    check!("objects.keep", &[Can(Capability::Objects)], objects::keep, "what is put is there, whole, with its type and the MD5 of it, and is gone once it is deleted", "Amazon S3 API reference: PutObject, GetObject, HeadObject, DeleteObject"),
    check!("objects.list", &[Can(Capability::Objects)], objects::listed, "every name is listed once, in order, whole and page by page", "Amazon S3 API reference: ListObjectsV2"),
    check!("objects.parts", &[Can(Capability::Objects)], objects::parts, "an object of several parts is their sum, one too small is refused, and what is aborted is nowhere", "Amazon S3 API reference: CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload"),
    check!("objects.conditions", &[Can(Capability::Objects)], objects::conditions, "a part of an object is given as asked, and a condition that does not hold is told", "RFC 9110 §§ 13, 14; Amazon S3 API reference: GetObject"),
    check!("objects.errors", &[Can(Capability::Objects)], objects::errors, "what is not there and what was changed on the way is refused, in XML with the code for it", "Amazon S3 API reference: error responses"),
    check!("stream.completes", &[Can(Capability::Chat), Can(Capability::Streaming)], stream::completes, "a stream comes to its end without an error in it", "the dialect's stream"),
    check!("stream.grammar", &[Can(Capability::Chat), Can(Capability::Streaming)], stream::grammar, "the events of a stream are those of the dialect, with all of their fields, in their order, with the last one", "the dialect's stream"),
    check!("stream.usage", &[Can(Capability::Chat), Can(Capability::Streaming), Can(Capability::Usage)], stream::usage, "a stream counts the tokens that the whole answer counts, and they add up", "the dialect's stream"),
    check!("stream.equals_whole", &[Can(Capability::Chat), Can(Capability::Streaming)], stream::equals_whole, "the pieces of a stream together are the whole answer", "the dialect's stream"),
    check!("stream.incremental", &[Can(Capability::Chat), Can(Capability::Streaming)], stream::incremental, "a stream comes as it is made", "the dialect's stream"),
    check!("stream.cancel", &[Can(Capability::Chat), Can(Capability::Streaming)], stream::cancel, "a client that leaves frees its place", "the dialect's stream"),
    // Last: there are servers that it keeps busy for minutes.
    check!("request.oversized", &[Words], request::oversized, "a question of megabytes is refused, with 4xx, or read to its end", "RFC 9110 § 15.5.14"),
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
        self.is_of(endpoint.dialect) && (endpoint.has_key() || !self.needs.contains(&Key))
    }

    /// Whether it can be asked of servers of a dialect, with a key if it needs one.
    #[must_use]
    pub fn is_of(&self, dialect: &Dialect) -> bool {
        self.needs.iter().all(|needs| match needs {
            Can(capability) => dialect.can(*capability),
            Key => dialect.endpoints.key.is_some(),
            Json => dialect.is_json(),
            Words => dialect.takes_words(),
            RequestId => dialect.endpoints.request_id.is_some(),
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

/// The JSON Schema of what a dialect answers; none where that is no JSON.
fn schema_of(dialect: &Dialect) -> Option<Value> {
    match (&dialect.chat, &dialect.infer) {
        (Some(chatting), _) => Some((chatting.schema)()),
        (_, Some(infer)) => Some((infer.schema)()),
        _ => None,
    }
}

/// A JSON Schema, made ready.
fn validator(schema: &Value) -> Result<Validator, Error> {
    jsonschema::validator_for(schema)
        .map_err(|error| Error::new(Kind::Shape, format!("the schema is none: {error}")))
}

/// What breaks a schema, in words; none where nothing does.
fn wrong(validator: &Validator, body: &Value) -> Option<String> {
    const NAMED: usize = 5;
    let errors = validator.iter_errors(body).take(NAMED);
    let words: Vec<String> = errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Whether what came is called JSON, and what it is called.
fn json_type(answer: &Whole) -> (bool, &str) {
    let kind = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("none");
    let name = kind.split(';').next().unwrap_or_default().trim();
    (name.eq_ignore_ascii_case("application/json"), kind)
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
