use serde_json::{Value, json};

use crate::dialect::Ranks;

/// The body of `POST /rerank`. All documents come back.
pub(super) fn request(query: &str, documents: &[&str], _: Option<usize>, _: &str) -> Value {
    json!({"query": query, "texts": documents})
}

/// `[{"index", "score"}]`.
pub(super) fn read(body: &Value) -> Option<Ranks> {
    let rows = body.as_array()?.iter();
    rows.map(|row| {
        let place = usize::try_from(row["index"].as_u64()?).ok()?;
        Some((place, row["score"].as_f64()?))
    })
    .collect()
}
