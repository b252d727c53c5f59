//! Google's Gemini (`ai.google.dev/api/generate-content`).

mod capabilities;
mod embeddings;
mod endpoints;
mod errors;
mod limits;
mod models;
mod request;
mod response;
mod stream;

use super::{Chatting, Dialect, Embedding, Framing, json};
use crate::server::voice;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "gemini",
    specification: "Gemini API reference: models.generateContent, models.streamGenerateContent",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: Some(Chatting {
        request: request::chat,
        schema: response::schema,
        response: response::read,
        event: stream::schema,
        refused: |_| None,
        framing: Framing::Sse,
        stream: stream::reader,
    }),
    infer: None,
    embeddings: Some(Embedding {
        request: embeddings::request,
        response: embeddings::read,
        is_normed: false,
    }),
    rerank: None,
    error: errors::read,
    parse: json,
    sign: None,
    limits: limits::read,
    voice: &voice::gemini::VOICE,
};
