use serde_json::{Value, json};

use crate::dialect::{ErrorBody, openai};
use crate::error::Kind;
use crate::server::voice::Refused;

/// `{"code", "error"}`, both texts; OpenAI's shape, too. What is said of a wrong key stands in the words alone: its status is 400
/// (`400 "Incorrect API key provided: …"` in the messages of OpenAI's client, as in issue 1352 of `openai/codex`).
pub(super) fn read(status: u16, body: &Value) -> Option<ErrorBody> {
    let Some(words) = body["error"].as_str() else {
        return (openai::DIALECT.error)(status, body);
    };
    let is_key = status == 400 && words.starts_with("Incorrect API key");
    Some((is_key.then_some(Kind::Authentication), words.to_owned()))
}

/// What [`read`] reads.
pub(super) fn write(refused: &Refused, _: u64) -> Value {
    json!({"code": refused.kind, "error": refused.words})
}
