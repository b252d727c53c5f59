use serde_json::{Value, json};

use crate::dialect::openai::embeddings::vector;

/// The body of `:batchEmbedContents`; each text names the model again. Vectors that were cut to fewer numbers than the model's own are not
/// normed (`ai.google.dev/gemini-api/docs/embeddings`).
pub(super) fn request(texts: &[&str], model: &str) -> Value {
    let name = format!("models/{model}");
    let requests = texts.iter();
    let requests: Vec<Value> = requests
        .map(|text| json!({"model": name, "content": {"parts": [{"text": text}]}}))
        .collect();
    json!({"requests": requests})
}

/// The list under `embeddings`.
pub(super) fn read(body: &Value) -> Option<Vec<Vec<f64>>> {
    let rows = body["embeddings"].as_array()?.iter();
    rows.map(|row| vector(&row["values"])).collect()
}
