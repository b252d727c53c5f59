//! Hugging Face's Text Embeddings Inference (`docs/openapi.json` of `huggingface/text-embeddings-inference`). A server has one model: one that
//! makes vectors, orders documents, or classifies; `/info` says which.

mod capabilities;
mod embeddings;
mod endpoints;
mod errors;
mod limits;
mod request;
mod rerank;
mod response;

use super::{Dialect, Embedding, Inferring, Reranking, json};
use crate::server::voice;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "tei",
    specification: "Text Embeddings Inference: OpenAPI",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: None,
    infer: Some(Inferring {
        about: Some("/info"),
        route: request::route,
        request: request::infer,
        schema: response::schema,
        response: response::read,
        takes_words: true,
    }),
    embeddings: Some(Embedding {
        request: embeddings::request,
        response: embeddings::read,
        is_normed: true,
    }),
    rerank: Some(Reranking {
        request: rerank::request,
        response: rerank::read,
        has_first: false,
    }),
    error: errors::read,
    parse: json,
    sign: None,
    limits: limits::read,
    voice: &voice::tei::VOICE,
};
