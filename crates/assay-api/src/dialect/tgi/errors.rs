use serde_json::{Value, json};

use crate::dialect::ErrorBody;
use crate::error::Kind;
use crate::server::voice::Refused;

/// `{"error", "error_type"}`, on OpenAI's routes, too (`ErrorResponse` in `router/src/lib.rs`).
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    let words = body["error"].as_str()?;
    let kind = match body["error_type"].as_str()? {
        "overloaded" => Some(Kind::Overloaded),
        "validation" => Some(Kind::Invalid),
        _ => None,
    };
    Some((kind, words.to_owned()))
}

/// What [`read`] reads.
pub(super) fn write(refused: &Refused, _: u64) -> Value {
    let kind = match refused.status {
        503 => "overloaded",
        400 => "validation",
        _ => refused.kind,
    };
    json!({"error": refused.words, "error_type": kind})
}
