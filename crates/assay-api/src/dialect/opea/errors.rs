use serde_json::{Value, json};

use crate::dialect::ErrorBody;
use crate::server::voice::Refused;

/// FastAPI's `{"detail"}`: a text, or a list of what is not valid, each with `loc`, `msg` and `type`.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    let words = match &body["detail"] {
        Value::String(words) => words.clone(),
        Value::Array(rows) => {
            let told: Vec<&str> = rows.iter().filter_map(|row| row["msg"].as_str()).collect();
            (!told.is_empty()).then(|| told.join("; "))?
        }
        _ => return None,
    };
    Some((None, words))
}

/// What [`read`] reads.
pub(super) fn write(refused: &Refused, _: u64) -> Value {
    json!({"detail": refused.words})
}
