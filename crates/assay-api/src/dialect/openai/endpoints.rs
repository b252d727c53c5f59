use crate::dialect::Endpoints;

/// Routes and keys of `api.openai.com`.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://api.openai.com/v1",
    keys: &["OPENAI_API_KEY"],
    bases: &["OPENAI_BASE_URL"],
    key: Some(("authorization", "Bearer ")),
    unauthorized: &[401],
    headers: &[],
    chat: "/chat/completions",
    stream: "/chat/completions",
    models: Some("/models"),
    health: None,
    metrics: None,
    request_id: Some("x-request-id"),
};
