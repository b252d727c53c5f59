use serde_json::{Value, json};

use crate::dialect::openai::embeddings::vector;

/// The body of `POST /api/embed`.
pub(super) fn request(texts: &[&str], model: &str) -> Value {
    json!({"model": model, "input": texts})
}

/// The list under `embeddings`.
pub(super) fn read(body: &Value) -> Option<Vec<Vec<f64>>> {
    body["embeddings"].as_array()?.iter().map(vector).collect()
}
