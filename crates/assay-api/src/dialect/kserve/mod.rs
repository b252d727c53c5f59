//! KServe's protocol, version 2, also called the Open Inference Protocol (`github.com/kserve/open-inference-protocol`): tensors go in, tensors
//! come out. Triton, MLServer and OpenVINO's server speak it.

mod capabilities;
mod endpoints;
mod errors;
mod limits;
pub(super) mod request;
mod response;

use super::{Dialect, Inferring, json};
use crate::server::voice;

/// How it computes.
pub(super) const INFERRING: Inferring = Inferring {
    about: Some("/models/{model}"),
    route: |_| "/models/{model}/infer",
    request: request::infer,
    schema: response::schema,
    response: response::read,
    takes_words: false,
};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "kserve",
    specification: "Open Inference Protocol, version 2: HTTP/REST",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: None,
    infer: Some(INFERRING),
    embeddings: None,
    rerank: None,
    error: errors::read,
    parse: json,
    sign: None,
    limits: limits::read,
    voice: &voice::kserve::VOICE,
};
