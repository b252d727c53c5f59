use serde_json::{Value, json};

/// An object with an output that is something.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["output"],
        "properties": {"output": {"type": ["string", "array", "object"]}},
    })
}

/// The output.
pub(super) fn read(body: &Value) -> Option<String> {
    let output = body.get("output")?;
    Some(output.to_string())
}
