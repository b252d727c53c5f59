use crate::dialect::{Endpoints, openai};

/// Routes of ChatQnA's gateway on this machine, which takes no key and lists no models.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:8888/v1",
    keys: &[],
    bases: &[],
    key: None,
    chat: "/chatqna",
    stream: "/chatqna",
    models: None,
    health: Some("/v1/health_check"),
    metrics: Some("/metrics"),
    request_id: None,
    ..openai::DIALECT.endpoints
};
