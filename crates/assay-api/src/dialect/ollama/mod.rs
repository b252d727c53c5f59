//! Ollama's own API (`docs.ollama.com/api`); it speaks OpenAI's on `/v1`, too.

mod capabilities;
mod endpoints;
mod errors;
mod limits;
mod request;
mod response;
mod stream;

use super::{Dialect, Framing};
use crate::server::voice;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "ollama",
    specification: "Ollama API: POST /api/chat",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    request: request::chat,
    schema: response::schema,
    response: response::read,
    framing: Framing::Ndjson,
    stream: stream::reader,
    error: errors::read,
    limits: limits::read,
    voice: &voice::ollama::VOICE,
};
