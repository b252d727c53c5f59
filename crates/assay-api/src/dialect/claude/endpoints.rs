use crate::dialect::Endpoints;

/// Routes and keys of `api.anthropic.com`.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://api.anthropic.com/v1",
    keys: &["ANTHROPIC_API_KEY"],
    bases: &["ANTHROPIC_BASE_URL"],
    key: Some(("x-api-key", "")),
    unauthorized: &[401],
    headers: &[("anthropic-version", "2023-06-01")],
    chat: "/messages",
    stream: "/messages",
    features: &[],
    models: Some(super::models::LISTING),
    health: None,
    metrics: None,
    is_limited_as_one: false,
    request_id: Some("request-id"),
};
