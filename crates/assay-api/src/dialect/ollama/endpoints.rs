use crate::dialect::Endpoints;

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
    models: Some("/tags"),
    health: Some("/"),
    metrics: None,
    request_id: None,
};
