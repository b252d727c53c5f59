use crate::dialect::{Endpoints, openai};

/// Routes and keys of `api.groq.com`. Calls have `x-request-id`, as OpenAI's have.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://api.groq.com/openai/v1",
    keys: &["GROQ_API_KEY"],
    bases: &["GROQ_BASE_URL"],
    is_limited_as_one: true,
    ..openai::DIALECT.endpoints
};
