//! xAI: OpenAI's chat completions (`docs.x.ai/docs/api-reference`), with errors of its own.

mod capabilities;
mod endpoints;
mod errors;

use super::{Dialect, openai};
use crate::server::voice::{Voice, openai::VOICE};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "xai",
    specification: "xAI API reference: chat completions",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    error: errors::read,
    voice: &Voice {
        error: errors::write,
        words: "/error",
        ..VOICE
    },
    ..openai::DIALECT
};
