//! OpenVINO Model Server: OpenAI's routes below `/v3` (`docs.openvino.ai`, "OpenAI API chat/completions endpoint"), KServe's below `/v2`.

mod capabilities;
mod endpoints;
mod errors;
mod response;

use super::{Chatting, Dialect, Embedding, Inferring, kserve, openai, vllm};
use crate::server::voice::openai::{RERANK, VOICE};
use crate::server::voice::{self, Voice};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "ovms",
    specification: "OpenVINO Model Server: chat/completions",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: Some(Chatting {
        schema: response::schema,
        event: response::event,
        ..openai::CHATTING
    }),
    infer: Some(Inferring {
        about: Some("//v2/models/{model}"),
        route: |_| "//v2/models/{model}/infer",
        ..kserve::INFERRING
    }),
    embeddings: Some(Embedding {
        is_normed: false,
        ..openai::EMBEDDING
    }),
    rerank: Some(vllm::rerank::RERANKING),
    error: errors::read,
    voice: &Voice {
        error: errors::write,
        infer: voice::kserve::VOICE.infer,
        rerank: Some(RERANK),
        words: "/error",
        ..VOICE
    },
    ..openai::DIALECT
};
