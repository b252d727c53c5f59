use crate::dialect::{Endpoints, openai};

/// Routes of a server on this machine: OpenAI's are below `/v3`, KServe's health below `/v2`. The key that the server is started with has no
/// variable of its own on the client's side.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:8000/v3",
    keys: &[],
    bases: &[],
    health: Some("/v2/health/ready"),
    metrics: Some("/metrics"),
    request_id: None,
    ..openai::DIALECT.endpoints
};
