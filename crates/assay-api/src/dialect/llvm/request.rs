use serde_json::{Value, json};

/// The body of `POST /models/{id}/infer`.
pub(super) fn infer(words: &str, _: &Value) -> Result<Value, String> {
    Ok(json!({"input": words, "parameters": {}}))
}
