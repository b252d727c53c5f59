use crate::dialect::Endpoints;

/// Routes of a server on this machine. The protocol has no key.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:8080/v2",
    keys: &[],
    bases: &[],
    key: None,
    unauthorized: &[401],
    headers: &[],
    chat: "",
    stream: "",
    features: &[],
    models: None,
    health: Some("/v2/health/ready"),
    metrics: None,
    is_limited_as_one: false,
    request_id: None,
};
