//! What is answered to a request, with whatever is wrong.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::body::pieces;
use super::voice::{Event, Refused, Saying, Voice};
use super::words::{Told, tell};
use super::{Fault, KEY, MODEL, Settings};
use crate::dialect::{Capability, Dialect, Framing};

type Body = BoxBody<Bytes, Infallible>;

/// Bytes of a question at most.
const MOST: usize = 1 << 20;

/// The kind of a refusal of a key.
const WRONG_KEY: &str = "authentication_error";

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Answers one request.
pub(super) async fn answer(
    request: Request<Incoming>,
    settings: Settings,
    slots: Arc<Semaphore>,
) -> Result<Response<Body>, Infallible> {
    let call = Call {
        settings,
        number: CALLS.fetch_add(1, Ordering::Relaxed),
        slots,
    };
    let mut response = match call.routed(request).await {
        Ok(response) => response,
        Err(refused) => call.refusal(&refused),
    };
    if let Some(name) = settings.dialect.endpoints.request_id
        && !call.is(Fault::NoRequestId)
        && let Ok(value) = HeaderValue::try_from(format!("req_{}", call.number))
    {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

struct Call {
    settings: Settings,
    number: u64,
    slots: Arc<Semaphore>,
}

impl Call {
    fn is(&self, fault: Fault) -> bool {
        self.settings.fault == Some(fault)
    }

    fn dialect(&self) -> &'static Dialect {
        self.settings.dialect
    }

    fn voice(&self) -> &'static Voice {
        self.dialect().voice
    }

    async fn routed(&self, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        let endpoints = &self.dialect().endpoints;
        let prefix = endpoints.base.splitn(4, '/').nth(3).unwrap_or_default();
        let path = request.uri().path().to_owned();
        let route = path
            .strip_prefix(&format!("/{prefix}"))
            .unwrap_or_default()
            .to_owned();
        if request.method() == Method::GET && endpoints.health == Some(&path) {
            let status = if self.is(Fault::HealthIsDown) {
                500
            } else {
                200
            };
            return Ok(text(status, "text/plain", "it is up"));
        }
        self.is_allowed(&request)?;
        if request.method() == Method::GET && endpoints.models == Some(&route) {
            return Ok(self.json(200, self.models()));
        }
        let Some(addressed) = self.addressed(&route) else {
            return match self.settings.fault {
                Some(Fault::UnknownRouteAnswers) => Ok(self.json(200, json!({}))),
                Some(Fault::UnknownRouteIs500) => Err(failed()),
                _ => Err(unknown(format!("there is no {path}"))),
            };
        };
        if request.method() != Method::POST {
            return Err(Refused {
                status: 405,
                ..invalid(format!("{} is not for {path}", request.method()))
            });
        }
        let body = Limited::new(request.into_body(), MOST).collect().await;
        let body = body.map_err(|_| self.oversized())?.to_bytes();
        self.chat(&body, &addressed).await
    }

    /// What a route says of a chat; none for a route of something else.
    fn addressed(&self, route: &str) -> Option<Addressed> {
        let endpoints = &self.dialect().endpoints;
        let has_stream = endpoints.stream != endpoints.chat;
        let streamed = model_in(endpoints.stream, route).filter(|_| has_stream);
        let is_stream = streamed.is_some();
        let model = streamed.or_else(|| model_in(endpoints.chat, route))?;
        Some(Addressed {
            is_stream: has_stream.then_some(is_stream),
            model: (!model.is_empty()).then(|| model.to_owned()),
        })
    }

    fn is_allowed(&self, request: &Request<Incoming>) -> Result<(), Refused> {
        let Some((name, before)) = self.dialect().endpoints.key else {
            return Ok(());
        };
        let given = request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok());
        let is_right = given.and_then(|given| given.strip_prefix(before)) == Some(KEY);
        if is_right || self.is(Fault::TakesEveryKey) {
            return Ok(());
        }
        match self.settings.fault {
            Some(Fault::WrongKeyIs500) => Err(failed()),
            Some(Fault::WrongKeyIs403) => Err(Refused {
                status: 403,
                kind: "permission_error",
                words: "the key is wrong".into(),
            }),
            _ => Err(Refused {
                status: *self
                    .dialect()
                    .endpoints
                    .unauthorized
                    .first()
                    .unwrap_or(&401),
                kind: WRONG_KEY,
                words: "the key is wrong".into(),
            }),
        }
    }

    async fn chat(&self, body: &Bytes, addressed: &Addressed) -> Result<Response<Body>, Refused> {
        let asked = match serde_json::from_slice(body) {
            Ok(body) => self.understood(&body, addressed)?,
            Err(_) if self.is(Fault::NoJsonAnswers) => Asked::default(),
            Err(_) if self.is(Fault::NoJsonIs500) => return Err(failed()),
            Err(error) => return Err(invalid(format!("the body is no JSON: {error}"))),
        };
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let told = self.told(&asked);
        if asked.is_stream {
            return Ok(self.streamed(&told, slot));
        }
        tokio::time::sleep(self.settings.pace * u32::try_from(told.tokens.len()).unwrap_or(0))
            .await;
        let mut value = (self.voice().whole)(&self.saying(&told));
        self.spoil(&mut value);
        let mut response = self.json(200, value);
        if self.is(Fault::JsonAsText) {
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        if self.is(Fault::NotUtf8) {
            *response.body_mut() = boxed(b"{\"id\": \"na\xefve\"}".to_vec());
        }
        Ok(response)
    }

    /// Whether a request is valid: the question, the number of messages, the most tokens, whether it is to be a stream.
    fn understood(&self, body: &Value, addressed: &Addressed) -> Result<Asked, Refused> {
        self.has_model(body, addressed)?;
        let heard = &self.voice().heard;
        let at = |place: &str| body.pointer(place).filter(|its| !its.is_null());
        let is_stream = addressed.is_stream.or_else(|| body["stream"].as_bool());
        let mut asked = Asked {
            is_stream: is_stream.unwrap_or(heard.streams),
            ..Asked::default()
        };
        let Some(messages) = at(heard.messages) else {
            return match self.settings.fault {
                Some(Fault::MissingFieldAnswers) => Ok(asked),
                Some(Fault::MissingFieldIs500) => Err(failed()),
                _ => Err(invalid(format!("{} is missing", heard.messages))),
            };
        };
        let wrong = |what: &str| match self.settings.fault {
            Some(Fault::WrongTypeIs500) => failed(),
            _ => invalid(format!("{what} is of another type")),
        };
        let is_taken = self.is(Fault::WrongTypeAnswers);
        let Some(messages) = messages.as_array() else {
            return if is_taken {
                Ok(asked)
            } else {
                Err(wrong(heard.messages))
            };
        };
        if messages.is_empty() {
            return Err(invalid(format!("{} is empty", heard.messages)));
        }
        asked.messages = messages.len();
        if let Some(system) = heard.system.and_then(at).and_then(Value::as_str) {
            asked.question.push_str(system);
        }
        for message in messages {
            match (heard.message)(message) {
                Some(words) => asked.question.push_str(words),
                None if is_taken => {}
                None => return Err(wrong("a message")),
            }
        }
        let is_foreign = self.is(Fault::UnicodeIs500) && !asked.question.is_ascii();
        let is_unknown = self.is(Fault::UnknownFieldIs500) && body.get("assay_unknown").is_some();
        if is_foreign || is_unknown {
            return Err(failed());
        }
        asked.most = match at(heard.limit) {
            None if heard.needs_limit => {
                return Err(invalid(format!("{} is missing", heard.limit)));
            }
            None => None,
            Some(most) if most.is_u64() => most.as_u64(),
            Some(_) if is_taken => None,
            Some(_) => return Err(wrong(heard.limit)),
        };
        if at(heard.temperature).is_some_and(|its| !its.is_number()) && !is_taken {
            return Err(wrong(heard.temperature));
        }
        Ok(asked)
    }

    /// Whether the model that is asked for is the one that is there, in dialects that ask for one.
    fn has_model(&self, body: &Value, addressed: &Addressed) -> Result<(), Refused> {
        let asked = match &addressed.model {
            Some(model) => Some(model.as_str()),
            None => body["model"].as_str(),
        };
        if asked == Some(MODEL) || !self.dialect().can(Capability::ModelChoice) {
            return Ok(());
        }
        match (self.settings.fault, asked) {
            (Some(Fault::UnknownModelAnswers), _) => Ok(()),
            (Some(Fault::UnknownModelIs500), _) => Err(failed()),
            (_, None) => Err(invalid("`model` is missing".into())),
            (_, Some(model)) => Err(unknown(format!("there is no model {model}"))),
        }
    }

    fn told(&self, asked: &Asked) -> Told {
        let mut question = asked.question.clone();
        if self.is(Fault::Canned) {
            "the same".clone_into(&mut question);
        }
        if self.is(Fault::DrawsAtZero) {
            question += &self.number.to_string();
        }
        let most = asked.most.filter(|_| !self.is(Fault::LimitIsIgnored));
        let mut told = tell(&question, asked.messages, most);
        if self.is(Fault::CutIsCalledStop) {
            told.is_cut = false;
        }
        if self.is(Fault::InputIsConstant) {
            told.input = 7;
        }
        told
    }

    fn models(&self) -> Value {
        let name = if self.is(Fault::ModelNotListed) {
            "another"
        } else {
            MODEL
        };
        (self.voice().models)(name)
    }

    fn saying<'a>(&self, told: &'a Told) -> Saying<'a> {
        Saying {
            told,
            fault: self.settings.fault,
            number: self.number,
        }
    }

    /// Breaks an answer that is whole.
    fn spoil(&self, value: &mut Value) {
        let voice = self.voice();
        match self.settings.fault {
            Some(Fault::NoModel) => {
                value
                    .as_object_mut()
                    .map(|value| value.remove(voice.required));
            }
            Some(Fault::NoFinishReason) => {
                if let Some(its) = value.pointer_mut(voice.reason) {
                    *its = Value::Null;
                }
            }
            Some(Fault::ContentOfAnotherType) => {
                if let Some(its) = value.pointer_mut(voice.content) {
                    *its = json!(7);
                }
            }
            _ => {}
        }
    }

    /// Breaks a stream.
    fn spoil_stream(&self, events: &mut Vec<Event>) {
        match self.settings.fault {
            Some(Fault::NoFirstEvent) => {
                events.remove(0);
            }
            Some(Fault::NoLastEvent) => {
                events.pop();
            }
            Some(Fault::TextAfterTheEnd) => {
                let again = events[events.len() / 2].clone();
                events.push(again);
            }
            Some(Fault::EventThatIsNoJson) => {
                let middle = events.len() / 2;
                events[middle].1 = "b'tok'".into();
            }
            Some(Fault::BrokenUtf8InStream) => {
                for (_, data) in events.iter_mut() {
                    *data = data.replace(|letter: char| !letter.is_ascii(), "\u{fffd}\u{fffd}");
                }
            }
            Some(Fault::ErrorInStream) => {
                let refused = Refused {
                    status: 503,
                    kind: "overloaded_error",
                    words: "no room".into(),
                };
                events.truncate(events.len() / 2);
                events.extend((self.voice().failing)(&refused, self.number));
            }
            _ => {}
        }
    }

    fn streamed(&self, told: &Told, slot: impl Send + 'static) -> Response<Body> {
        let mut events = (self.voice().events)(&self.saying(told));
        self.spoil_stream(&mut events);
        let framing = self.dialect().framing;
        let frames: Vec<Bytes> = events
            .iter()
            .map(|(name, data)| framed(framing, name, data).into())
            .collect();
        let (sender, pieces) = pieces();
        let (pace, for_nobody, at_once) = (
            self.settings.pace,
            self.is(Fault::GoesOnForNobody),
            self.is(Fault::AllAtOnce),
        );
        tokio::spawn(async move {
            let _slot = slot;
            if at_once {
                tokio::time::sleep(pace * u32::try_from(frames.len()).unwrap_or(0)).await;
                let _ = sender.send(frames.concat().into()).await;
                return;
            }
            for frame in frames {
                tokio::time::sleep(pace).await;
                if sender.send(frame).await.is_err() && !for_nobody {
                    return;
                }
            }
        });
        let mut response = Response::new(pieces.boxed());
        let kind = match framing {
            _ if self.is(Fault::StreamAsJson) => "application/json",
            Framing::Sse => "text/event-stream; charset=utf-8",
            Framing::Ndjson => "application/x-ndjson",
        };
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    fn oversized(&self) -> Refused {
        if self.is(Fault::OversizedIs500) {
            return failed();
        }
        Refused {
            status: 413,
            kind: "request_too_large",
            words: format!("a question of more than {MOST} bytes"),
        }
    }

    fn refusal(&self, refused: &Refused) -> Response<Body> {
        let status = refused.status;
        let own = json!({"error_in_words": refused.words});
        let mut error = (self.voice().error)(refused, self.number);
        match self.settings.fault {
            Some(Fault::WrongKeyOtherShape) if refused.kind == WRONG_KEY => {
                return self.json(status, own);
            }
            Some(Fault::ErrorOfAnotherShape) if status < 500 => return self.json(status, own),
            Some(Fault::ErrorIsHtml) => return text(status, "text/html", "<h1>Bad Request</h1>"),
            Some(Fault::ErrorIs200) if status == 400 => return self.json(200, error),
            Some(Fault::ErrorWithoutWords) => {
                if let Some(words) = error.pointer_mut(self.voice().words) {
                    *words = Value::Null;
                }
            }
            _ => {}
        }
        self.json(status, error)
    }

    fn json(&self, status: u16, value: Value) -> Response<Body> {
        text(status, "application/json", &value.to_string())
    }
}

/// What is asked, once it is understood.
#[derive(Default)]
struct Asked {
    question: String,
    messages: usize,
    most: Option<u64>,
    is_stream: bool,
}

/// What the route of a chat says, where it says that.
struct Addressed {
    model: Option<String>,
    is_stream: Option<bool>,
}

/// The model in a route, by a template that has it as `{model}`; empty for a template without one. None for another route.
fn model_in<'a>(template: &str, route: &'a str) -> Option<&'a str> {
    let path = template.split('?').next().unwrap_or_default();
    match path.split_once("{model}") {
        Some((before, after)) => route.strip_prefix(before)?.strip_suffix(after),
        None => (path == route).then_some(""),
    }
}

fn framed(framing: Framing, name: &str, data: &str) -> String {
    match (framing, name) {
        (Framing::Ndjson, _) => format!("{data}\n"),
        (Framing::Sse, "") => format!("data: {data}\n\n"),
        (Framing::Sse, name) => format!("event: {name}\ndata: {data}\n\n"),
    }
}

fn invalid(words: String) -> Refused {
    Refused {
        status: 400,
        kind: "invalid_request_error",
        words,
    }
}

fn unknown(words: String) -> Refused {
    Refused {
        status: 404,
        kind: "not_found_error",
        words,
    }
}

fn failed() -> Refused {
    Refused {
        status: 500,
        kind: "api_error",
        words: "something went wrong".into(),
    }
}

fn boxed(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

fn text(status: u16, kind: &'static str, text: &str) -> Response<Body> {
    let mut response = Response::new(boxed(text.to_owned()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
