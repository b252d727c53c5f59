//! A server that answers by a script, and keeps what it heard: what a client does is measured here, not where the client says so.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::answers::{self, Body};
use super::objects::Store;
use super::voice::Refused;
use super::{KEY, Settings};
use crate::dialect::Dialect;
use crate::endpoint::IDEMPOTENCY_KEY;

/// What is answered to a request, by how many came before it.
pub type Steps = dyn Fn(usize, &Heard) -> Step + Send + Sync;

/// A request, as the server heard it.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When it came.
    pub at: Instant,
    /// When its answer was made; none for one that is under way, or was left.
    pub until: Option<Instant>,
    /// The last message.
    pub question: String,
    /// What stands behind the dialect's prefix in each header that takes a key.
    pub keys: Vec<String>,
    /// By which it is told from other calls.
    pub idempotency: Option<String>,
    /// What it was told, where that is a whole answer.
    pub answer: String,
    /// The status that it was answered with; 0 for none.
    pub status: u16,
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Step {
    /// Rightly.
    Answer,
    /// With an error.
    Refuse(Refusal),
    /// With nothing: the connection is closed.
    Close,
}

/// An error.
#[derive(Debug, Clone, Default)]
pub struct Refusal {
    /// Its status.
    pub status: u16,
    /// Its kind, by Anthropic's name for it; that of the status, if none is given.
    pub kind: Option<&'static str>,
    /// Its words, where it matters what they are.
    pub words: Option<&'static str>,
    /// Its headers, besides those of every answer.
    pub headers: Vec<(&'static str, String)>,
    /// Its body; the dialect's own for the status, if none is given.
    pub body: Option<Value>,
}

impl Refusal {
    /// The dialect's own for a status.
    #[must_use]
    pub fn of(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// A key that is wrong, as a dialect refuses it.
    #[must_use]
    pub fn of_a_key(dialect: &Dialect) -> Self {
        Self {
            kind: Some("authentication_error"),
            words: Some("Incorrect API key provided"),
            ..Self::of(*dialect.endpoints.unauthorized.first().unwrap_or(&401))
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Steps, and what was heard. Clones share it.
#[derive(Clone)]
pub struct Script {
    steps: Arc<Steps>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

/// What closes a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed by the script")]
pub(super) struct Closed;

impl Script {
    /// One whose steps are a function of how many requests came before, and of the request.
    pub fn new(steps: impl Fn(usize, &Heard) -> Step + Send + Sync + 'static) -> Self {
        Self {
            steps: Arc::new(steps),
            heard: Arc::default(),
        }
    }

    /// Whatever was heard up to now, in order.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.locked().clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        settings: Settings,
        slots: Arc<Semaphore>,
        store: Arc<Store>,
    ) -> Result<Response<Body>, Closed> {
        let at = Instant::now();
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
        let text = |name: &str| {
            let values = head.headers.get_all(name).iter();
            values
                .filter_map(|value| value.to_str().ok())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (name, before) = settings
            .dialect
            .endpoints
            .key
            .unwrap_or(("authorization", "Bearer "));
        let keys = text(name).into_iter();
        let heard = Heard {
            at,
            until: None,
            question: question(&settings, &body),
            keys: keys
                .map(|key| key.strip_prefix(before).unwrap_or(&key).to_owned())
                .collect(),
            idempotency: text(IDEMPOTENCY_KEY).pop(),
            answer: String::new(),
            status: 0,
        };
        let (number, step) = {
            let mut all = self.locked();
            let number = all.len();
            let step = (self.steps)(number, &heard);
            all.push(heard);
            (number, step)
        };
        let mut told = String::new();
        let response = match step {
            Step::Close => return Err(Closed),
            Step::Refuse(refusal) => refuse(&settings, &refusal, number),
            Step::Answer => {
                let right = HeaderValue::try_from(format!("{before}{KEY}"));
                head.headers
                    .insert(HeaderName::from_static(name), right.map_err(|_| Closed)?);
                let request = Request::from_parts(head, Full::new(body));
                let answered = answers::answer(request, settings, slots, store).await;
                let (response, text) = read(&settings, answered.map_err(|_| Closed)?).await;
                told = text;
                response
            }
        };
        let mut all = self.locked();
        all[number].until = Some(Instant::now());
        all[number].answer = told;
        all[number].status = response.status().as_u16();
        Ok(response)
    }
}

/// The text of an answer that is whole, and the answer again. A stream is let through as it is.
async fn read(settings: &Settings, response: Response<Body>) -> (Response<Body>, String) {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| !kind.as_bytes().starts_with(b"application/json")) {
        return (response, String::new());
    }
    let (head, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(bytes) => bytes.to_bytes(),
        Err(never) => match never {},
    };
    let value: Option<Value> = serde_json::from_slice(&bytes).ok();
    let chat = settings.dialect.chat.as_ref();
    let text = chat.and_then(|chat| value.map(|value| (chat.response)(&value).text));
    let response = Response::from_parts(head, answers::boxed(bytes));
    (response, text.unwrap_or_default())
}

fn question(settings: &Settings, body: &Bytes) -> String {
    let Some(heard) = settings.dialect.voice.chat.as_ref().map(|chat| &chat.heard) else {
        return String::new();
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let messages = body.pointer(heard.messages).and_then(Value::as_array);
    let words = messages.and_then(|messages| (heard.message)(messages.last()?));
    words.unwrap_or_default().to_owned()
}

fn refuse(settings: &Settings, refusal: &Refusal, number: usize) -> Response<Body> {
    let refused = Refused {
        status: refusal.status,
        kind: refusal.kind.unwrap_or_else(|| kind(refusal.status)),
        words: refusal.words.unwrap_or("by the script").into(),
    };
    let own = || (settings.dialect.voice.error)(&refused, number as u64);
    let body = refusal.body.clone().unwrap_or_else(own);
    let mut response = Response::new(answers::boxed(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    for (name, value) in &refusal.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The kind of an error, by Anthropic's name for it.
fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
