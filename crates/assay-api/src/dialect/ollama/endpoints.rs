use crate::dialect::{Capability, Endpoints};

/// Routes of a server on this machine, which wants no key.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:11434/api",
    keys: &["OLLAMA_API_KEY"],
    bases: &["OLLAMA_HOST"],
    key: Some(("authorization", "Bearer ")),
    unauthorized: &[401],
    headers: &[],
    chat: "/chat",
    stream: "/chat",
    features: &[(Capability::Embeddings, "/embed")],
    models: Some(super::models::LISTING),
    health: Some("/"),
    metrics: None,
    is_limited_as_one: false,
    request_id: None,
};
