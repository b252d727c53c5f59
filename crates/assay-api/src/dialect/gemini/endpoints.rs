use crate::dialect::{Capability, Endpoints};

/// Routes and keys of `generativelanguage.googleapis.com`. The model is in the path. A wrong key is refused with 400 (`API_KEY_INVALID` in the
/// details), none with 403; 401 is what HTTP has for both.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://generativelanguage.googleapis.com/v1beta",
    keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    bases: &[],
    key: Some(("x-goog-api-key", "")),
    unauthorized: &[400, 401, 403],
    headers: &[],
    chat: "/models/{model}:generateContent",
    stream: "/models/{model}:streamGenerateContent?alt=sse",
    features: &[(Capability::Embeddings, "/models/{model}:batchEmbedContents")],
    models: Some(super::models::LISTING),
    health: None,
    metrics: None,
    is_limited_as_one: false,
    request_id: None,
};
