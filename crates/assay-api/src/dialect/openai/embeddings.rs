use serde_json::{Value, json};

/// The body of `POST /embeddings`.
pub(super) fn request(texts: &[&str], model: &str) -> Value {
    json!({"model": model, "input": texts})
}

/// The list under `data`; each vector's `index` has to be its place.
pub(super) fn read(body: &Value) -> Option<Vec<Vec<f64>>> {
    let rows = body["data"].as_array()?.iter().enumerate();
    rows.map(|(place, row)| {
        let is_there = row["index"].as_u64() == Some(place as u64);
        vector(&row["embedding"]).filter(|_| is_there)
    })
    .collect()
}

/// An array of numbers.
pub(in crate::dialect) fn vector(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}
