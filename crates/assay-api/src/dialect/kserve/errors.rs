use serde_json::Value;

use crate::dialect::ErrorBody;

/// `{"error": "…"}`.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    Some((None, body["error"].as_str()?.to_owned()))
}
