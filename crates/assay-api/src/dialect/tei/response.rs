use serde_json::{Value, json};

/// A vector a text, ranks, or labels, by the model.
pub(super) fn schema() -> Value {
    let rows = |field: &str, kind: &str| json!({"type": "object", "required": [field, "score"], "properties": {field: {"type": kind}, "score": {"type": "number"}}});
    json!({
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [
            {"type": "array", "minItems": 1, "items": {"type": "number"}},
            rows("index", "integer"),
            rows("label", "string"),
        ]},
    })
}

/// All of it.
pub(super) fn read(body: &Value) -> Option<String> {
    body.is_array().then(|| body.to_string())
}
