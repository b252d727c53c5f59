use crate::dialect::{Capability, Endpoints};

/// Routes and keys of `api.openai.com`, and `/rerank`, which it has not itself: variants that have it have it there.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://api.openai.com/v1",
    keys: &["OPENAI_API_KEY"],
    bases: &["OPENAI_BASE_URL"],
    key: Some(("authorization", "Bearer ")),
    unauthorized: &[401],
    headers: &[],
    chat: "/chat/completions",
    stream: "/chat/completions",
    features: &[
        (Capability::Embeddings, "/embeddings"),
        (Capability::Rerank, "/rerank"),
        (Capability::Completions, "/completions"),
        (Capability::Responses, "/responses"),
        (Capability::Moderation, "/moderations"),
        (Capability::Speech, "/audio/speech"),
        (Capability::Transcription, "/audio/transcriptions"),
    ],
    models: Some(super::models::LISTING),
    health: None,
    metrics: None,
    is_limited_as_one: false,
    request_id: Some("x-request-id"),
};
