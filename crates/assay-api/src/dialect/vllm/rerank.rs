use serde_json::{Value, json};

use crate::dialect::{Ranks, Reranking};

/// Jina's and Cohere's API, which vLLM and OpenVINO's server have below their base.
pub(in crate::dialect) const RERANKING: Reranking = Reranking {
    request,
    response: read,
    has_first: true,
};

fn request(query: &str, documents: &[&str], first: Option<usize>, model: &str) -> Value {
    let mut body = json!({"model": model, "query": query, "documents": documents});
    if let Some(first) = first {
        body["top_n"] = first.into();
    }
    body
}

/// `{"results": [{"index", "relevance_score"}]}`.
fn read(body: &Value) -> Option<Ranks> {
    let rows = body["results"].as_array()?.iter();
    rows.map(|row| {
        let place = usize::try_from(row["index"].as_u64()?).ok()?;
        Some((place, row["relevance_score"].as_f64()?))
    })
    .collect()
}
