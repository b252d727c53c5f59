use crate::dialect::{Endpoints, openai};

/// Routes and keys of the part of Llama's API that is OpenAI's.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://api.llama.com/compat/v1",
    keys: &["LLAMA_API_KEY"],
    bases: &[],
    models: None,
    request_id: None,
    ..openai::DIALECT.endpoints
};
