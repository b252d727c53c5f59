//! OPEA's ChatQnA: a gateway to a retriever and a model (`opea-project/GenAIComps`, `opea-project/GenAIExamples`).
//!
//! What it takes and gives is declared as OpenAI's `ChatCompletionRequest` and `ChatCompletionResponse`. Its orchestrator is known to write
//! the bytes of a token as Python shows them (`data: b'tok'`): that is no chunk, and `stream.grammar` says so.

mod capabilities;
mod endpoints;
mod errors;
mod request;

use super::{Dialect, openai};
use crate::server::voice::{Heard, Voice, openai::VOICE};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "opea",
    specification: "OPEA GenAIComps: ChatQnA gateway",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    request: request::chat,
    error: errors::read,
    voice: &Voice {
        heard: Heard {
            streams: true,
            ..VOICE.heard
        },
        error: errors::write,
        words: "/detail",
        ..VOICE
    },
    ..openai::DIALECT
};
