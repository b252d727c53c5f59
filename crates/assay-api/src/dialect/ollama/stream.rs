use serde_json::{Value, json};

use super::response::{finish, usage};
use crate::chat::Delta;
use crate::dialect::{Frame, StreamReader};

/// A line a token, `done` false but in the last one. An error in the middle is a line of its own.
pub(super) fn reader() -> Box<dyn StreamReader> {
    Box::new(Messages::default())
}

/// A whole answer's, of which the last line alone is the end.
pub(super) fn schema() -> Value {
    let mut schema = super::response::schema();
    schema["properties"]["done"] = json!({"type": "boolean"});
    schema
}

#[derive(Default)]
struct Messages {
    has_begun: bool,
    has_failed: bool,
    is_done: bool,
}

impl StreamReader for Messages {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Delta>, String> {
        if self.is_done {
            return Err("a line after the last one".into());
        }
        let line: Value = serde_json::from_str(&frame.data)
            .map_err(|error| format!("a line that is no JSON: {error}"))?;
        if let Some(words) = line["error"].as_str() {
            self.has_failed = true;
            return Ok(vec![Delta::Error(words.into())]);
        }
        let is_last = line["done"].as_bool().ok_or("a line without `done`")?;
        let content = line["message"]["content"]
            .as_str()
            .ok_or("a line without `message.content`")?;
        let mut deltas = Vec::new();
        if !std::mem::replace(&mut self.has_begun, true) {
            deltas.push(Delta::Start {
                id: None,
                model: line["model"].as_str().map(str::to_owned),
            });
        }
        let thought = line["message"]["thinking"].as_str().unwrap_or_default();
        let pieces = [
            Delta::Reasoning(thought.into()),
            Delta::Text(content.into()),
        ];
        deltas.extend(pieces.into_iter().filter(|piece| {
            matches!(piece, Delta::Reasoning(words) | Delta::Text(words) if !words.is_empty())
        }));
        if is_last {
            self.is_done = true;
            let reason = line["done_reason"]
                .as_str()
                .ok_or("a last line without `done_reason`")?;
            deltas.push(Delta::Finish(finish(reason)));
            deltas.extend(usage(&line).map(Delta::Usage));
            deltas.push(Delta::Done);
        }
        Ok(deltas)
    }

    fn missing(&self) -> Vec<String> {
        let is_missing = !self.is_done && !self.has_failed;
        is_missing
            .then(|| "no line with `done`: true".to_owned())
            .into_iter()
            .collect()
    }
}
