use serde_json::{Value, json};

use super::response::{finish, input, usage};
use crate::chat::Delta;
use crate::dialect::{Frame, StreamReader};

/// Named events: `message_start`, blocks that start, grow and stop, `message_delta`, `message_stop`; `ping` and `error` in between.
pub(super) fn reader() -> Box<dyn StreamReader> {
    Box::new(Events::default())
}

/// The events of the documentation, each with what it always has; others may come.
pub(super) fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let text = json!({"type": "string"});
    let named = json!({"type": "string", "minLength": 1});
    let of = |kind: &str, required: &[&str], properties: Value| {
        json!({
            "if": {"properties": {"type": {"const": kind}}},
            "then": {"required": required, "properties": properties},
        })
    };
    let message = json!({
        "type": "object",
        "required": ["id", "type", "role", "content", "model", "usage"],
        "properties": {
            "id": named,
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "model": named,
            "content": {"type": "array", "maxItems": 0},
            "stop_reason": {"type": "null"},
            "usage": {"type": "object", "required": ["input_tokens"], "properties": {"input_tokens": count}},
        },
    });
    let block = json!({
        "type": "object",
        "required": ["type"],
        "properties": {"type": named},
        "allOf": [
            of("text", &["text"], json!({"text": text})),
            of("tool_use", &["id", "name", "input"], json!({"id": named, "name": named, "input": {"type": "object"}})),
        ],
    });
    let ended = json!({
        "delta": {"type": "object", "required": ["stop_reason"], "properties": {"stop_reason": {"type": ["string", "null"]}}},
        "usage": {"type": "object", "required": ["output_tokens"], "properties": {"output_tokens": count}},
    });
    json!({
        "type": "object",
        "required": ["type"],
        "properties": {"type": named},
        "allOf": [
            of("message_start", &["message"], json!({"message": message})),
            of("content_block_start", &["index", "content_block"], json!({"index": count, "content_block": block})),
            of("content_block_delta", &["index", "delta"], json!({"index": count, "delta": {"type": "object", "required": ["type"]}})),
            of("content_block_stop", &["index"], json!({"index": count})),
            of("message_delta", &["delta", "usage"], ended),
        ],
    })
}

#[derive(Default)]
struct Events {
    has_begun: bool,
    /// Blocks in the order of their indices.
    blocks: Vec<Block>,
    has_finished: bool,
    has_failed: bool,
    is_done: bool,
    input: Option<u64>,
}

/// A block of an answer.
struct Block {
    kind: String,
    is_open: bool,
}

impl StreamReader for Events {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Delta>, String> {
        let event: Value = serde_json::from_str(&frame.data)
            .map_err(|error| format!("an event that is no JSON: {error}"))?;
        let kind = event["type"].as_str().ok_or("an event without `type`")?;
        if frame.name != kind {
            return Err(format!(
                "an event named `{}` whose type is `{kind}`",
                frame.name
            ));
        }
        match kind {
            "ping" => return Ok(Vec::new()),
            "error" => {
                self.has_failed = true;
                let words = event["error"]["message"]
                    .as_str()
                    .ok_or("an error without a message")?;
                return Ok(vec![Delta::Error(words.to_owned())]);
            }
            _ if self.is_done => return Err(format!("`{kind}` after message_stop")),
            "message_start" if self.has_begun => return Err("a second message_start".into()),
            "message_start" => {}
            _ if !self.has_begun => return Err(format!("`{kind}` before message_start")),
            _ => {}
        }
        self.after_the_start(kind, &event)
    }

    fn missing(&self) -> Vec<String> {
        if self.has_failed {
            return Vec::new();
        }
        let told = [
            (!self.has_begun, "no message_start"),
            (
                self.blocks.iter().any(|its| its.is_open),
                "no content_block_stop",
            ),
            (self.has_begun && !self.has_finished, "no stop_reason"),
            (!self.is_done, "no message_stop"),
        ];
        told.iter()
            .filter(|(is_missing, _)| *is_missing)
            .map(|(_, what)| (*what).to_owned())
            .collect()
    }
}

impl Events {
    fn open(&mut self, index: u64) -> Result<&mut Block, String> {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        let block = self.blocks.get_mut(place).filter(|its| its.is_open);
        block.ok_or(format!("block {index} is not open"))
    }

    fn after_the_start(&mut self, kind: &str, event: &Value) -> Result<Vec<Delta>, String> {
        let index = || {
            event["index"]
                .as_u64()
                .ok_or(format!("`{kind}` without an index"))
        };
        Ok(match kind {
            "message_start" => {
                self.has_begun = true;
                let message = &event["message"];
                self.input = input(&message["usage"]);
                let named = |name: &str| message[name].as_str().map(str::to_owned);
                vec![Delta::Start {
                    id: named("id"),
                    model: named("model"),
                }]
            }
            "content_block_start" if self.has_finished => {
                return Err("a block after its stop_reason".into());
            }
            "content_block_start" => {
                let place = self.blocks.len();
                if index()? != place as u64 {
                    return Err(format!(
                        "block {} starts where block {place} is next",
                        index()?
                    ));
                }
                let kind = event["content_block"]["type"].as_str().unwrap_or_default();
                self.blocks.push(Block {
                    kind: kind.to_owned(),
                    is_open: true,
                });
                Vec::new()
            }
            "content_block_delta" => {
                let kind = self.open(index()?)?.kind.as_str();
                let delta = &event["delta"];
                match (
                    delta["type"].as_str(),
                    delta["text"].as_str(),
                    delta["thinking"].as_str(),
                ) {
                    (Some("text_delta"), Some(text), _) if kind == "text" => {
                        vec![Delta::Text(text.into())]
                    }
                    (Some("thinking_delta"), _, Some(text)) if kind == "thinking" => {
                        vec![Delta::Reasoning(text.into())]
                    }
                    (Some("input_json_delta"), ..) if kind.ends_with("tool_use") => Vec::new(),
                    (Some("signature_delta"), ..) if kind == "thinking" => Vec::new(),
                    (Some("citations_delta"), ..) if kind == "text" => Vec::new(),
                    _ => return Err(format!("a delta that is none of a block `{kind}`: {delta}")),
                }
            }
            "content_block_stop" => {
                self.open(index()?)?.is_open = false;
                Vec::new()
            }
            "message_delta" => {
                if self.blocks.iter().any(|its| its.is_open) {
                    return Err("message_delta while a block is open".into());
                }
                let reason = event["delta"]["stop_reason"].as_str().map(finish);
                if reason.is_some() && std::mem::replace(&mut self.has_finished, true) {
                    return Err("a second stop_reason".into());
                }
                let tokens = usage(&event["usage"], self.input).map(Delta::Usage);
                reason
                    .map(Delta::Finish)
                    .into_iter()
                    .chain(tokens)
                    .collect()
            }
            "message_stop" => {
                self.is_done = true;
                vec![Delta::Done]
            }
            // "We may add new event types, and your code should handle unknown event types gracefully."
            _ => Vec::new(),
        })
    }
}
