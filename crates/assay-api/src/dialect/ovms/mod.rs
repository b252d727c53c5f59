//! OpenVINO Model Server, by its route of OpenAI's (`docs.openvino.ai`, "OpenAI API chat/completions endpoint").

mod capabilities;
mod endpoints;
mod errors;
mod response;

use super::{Dialect, openai};
use crate::server::voice::{Voice, openai::VOICE};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "ovms",
    specification: "OpenVINO Model Server: chat/completions",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    schema: response::schema,
    error: errors::read,
    voice: &Voice {
        error: errors::write,
        words: "/error",
        ..VOICE
    },
    ..openai::DIALECT
};
