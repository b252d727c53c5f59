//! Anthropic's messages (`docs.anthropic.com/en/api/messages`).

mod capabilities;
mod endpoints;
mod errors;
mod limits;
mod models;
mod request;
mod response;
mod stream;

use super::{Chatting, Dialect, Framing, json};
use crate::server::voice;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "claude",
    specification: "Anthropic API reference: messages",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: Some(Chatting {
        request: request::chat,
        schema: response::schema,
        response: response::read,
        event: stream::schema,
        refused: errors::field,
        framing: Framing::Sse,
        stream: stream::reader,
    }),
    infer: None,
    embeddings: None,
    rerank: None,
    error: errors::read,
    parse: json,
    sign: None,
    limits: limits::read,
    voice: &voice::claude::VOICE,
};
