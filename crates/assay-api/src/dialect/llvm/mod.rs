//! LLVM: a backend on a machine of one's own, of which there is no public server or specification. Its routes and the names of what is sent
//! are known (`/models/{id}/infer`, `input`, `parameters`); how it answers (`output`, `outputs`) is assumed.

mod capabilities;
mod endpoints;
mod errors;
mod limits;
mod models;
mod request;
mod response;

use super::{Dialect, Inferring, json};
use crate::server::voice;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "llvm",
    specification: "LLVM backend: POST /models/{id}/infer",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: None,
    infer: Some(Inferring {
        about: None,
        route: |_| "/models/{model}/infer",
        request: request::infer,
        schema: response::schema,
        response: response::read,
        takes_words: true,
    }),
    embeddings: None,
    rerank: None,
    error: errors::read,
    parse: json,
    sign: None,
    limits: limits::read,
    voice: &voice::llvm::VOICE,
};
