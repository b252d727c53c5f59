use crate::dialect::{Endpoints, openai};

/// Routes of a server on this machine. `VLLM_API_KEY` guards what is below `/v1`, not the other routes. An id in the headers has to be asked for
/// (`--enable-request-id-headers`).
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:8000/v1",
    keys: &["VLLM_API_KEY"],
    bases: &[],
    health: Some("/health"),
    metrics: Some("/metrics"),
    request_id: None,
    ..openai::DIALECT.endpoints
};
