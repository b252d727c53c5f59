use crate::dialect::{Capability, Endpoints};

/// Routes and keys of a server on this machine.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "http://127.0.0.1:8090",
    keys: &["LLVM_API_KEY"],
    bases: &["LLVM_BASE_URL"],
    key: Some(("authorization", "Bearer ")),
    unauthorized: &[401],
    headers: &[],
    chat: "",
    stream: "",
    features: &[(Capability::Batch, "/models/{model}/batch_infer")],
    models: Some(super::models::LISTING),
    health: None,
    metrics: None,
    is_limited_as_one: false,
    request_id: None,
};
