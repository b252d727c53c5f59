use serde_json::{Value, json};

use super::response::{finish, reasoning, text, usage};
use crate::chat::Delta;
use crate::dialect::{Frame, StreamReader};

/// The object `chat.completion.chunk`. A finish reason may be left out while there is none, as xAI does.
pub(super) fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let text = json!({"type": ["string", "null"]});
    json!({
        "type": "object",
        "required": ["id", "object", "created", "model", "choices"],
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "object": {"const": "chat.completion.chunk"},
            "created": count,
            "model": {"type": "string", "minLength": 1},
            "choices": {
                "type": "array",
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "required": ["index", "delta"],
                    "properties": {
                        "index": count,
                        "finish_reason": {"enum": [null, "stop", "length", "tool_calls", "content_filter", "function_call"]},
                        "delta": {
                            "type": "object",
                            "properties": {
                                "role": {"enum": [null, "assistant"]},
                                "content": text,
                                "reasoning_content": text,
                                "reasoning": text,
                                "tool_calls": {"type": ["array", "null"], "items": {"type": "object", "required": ["index"]}},
                            },
                        },
                    },
                },
            },
            "usage": super::response::counts(),
        },
    })
}

/// Chunks (`chat.completion.chunk`) up to `[DONE]`.
pub(super) fn reader() -> Box<dyn StreamReader> {
    Box::new(Chunks::default())
}

#[derive(Default)]
struct Chunks {
    id: Option<String>,
    has_begun: bool,
    has_finished: bool,
    has_failed: bool,
    is_done: bool,
}

impl StreamReader for Chunks {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Delta>, String> {
        if self.is_done {
            return Err("an event after [DONE]".into());
        }
        if frame.data == "[DONE]" {
            self.is_done = true;
            return Ok(vec![Delta::Done]);
        }
        let chunk: Value = serde_json::from_str(&frame.data)
            .map_err(|error| format!("an event that is no JSON: {error}"))?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            self.has_failed = true;
            return Ok(vec![Delta::Error(
                text(&error["message"])
                    .or_else(|| text(error))
                    .unwrap_or_else(|| error.to_string()),
            )]);
        }
        if chunk["object"] != "chat.completion.chunk" {
            return Err(format!(
                "an event whose object is {}, not \"chat.completion.chunk\"",
                chunk["object"]
            ));
        }
        let id = text(&chunk["id"]);
        let mut deltas = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            self.id.clone_from(&id);
            deltas.push(Delta::Start {
                id: id.clone(),
                model: text(&chunk["model"]),
            });
        }
        if id != self.id {
            return Err(format!(
                "a chunk of another answer: its id is {}",
                chunk["id"]
            ));
        }
        let choices = chunk["choices"]
            .as_array()
            .ok_or("a chunk without `choices`")?;
        // The last chunk may have none: it is there for the tokens.
        for choice in choices {
            let delta = &choice["delta"];
            if !delta.is_object() {
                return Err("a choice without `delta`".into());
            }
            let (said, thought) = (text(&delta["content"]), reasoning(delta));
            let pieces = [thought.map(Delta::Reasoning), said.map(Delta::Text)];
            for piece in pieces.into_iter().flatten() {
                let (Delta::Reasoning(words) | Delta::Text(words)) = &piece else {
                    continue;
                };
                if words.is_empty() {
                    continue;
                }
                if self.has_finished {
                    return Err("text after a finish reason".into());
                }
                deltas.push(piece);
            }
            if let Some(reason) = choice["finish_reason"].as_str() {
                if std::mem::replace(&mut self.has_finished, true) {
                    return Err("a second finish reason".into());
                }
                deltas.push(Delta::Finish(finish(reason)));
            }
        }
        deltas.extend(usage(&chunk["usage"]).map(Delta::Usage));
        Ok(deltas)
    }

    fn missing(&self) -> Vec<String> {
        let is_answered = !self.has_failed;
        let told = [
            (is_answered && !self.has_begun, "no chunk"),
            (
                is_answered && self.has_begun && !self.has_finished,
                "no finish reason",
            ),
            (!self.is_done, "no [DONE]"),
        ];
        told.iter()
            .filter(|(is_missing, _)| *is_missing)
            .map(|(_, what)| (*what).to_owned())
            .collect()
    }
}
