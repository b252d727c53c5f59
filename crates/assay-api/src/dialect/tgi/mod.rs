//! Hugging Face's Text Generation Inference, by its route of OpenAI's (`router/src/lib.rs` of `huggingface/text-generation-inference`).

mod capabilities;
mod endpoints;
mod errors;
mod response;
mod stream;

use super::{Chatting, Dialect, openai};
use crate::server::voice::{Voice, openai::VOICE};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "tgi",
    specification: "Text Generation Inference: Messages API",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: Some(Chatting {
        schema: response::schema,
        response: response::read,
        event: response::event,
        stream: stream::reader,
        ..openai::CHATTING
    }),
    error: errors::read,
    voice: &Voice {
        error: errors::write,
        words: "/error",
        ..VOICE
    },
    ..openai::DIALECT
};
