//! vLLM's server of OpenAI's API (`docs.vllm.ai`, "OpenAI-Compatible Server").

mod capabilities;
mod endpoints;
mod errors;
pub(super) mod rerank;

use super::{Dialect, Embedding, openai};
use crate::server::voice::Voice;
use crate::server::voice::openai::{RERANK, VOICE};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "vllm",
    specification: "vLLM documentation: OpenAI-compatible server",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    embeddings: Some(Embedding {
        is_normed: false,
        ..openai::EMBEDDING
    }),
    rerank: Some(rerank::RERANKING),
    error: errors::read,
    voice: &Voice {
        error: errors::write,
        rerank: Some(RERANK),
        words: "/error/message",
        ..VOICE
    },
    ..openai::DIALECT
};
