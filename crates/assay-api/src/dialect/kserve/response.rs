use serde_json::{Value, json};

/// An `inference_response`.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string", "minLength": 1},
            "model_version": {"type": ["string", "null"]},
            "id": {"type": ["string", "null"]},
            "outputs": {"type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["name", "shape", "datatype", "data"],
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                    "datatype": {"enum": [
                        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BF16", "BYTES",
                    ]},
                    "data": {"type": "array"},
                },
            }},
        },
    })
}

/// The data of all outputs.
pub(super) fn read(body: &Value) -> Option<String> {
    let outputs = body["outputs"].as_array()?.iter();
    Some(outputs.map(|output| output["data"].to_string()).collect())
}
