use serde_json::Value;

use crate::dialect::ErrorBody;
use crate::error::Kind;

/// `{"error", "error_type"}`; `{"message", "type"}` below `/v1`. The type's first letter is large in the schema and small in the examples.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    let either = |own: &str, other: &str| body[own].as_str().or_else(|| body[other].as_str());
    let words = either("error", "message")?;
    let kind = match either("error_type", "type")?.to_ascii_lowercase().as_str() {
        "overloaded" | "unhealthy" => Some(Kind::Overloaded),
        "validation" | "tokenizer" => Some(Kind::Invalid),
        _ => None,
    };
    Some((kind, words.to_owned()))
}
