//! OpenAI's chat completions (`platform.openai.com/docs/api-reference/chat`), which most servers speak.

mod capabilities;
pub(super) mod embeddings;
mod endpoints;
mod errors;
mod limits;
pub(in crate::dialect) mod models;
pub(super) mod request;
mod response;
mod stream;

use super::{Chatting, Dialect, Embedding, Framing, json};
use crate::server::voice;

/// How it chats.
pub(super) const CHATTING: Chatting = Chatting {
    request: request::chat,
    schema: response::schema,
    response: response::read,
    event: stream::schema,
    refused: errors::field,
    framing: Framing::Sse,
    stream: stream::reader,
};

/// How it makes vectors.
pub(super) const EMBEDDING: Embedding = Embedding {
    request: embeddings::request,
    response: embeddings::read,
    is_normed: true,
};

/// The dialect; others take what is alike from it.
pub const DIALECT: Dialect = Dialect {
    name: "openai",
    specification: "OpenAI API reference: chat completions",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: Some(CHATTING),
    infer: None,
    embeddings: Some(EMBEDDING),
    rerank: None,
    error: errors::read,
    parse: json,
    sign: None,
    limits: limits::read,
    voice: &voice::openai::VOICE,
};
