//! A chat, heard and answered.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::Fault;
use super::answers::{Addressed, Body, Call, boxed, failed, invalid, text};
use super::body::pieces;
use super::voice::{ChatVoice, Event, Refused, Saying, media};
use super::words::{Told, hash, obeying, tell};
use crate::dialect::Framing;

impl Call {
    /// Answers a chat.
    pub(super) async fn chat(
        &self,
        voice: &ChatVoice,
        body: &Bytes,
        addressed: &Addressed,
    ) -> Result<Response<Body>, Refused> {
        let body = self.parsed(body)?;
        let asked = match body {
            Value::Null => Asked::default(),
            body => self.understood(voice, &body, addressed)?,
        };
        if self.is(Fault::UnicodeAnswersNothing) && !asked.question.is_ascii() {
            return Ok(text(200, "application/json", ""));
        }
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let told = self.told(&asked);
        if asked.is_stream {
            return Ok(self.streamed(voice, &told, slot));
        }
        tokio::time::sleep(self.settings.pace * u32::try_from(told.tokens.len()).unwrap_or(0))
            .await;
        let mut value = (voice.whole)(&self.saying(&told));
        self.spoil(voice, &mut value);
        Ok(self.typed(self.json(200, value)))
    }

    /// Whether a request is valid: the question, the number of messages, the most tokens, whether it is to be a stream.
    fn understood(
        &self,
        voice: &ChatVoice,
        body: &Value,
        addressed: &Addressed,
    ) -> Result<Asked, Refused> {
        self.has_model(body, addressed)?;
        let heard = &voice.heard;
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
            if let Some(media) = media(message).map(Value::to_string) {
                match self.settings.fault {
                    Some(Fault::ImageIs500 | Fault::SoundIs500) => return Err(failed()),
                    Some(Fault::ImageIsDropped | Fault::SoundIsDropped) => {}
                    _ => asked.question.push_str(&format!(" {:x}", hash(&media))),
                }
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
        asked.schema = at(heard.schema).cloned();
        if let (Some(Value::String(name)), Some(schema)) = (at(heard.tool.0), at(heard.tool.1)) {
            asked.tool = Some((name.clone(), schema.clone()));
        }
        if at(heard.temperature).is_some_and(|its| !its.is_number()) && !is_taken {
            return Err(wrong(heard.temperature));
        }
        Ok(asked)
    }

    /// A body; null for one that is none, and answered all the same.
    pub(super) fn parsed(&self, body: &Bytes) -> Result<Value, Refused> {
        match serde_json::from_slice(body) {
            Ok(body) => Ok(body),
            Err(_) if self.is(Fault::NoJsonAnswers) => Ok(Value::Null),
            Err(_) if self.is(Fault::NoJsonIs500) => Err(failed()),
            Err(error) => Err(invalid(format!("the body is no JSON: {error}"))),
        }
    }

    /// An answer with what may be wrong of its bytes.
    pub(super) fn typed(&self, mut response: Response<Body>) -> Response<Body> {
        if self.is(Fault::JsonAsText) {
            let kind = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        if self.is(Fault::NotUtf8) {
            *response.body_mut() = boxed(b"{\"id\": \"na\xefve\"}".to_vec());
        }
        response
    }

    fn told(&self, asked: &Asked) -> Told {
        let mut question = asked.question.clone();
        if self.is(Fault::Canned) {
            "the same".clone_into(&mut question);
        }
        if self.is(Fault::DrawsAtZero) {
            question += &self.number.to_string();
        }
        let is_free = self.is(Fault::LimitIsIgnored) || self.is(Fault::LimitIsOnTheCount);
        let most = asked.most.filter(|_| !is_free);
        let mut told = tell(&question, asked.messages, most);
        self.bind(&mut told, asked);
        let said = told.tokens.len() as u64;
        match self.settings.fault {
            Some(Fault::CutCountsOneLess) if told.is_cut => told.output = Some(said - 1),
            Some(Fault::LimitIsOnTheCount) => {
                told.output = asked.most.map(|most| most.min(said));
                told.is_cut |= told.output < Some(said);
            }
            Some(Fault::LimitIsRaised) => {
                told = tell(&question, asked.messages, most.map(|most| most.max(16)));
                told.output = most.map(|most| most.min(told.tokens.len() as u64));
                told.is_cut |= told.output < Some(told.tokens.len() as u64);
            }
            Some(Fault::AlwaysCut) => {
                told.tokens.truncate(12);
                told.is_cut = true;
            }
            Some(Fault::StopsOneEarly) if told.is_cut => {
                told.tokens.pop();
                told.is_cut = false;
            }
            _ => {}
        }
        if self.is(Fault::CutIsCalledStop) {
            told.is_cut = false;
        }
        if self.is(Fault::InputIsConstant) {
            told.input = 7;
        }
        told
    }

    /// Answers as the request wants it: with a call of its tool, or in the shape of its schema.
    fn bind(&self, told: &mut Told, asked: &Asked) {
        let state = told.tokens.iter().map(String::len).sum::<usize>() as u64;
        if let Some((name, schema)) = &asked.tool
            && !self.is(Fault::ToolIsNotCalled)
        {
            let mut arguments = obeying(schema, state);
            let name = if self.is(Fault::ToolOfAnotherName) {
                "another"
            } else {
                name
            };
            if self.is(Fault::ToolArgumentsLackOne) {
                lose_one(&mut arguments);
            }
            told.call = Some((name.to_owned(), arguments));
            told.is_cut = false;
        }
        let Some(schema) = asked
            .schema
            .as_ref()
            .filter(|_| !self.is(Fault::SchemaIsIgnored))
        else {
            return;
        };
        let mut value = obeying(schema, state);
        if self.is(Fault::SchemaLacksOne) {
            lose_one(&mut value);
        }
        let mut text = value.to_string();
        if self.is(Fault::SchemaInAFence) {
            text = format!("```json\n{text}\n```");
        }
        told.tokens = vec![text];
        told.is_cut = false;
    }

    fn saying<'a>(&self, told: &'a Told) -> Saying<'a> {
        Saying {
            told,
            fault: self.settings.fault,
            number: if self.is(Fault::AnswersHaveOneId) {
                0
            } else {
                self.number
            },
        }
    }

    /// Breaks an answer that is whole.
    fn spoil(&self, voice: &ChatVoice, value: &mut Value) {
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
            Some(Fault::ToolCallWithoutId) => {
                for call in ["/choices/0/message/tool_calls/0", "/content/0"] {
                    lose(value, call, "id");
                }
            }
            _ => {}
        }
    }

    /// Breaks a stream.
    fn spoil_stream(&self, voice: &ChatVoice, events: &mut Vec<Event>) {
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
                events.extend((voice.failing)(&refused, self.number));
            }
            Some(Fault::StreamFailsLate) if events.len() > LATE => {
                events.truncate(LATE);
                events.extend((voice.failing)(&failed(), self.number));
            }
            Some(Fault::StreamBreaksLate) => events.truncate(LATE),
            _ => {
                for (_, data) in events {
                    if let Ok(mut event) = serde_json::from_str(data) {
                        self.spoil_event(voice, &mut event);
                        *data = event.to_string();
                    }
                }
            }
        }
    }

    /// Breaks an event of a stream.
    fn spoil_event(&self, voice: &ChatVoice, event: &mut Value) {
        let mut set = |place: &str, value: Value| {
            if let Some(its) = event.pointer_mut(place) {
                *its = value;
            }
        };
        match self.settings.fault {
            Some(Fault::EventLacksAField) => lose(event, voice.needed.0, voice.needed.1),
            Some(Fault::EventTextIsANumber) => set(voice.piece, json!(7)),
            Some(Fault::EventTimeIsNone) => set("/created_at", json!("just now")),
            Some(Fault::ChunkWithoutIndex) => lose(event, "/choices/0", "index"),
            Some(Fault::BlockOfAnotherKind) => {
                let block =
                    json!({"type": "tool_use", "id": "toolu_1", "name": "weigh", "input": {}});
                set("/content_block", block);
            }
            Some(Fault::BlocksBeginAtOne) => set("/index", json!(1)),
            Some(Fault::StreamTotalIsWrong) => {
                set("/usage/total_tokens", json!(1));
                set("/usageMetadata/totalTokenCount", json!(1));
            }
            Some(Fault::StreamCountsNothing) => {
                for place in [
                    "/usage/completion_tokens",
                    "/usage/output_tokens",
                    "/usageMetadata/candidatesTokenCount",
                    "/eval_count",
                ] {
                    set(place, json!(0));
                }
            }
            _ => {}
        }
    }

    fn streamed(
        &self,
        voice: &ChatVoice,
        told: &Told,
        slot: impl Send + 'static,
    ) -> Response<Body> {
        let mut events = (voice.events)(&self.saying(told));
        self.spoil_stream(voice, &mut events);
        let framing = self
            .dialect()
            .chat
            .map_or(Framing::Sse, |chat| chat.framing);
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
}

/// Events of a stream that is late.
const LATE: usize = 40;

/// What is asked, once it is understood.
#[derive(Default)]
struct Asked {
    question: String,
    messages: usize,
    most: Option<u64>,
    is_stream: bool,
    schema: Option<Value>,
    tool: Option<(String, Value)>,
}

/// Takes a field out of an object, if it is there.
fn lose(value: &mut Value, place: &str, field: &str) {
    let object = value.pointer_mut(place).and_then(Value::as_object_mut);
    object.map(|fields| fields.remove(field));
}

/// Takes the first field out of an object.
fn lose_one(value: &mut Value) {
    if let Some(fields) = value.as_object_mut()
        && let Some(first) = fields.keys().next().cloned()
    {
        fields.remove(&first);
    }
}

fn framed(framing: Framing, name: &str, data: &str) -> String {
    match (framing, name) {
        (Framing::Ndjson, _) => format!("{data}\n"),
        (Framing::Sse, "") => format!("data: {data}\n\n"),
        (Framing::Sse, name) => format!("event: {name}\ndata: {data}\n\n"),
    }
}
