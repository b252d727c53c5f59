use serde_json::{Value, json};

/// The route for the model that is there, by `/info`.
pub(super) fn route(about: &Value) -> &'static str {
    let kind = &about["model_type"];
    if kind.get("reranker").is_some() {
        "/rerank"
    } else if kind.get("classifier").is_some() {
        "/predict"
    } else {
        "/embed"
    }
}

/// The body for that route.
pub(super) fn infer(words: &str, about: &Value) -> Result<Value, String> {
    Ok(match route(about) {
        "/rerank" => json!({"query": words, "texts": ["Gold is assayed by fire.", words]}),
        _ => json!({"inputs": words}),
    })
}
