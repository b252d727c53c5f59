use serde_json::{Value, json};

use super::response::{finish, parts, usage};
use crate::chat::{Delta, Finish};
use crate::dialect::{Frame, StreamReader};

/// `GenerateContentResponse`s. The last one has the finish reason; no `[DONE]` follows.
pub(super) fn reader() -> Box<dyn StreamReader> {
    Box::new(Chunks::default())
}

/// A whole answer's, of which any part may not be there yet.
pub(super) fn schema() -> Value {
    let mut schema = super::response::schema();
    schema["required"] = json!([]);
    let candidate = &mut schema["properties"]["candidates"]["items"];
    candidate["required"] = json!([]);
    // Null is a field's default in Google's JSON.
    let reason = candidate["properties"]["finishReason"].take();
    candidate["properties"]["finishReason"] = json!({"anyOf": [{"type": "null"}, reason]});
    schema
}

#[derive(Default)]
struct Chunks {
    id: Option<String>,
    has_begun: bool,
    has_finished: bool,
    has_failed: bool,
}

impl StreamReader for Chunks {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Delta>, String> {
        let chunk: Value = serde_json::from_str(&frame.data)
            .map_err(|error| format!("an event that is no JSON: {error}"))?;
        if let Some(error) = chunk.get("error") {
            self.has_failed = true;
            let words = error["message"].as_str().map(str::to_owned);
            return Ok(vec![Delta::Error(
                words.unwrap_or_else(|| error.to_string()),
            )]);
        }
        let candidate = &chunk["candidates"][0];
        // A prompt that is refused has no candidate, and a reason for that.
        let blocked = chunk["promptFeedback"]["blockReason"].as_str();
        let tokens = usage(&chunk["usageMetadata"]);
        if candidate.is_null() && blocked.is_none() && tokens.is_none() {
            return Err("a chunk without `candidates`".into());
        }
        let id = chunk["responseId"].as_str().map(str::to_owned);
        if self.has_begun && id.is_some() && self.id.is_some() && id != self.id {
            return Err(format!(
                "a chunk of another answer: its responseId is {}",
                chunk["responseId"]
            ));
        }
        self.id = self.id.take().or(id);
        let mut deltas = Vec::new();
        if !std::mem::replace(&mut self.has_begun, true) {
            let text = |name: &str| chunk[name].as_str().map(str::to_owned);
            deltas.push(Delta::Start {
                id: text("responseId"),
                model: text("modelVersion"),
            });
        }
        let thought = parts(candidate, true).map(|words| Delta::Reasoning(words.into()));
        let said = parts(candidate, false).map(|words| Delta::Text(words.into()));
        let pieces: Vec<Delta> = thought
            .chain(said)
            .filter(|piece| {
                matches!(piece, Delta::Reasoning(words) | Delta::Text(words) if !words.is_empty())
            })
            .collect();
        if self.has_finished && !pieces.is_empty() {
            return Err("text after a finish reason".into());
        }
        deltas.extend(pieces);
        let reason = candidate["finishReason"].as_str().map(finish);
        let reason = reason.or_else(|| blocked.map(|word| Finish::Other(word.into())));
        let is_last = reason.is_some();
        if let Some(reason) = reason {
            if std::mem::replace(&mut self.has_finished, true) {
                return Err("a second finish reason".into());
            }
            deltas.push(Delta::Finish(reason));
        }
        deltas.extend(tokens.map(Delta::Usage));
        deltas.extend(is_last.then_some(Delta::Done));
        Ok(deltas)
    }

    fn missing(&self) -> Vec<String> {
        let is_answered = !self.has_failed;
        let told = [
            (is_answered && !self.has_begun, "no chunk"),
            (
                is_answered && self.has_begun && !self.has_finished,
                "no finishReason",
            ),
        ];
        told.iter()
            .filter(|(is_missing, _)| *is_missing)
            .map(|(_, what)| (*what).to_owned())
            .collect()
    }
}
