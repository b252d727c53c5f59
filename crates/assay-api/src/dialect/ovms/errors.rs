use serde_json::{Value, json};

use crate::dialect::ErrorBody;
use crate::server::voice::Refused;

/// `{"error": "…"}`.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    Some((None, body["error"].as_str()?.to_owned()))
}

/// What [`read`] reads.
pub(super) fn write(refused: &Refused, _: u64) -> Value {
    json!({"error": refused.words})
}
