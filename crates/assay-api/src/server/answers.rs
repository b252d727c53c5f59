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
use super::words::{Told, tell};
use super::{Fault, KEY, MODEL, Settings};
use crate::dialect::{Dialect, Framing};

type Body = BoxBody<Bytes, Infallible>;

/// Bytes of a question at most.
const MOST: usize = 1 << 20;

static CALLS: AtomicU64 = AtomicU64::new(0);

/// A refusal: its status, and the dialect's name for it.
struct Refused(u16, &'static str, String);

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
        if route != endpoints.chat {
            return match self.settings.fault {
                Some(Fault::UnknownRouteAnswers) => Ok(self.json(200, json!({}))),
                Some(Fault::UnknownRouteIs500) => Err(failed()),
                _ => Err(Refused(
                    404,
                    "not_found_error",
                    format!("there is no {path}"),
                )),
            };
        }
        if request.method() != Method::POST {
            return Err(Refused(
                405,
                "invalid_request_error",
                format!("{} is not for {path}", request.method()),
            ));
        }
        let body = Limited::new(request.into_body(), MOST).collect().await;
        let body = body.map_err(|_| self.oversized())?.to_bytes();
        self.chat(&body).await
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
            Some(Fault::WrongKeyIs403) => {
                Err(Refused(403, "permission_error", "the key is wrong".into()))
            }
            _ => Err(Refused(
                401,
                "authentication_error",
                "the key is wrong".into(),
            )),
        }
    }

    async fn chat(&self, body: &Bytes) -> Result<Response<Body>, Refused> {
        let parsed: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(_) if self.is(Fault::NoJsonAnswers) => {
                json!({"model": MODEL, "messages": [], "max_tokens": 8})
            }
            Err(_) if self.is(Fault::NoJsonIs500) => return Err(failed()),
            Err(error) => return Err(invalid(format!("the body is no JSON: {error}"))),
        };
        let asked = self.understood(&parsed)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let told = self.told(&asked);
        // Ollama streams unless it is told not to.
        if parsed["stream"]
            .as_bool()
            .unwrap_or(self.dialect().name == "ollama")
        {
            return Ok(self.streamed(&told, slot));
        }
        tokio::time::sleep(self.settings.pace * u32::try_from(told.tokens.len()).unwrap_or(0))
            .await;
        let mut value = self.whole(&told);
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

    /// Whether a request is valid: the question, the number of messages, the most tokens.
    fn understood(&self, body: &Value) -> Result<Asked, Refused> {
        let model = &body["model"];
        if model != MODEL {
            match self.settings.fault {
                Some(Fault::UnknownModelAnswers) => {}
                Some(Fault::UnknownModelIs500) => return Err(failed()),
                _ if model.is_null() => return Err(invalid("`model` is missing".into())),
                _ => {
                    return Err(Refused(
                        404,
                        "not_found_error",
                        format!("there is no model {model}"),
                    ));
                }
            }
        }
        let messages = &body["messages"];
        if messages.is_null() {
            match self.settings.fault {
                Some(Fault::MissingFieldAnswers) => return Ok(Asked::default()),
                Some(Fault::MissingFieldIs500) => return Err(failed()),
                _ => return Err(invalid("`messages` is missing".into())),
            }
        }
        let wrong = |what: &str| match self.settings.fault {
            Some(Fault::WrongTypeIs500) => failed(),
            _ => invalid(format!("{what} is of another type")),
        };
        let is_taken = self.is(Fault::WrongTypeAnswers);
        let Some(messages) = messages.as_array() else {
            return if is_taken {
                Ok(Asked::default())
            } else {
                Err(wrong("`messages`"))
            };
        };
        let mut question = body["system"].as_str().unwrap_or_default().to_owned();
        for message in messages {
            let content = message["content"].as_str();
            let is_role = matches!(
                message["role"].as_str(),
                Some("system" | "user" | "assistant")
            );
            match content {
                Some(content) if is_role || is_taken => question.push_str(content),
                None if is_taken => {}
                _ => return Err(wrong("a message")),
            }
        }
        if messages.is_empty() && !self.is(Fault::NoJsonAnswers) {
            return Err(invalid("`messages` is empty".into()));
        }
        if self.is(Fault::UnicodeIs500) && !question.is_ascii() {
            return Err(failed());
        }
        if self.is(Fault::UnknownFieldIs500) && body.get("assay_unknown").is_some() {
            return Err(failed());
        }
        let most = [&body["max_tokens"], &body["options"]["num_predict"]];
        let most = most.into_iter().find(|its| !its.is_null());
        let most = match most {
            None if self.dialect().name == "claude" => {
                return Err(invalid("`max_tokens` is missing".into()));
            }
            None => None,
            Some(most) if most.is_u64() => most.as_u64(),
            Some(_) if is_taken => None,
            Some(_) => return Err(wrong("the limit of tokens")),
        };
        let temperature = [&body["temperature"], &body["options"]["temperature"]];
        if temperature
            .into_iter()
            .any(|its| !its.is_null() && !its.is_number())
            && !is_taken
        {
            return Err(wrong("`temperature`"));
        }
        Ok(Asked {
            question,
            messages: messages.len(),
            most,
        })
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
        match self.dialect().name {
            "ollama" => json!({"models": [{"name": name, "model": name}]}),
            "claude" => json!({"data": [{"type": "model", "id": name}], "has_more": false}),
            _ => {
                json!({"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "assay"}]})
            }
        }
    }

    fn whole(&self, told: &Told) -> Value {
        let text = told.tokens.concat();
        let output = if self.is(Fault::OutputIsNotCounted) {
            0
        } else {
            told.tokens.len() as u64
        };
        match self.dialect().name {
            "ollama" => json!({
                "model": MODEL, "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": text},
                "done": true, "done_reason": self.reason(told), "prompt_eval_count": told.input, "eval_count": output,
            }),
            "claude" => json!({
                "id": format!("msg_{}", self.number), "type": "message", "role": "assistant", "model": MODEL,
                "content": [{"type": "text", "text": text}], "stop_reason": self.reason(told), "stop_sequence": null,
                "usage": {"input_tokens": told.input, "output_tokens": output},
            }),
            _ => {
                let total = told.input + output + u64::from(self.is(Fault::TotalIsWrong));
                json!({
                    "id": format!("chatcmpl-{}", self.number), "object": "chat.completion", "created": 1, "model": MODEL,
                    "choices": [{
                        "index": 0, "message": {"role": "assistant", "content": text}, "logprobs": null,
                        "finish_reason": self.reason(told),
                    }],
                    "usage": {"prompt_tokens": told.input, "completion_tokens": output, "total_tokens": total},
                })
            }
        }
    }

    fn reason(&self, told: &Told) -> &'static str {
        match (self.dialect().name, told.is_cut) {
            _ if self.is(Fault::UnknownFinishReason) => "eos",
            ("claude", true) => "max_tokens",
            ("claude", false) => "end_turn",
            (_, true) => "length",
            (_, false) => "stop",
        }
    }

    /// Breaks an answer that is whole.
    fn spoil(&self, value: &mut Value) {
        let (content, reason) = match self.dialect().name {
            "ollama" => ("/message/content", "/done_reason"),
            "claude" => ("/content/0/text", "/stop_reason"),
            _ => ("/choices/0/message/content", "/choices/0/finish_reason"),
        };
        match self.settings.fault {
            Some(Fault::NoModel) => {
                value.as_object_mut().map(|value| value.remove("model"));
            }
            Some(Fault::NoFinishReason) => {
                if let Some(its) = value.pointer_mut(reason) {
                    *its = Value::Null;
                }
            }
            Some(Fault::ContentOfAnotherType) => {
                if let Some(its) = value.pointer_mut(content) {
                    *its = json!(7);
                }
            }
            _ => {}
        }
    }

    /// The events of a stream, in their order: name and data.
    fn events(&self, told: &Told) -> Vec<(&'static str, String)> {
        let mut events: Vec<(&'static str, Value)> = Vec::new();
        let mut tokens = told.tokens.clone();
        if self.is(Fault::OtherTextInStream) && tokens.len() > 1 {
            tokens.remove(1);
        }
        let reason = self.reason(told);
        let has_reason = !self.is(Fault::NoFinishInStream);
        match self.dialect().name {
            "ollama" => {
                for token in &tokens {
                    events.push((
                        "",
                        json!({
                            "model": MODEL, "created_at": "2026-01-01T00:00:00Z",
                            "message": {"role": "assistant", "content": token}, "done": false,
                        }),
                    ));
                }
                let mut last = self.whole(told);
                last["message"]["content"] = "".into();
                if self.is(Fault::NoUsageInStream) {
                    last.as_object_mut().map(|last| last.remove("eval_count"));
                }
                events.push(("", last));
            }
            "claude" => {
                let mut message = self.whole(told);
                message["content"] = json!([]);
                message["stop_reason"] = Value::Null;
                message["usage"]["output_tokens"] = 0.into();
                let start = (
                    "message_start",
                    json!({"type": "message_start", "message": message}),
                );
                events.push(start.clone());
                if self.is(Fault::EventTwice) {
                    events.push(start);
                }
                let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
                events.push(("content_block_start", block));
                events.push(("ping", json!({"type": "ping"})));
                for token in &tokens {
                    let delta = json!({"type": "text_delta", "text": token});
                    events.push((
                        "content_block_delta",
                        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
                    ));
                }
                events.push((
                    "content_block_stop",
                    json!({"type": "content_block_stop", "index": 0}),
                ));
                let delta = if has_reason {
                    json!({"stop_reason": reason, "stop_sequence": null})
                } else {
                    json!({})
                };
                let mut last = json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": told.tokens.len()}});
                if self.is(Fault::NoUsageInStream) {
                    last.as_object_mut().map(|last| last.remove("usage"));
                }
                events.push(("message_delta", last));
                events.push(("message_stop", json!({"type": "message_stop"})));
            }
            _ => {
                let chunk = |number: usize, delta: Value, reason: Value| {
                    let number = if self.is(Fault::IdChanges) {
                        number as u64
                    } else {
                        self.number
                    };
                    json!({
                        "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "created": 1, "model": MODEL,
                        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
                    })
                };
                events.push((
                    "",
                    chunk(0, json!({"role": "assistant", "content": ""}), Value::Null),
                ));
                for (number, token) in tokens.iter().enumerate() {
                    events.push((
                        "",
                        chunk(number + 1, json!({"content": token}), Value::Null),
                    ));
                }
                if has_reason {
                    events.push(("", chunk(0, json!({}), reason.into())));
                }
            }
        }
        let mut events: Vec<(&str, String)> = events
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect();
        if self.dialect().name == "openai" {
            events.push(("", "[DONE]".into()));
        }
        events
    }

    /// Breaks a stream.
    fn spoil_stream(&self, events: &mut Vec<(&'static str, String)>) {
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
                let error = self.error(503, "overloaded_error", "no room");
                let name = if self.dialect().name == "claude" {
                    "error"
                } else {
                    ""
                };
                let middle = events.len() / 2;
                events.truncate(middle);
                events.push((name, error.to_string()));
                if self.dialect().name == "openai" {
                    events.push(("", "[DONE]".into()));
                }
            }
            _ => {}
        }
    }

    fn streamed(&self, told: &Told, slot: impl Send + 'static) -> Response<Body> {
        let mut events = self.events(told);
        if self.dialect().name == "openai" && !self.is(Fault::NoUsageInStream) {
            let mut usage = self.whole(told);
            usage["object"] = "chat.completion.chunk".into();
            usage["choices"] = json!([]);
            let last = events.len() - 1;
            events.insert(last, ("", usage.to_string()));
        }
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
        Refused(
            413,
            "request_too_large",
            format!("a question of more than {MOST} bytes"),
        )
    }

    fn error(&self, status: u16, kind: &str, words: &str) -> Value {
        match self.dialect().name {
            "ollama" => json!({"error": words}),
            "claude" => {
                json!({"type": "error", "error": {"type": kind, "message": words}, "request_id": format!("req_{}", self.number)})
            }
            _ => {
                json!({"error": {"message": words, "type": kind, "param": null, "code": status.to_string()}})
            }
        }
    }

    fn refusal(&self, Refused(status, kind, words): &Refused) -> Response<Body> {
        let own = json!({"detail": words});
        match self.settings.fault {
            Some(Fault::WrongKeyOtherShape) if *status == 401 => return self.json(401, own),
            Some(Fault::ErrorOfAnotherShape) if *status < 500 => return self.json(*status, own),
            Some(Fault::ErrorIsHtml) => return text(*status, "text/html", "<h1>Bad Request</h1>"),
            Some(Fault::ErrorIs200) if *status == 400 => {
                return self.json(200, self.error(*status, kind, words));
            }
            _ => {}
        }
        let mut error = self.error(*status, kind, words);
        if self.is(Fault::ErrorWithoutWords) {
            if let Some(its) = error["error"].as_object_mut() {
                its.remove("message");
            } else {
                error["error"] = Value::Null;
            }
        }
        self.json(*status, error)
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
}

fn framed(framing: Framing, name: &str, data: &str) -> String {
    match (framing, name) {
        (Framing::Ndjson, _) => format!("{data}\n"),
        (Framing::Sse, "") => format!("data: {data}\n\n"),
        (Framing::Sse, name) => format!("event: {name}\ndata: {data}\n\n"),
    }
}

fn invalid(words: String) -> Refused {
    Refused(400, "invalid_request_error", words)
}

fn failed() -> Refused {
    Refused(500, "api_error", "something went wrong".into())
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
