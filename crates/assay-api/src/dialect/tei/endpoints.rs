use crate::dialect::{Capability, Endpoints};

/// Routes of a server on this machine. The key that `--api-key` sets has no variable of its own on the client's side.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:8080",
    keys: &[],
    bases: &[],
    key: Some(("authorization", "Bearer ")),
    unauthorized: &[401],
    headers: &[],
    chat: "",
    stream: "",
    features: &[
        (Capability::Rerank, "/rerank"),
        (Capability::Similarity, "/similarity"),
        (Capability::Classification, "/predict"),
        (Capability::Embeddings, "/embed"),
    ],
    models: None,
    health: Some("/health"),
    metrics: Some("/metrics"),
    is_limited_as_one: false,
    request_id: None,
};
