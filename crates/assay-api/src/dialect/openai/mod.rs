//! OpenAI's chat completions (`platform.openai.com/docs/api-reference/chat`), which most servers speak.

mod capabilities;
mod endpoints;
mod errors;
mod limits;
mod request;
mod response;
mod stream;

use super::{Dialect, Framing};
use crate::server::voice;

/// The dialect; others take what is alike from it.
pub const DIALECT: Dialect = Dialect {
    name: "openai",
    specification: "OpenAI API reference: chat completions",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    request: request::chat,
    schema: response::schema,
    response: response::read,
    framing: Framing::Sse,
    stream: stream::reader,
    error: errors::read,
    limits: limits::read,
    voice: &voice::openai::VOICE,
};
