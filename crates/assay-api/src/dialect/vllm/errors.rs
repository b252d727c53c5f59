use serde_json::{Value, json};

use crate::dialect::{ErrorBody, openai};
use crate::server::voice::Refused;

/// OpenAI's shape, with a number for the code; the same fields without `error` around them (`{"object": "error", "message", …}`) in older
/// versions; `{"error": "Unauthorized"}` for a wrong key.
pub(super) fn read(status: u16, body: &Value) -> Option<ErrorBody> {
    let flat = body["message"]
        .as_str()
        .filter(|_| body["object"] == "error");
    let of_a_key = body["error"].as_str().filter(|_| status == 401);
    match flat.or(of_a_key) {
        Some(words) => Some((None, words.to_owned())),
        None => (openai::DIALECT.error)(status, body),
    }
}

/// What [`read`] reads.
pub(super) fn write(refused: &Refused, _: u64) -> Value {
    json!({"error": {
        "message": refused.words, "type": refused.kind, "param": null, "code": refused.status,
    }})
}
