//! OPEA's ChatQnA: a gateway to a retriever and a model (`opea-project/GenAIComps`, `opea-project/GenAIExamples`).
//!
//! What it takes and gives is declared as OpenAI's `ChatCompletionRequest` and `ChatCompletionResponse`. Its orchestrator is known to write
//! the bytes of a token as Python shows them (`data: b'tok'`): that is no chunk, and `stream.grammar` says so.

mod capabilities;
mod endpoints;
mod errors;
mod request;

use super::{Chatting, Dialect, openai};
use crate::server::voice::openai::{CHAT, VOICE};
use crate::server::voice::{ChatVoice, Heard, Voice};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "opea",
    specification: "OPEA GenAIComps: ChatQnA gateway",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: Some(Chatting {
        request: request::chat,
        ..openai::CHATTING
    }),
    error: errors::read,
    voice: &Voice {
        chat: Some(ChatVoice {
            heard: Heard {
                streams: true,
                ..CHAT.heard
            },
            ..CHAT
        }),
        error: errors::write,
        words: "/detail",
        ..VOICE
    },
    ..openai::DIALECT
};
