//! vLLM's server of OpenAI's API (`docs.vllm.ai`, "OpenAI-Compatible Server").

mod capabilities;
mod endpoints;
mod errors;

use super::{Dialect, openai};
use crate::server::voice::{Voice, openai::VOICE};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "vllm",
    specification: "vLLM documentation: OpenAI-compatible server",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    error: errors::read,
    voice: &Voice {
        error: errors::write,
        words: "/error/message",
        ..VOICE
    },
    ..openai::DIALECT
};
