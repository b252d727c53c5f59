use serde_json::{Value, json};

use crate::dialect::openai::embeddings::vector;

/// The body of `POST /embed`. What is too long is refused, and vectors are normed, unless one says otherwise.
pub(super) fn request(texts: &[&str], _: &str) -> Value {
    json!({"inputs": texts})
}

/// A vector a text, and nothing around them.
pub(super) fn read(body: &Value) -> Option<Vec<Vec<f64>>> {
    body.as_array()?.iter().map(vector).collect()
}
