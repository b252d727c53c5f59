use serde_json::Value;

use crate::dialect::ErrorBody;

/// `{"error": …}`: a text, or an object with a message.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    let error = &body["error"];
    let words = error.as_str().or_else(|| error["message"].as_str())?;
    Some((None, words.to_owned()))
}
