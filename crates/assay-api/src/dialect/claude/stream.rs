use std::collections::BTreeMap;

use serde_json::Value;

use super::response::{finish, input, usage};
use crate::chat::Delta;
use crate::dialect::{Frame, StreamReader};

/// Named events: `message_start`, blocks that start, grow and stop, `message_delta`, `message_stop`; `ping` and `error` in between.
pub(super) fn reader() -> Box<dyn StreamReader> {
    Box::new(Events::default())
}

#[derive(Default)]
struct Events {
    has_begun: bool,
    /// Blocks by their index, and whether each is open.
    blocks: BTreeMap<u64, bool>,
    has_finished: bool,
    has_failed: bool,
    is_done: bool,
    input: Option<u64>,
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
                self.blocks.values().any(|is_open| *is_open),
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
            "content_block_start" => {
                if self.blocks.insert(index()?, true).is_some() {
                    return Err(format!("block {} starts again", index()?));
                }
                Vec::new()
            }
            "content_block_delta" => {
                if self.blocks.get(&index()?) != Some(&true) {
                    return Err(format!("block {} grows, and is not open", index()?));
                }
                let delta = &event["delta"];
                match (
                    delta["type"].as_str(),
                    delta["text"].as_str(),
                    delta["thinking"].as_str(),
                ) {
                    (Some("text_delta"), Some(text), _) => vec![Delta::Text(text.into())],
                    (Some("thinking_delta"), _, Some(text)) => vec![Delta::Reasoning(text.into())],
                    (Some("input_json_delta" | "signature_delta" | "citations_delta"), ..) => {
                        Vec::new()
                    }
                    _ => return Err(format!("a delta that is none: {delta}")),
                }
            }
            "content_block_stop" => {
                if self.blocks.insert(index()?, false) != Some(true) {
                    return Err(format!("block {} stops, and was not open", index()?));
                }
                Vec::new()
            }
            "message_delta" => {
                if self.blocks.values().any(|is_open| *is_open) {
                    return Err("message_delta while a block is open".into());
                }
                let reason = event["delta"]["stop_reason"].as_str().map(finish);
                self.has_finished |= reason.is_some();
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
