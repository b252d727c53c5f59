use crate::dialect::{Endpoints, openai};

/// Routes of a server on this machine. The key that `--api-key` sets has no variable of its own on the client's side: a token of the Hub
/// (`HF_TOKEN`) would be sent to whatever listens there, and is not.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:8080/v1",
    keys: &[],
    bases: &[],
    health: Some("/health"),
    metrics: Some("/metrics"),
    request_id: None,
    ..openai::DIALECT.endpoints
};
