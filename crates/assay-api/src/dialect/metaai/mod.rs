//! Meta's Llama API, as far as it is OpenAI's (`llama.developer.meta.com/docs/features/compatibility`).

mod capabilities;
mod endpoints;

use super::{Dialect, openai};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "metaai",
    specification: "Llama API: OpenAI compatibility",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    ..openai::DIALECT
};
