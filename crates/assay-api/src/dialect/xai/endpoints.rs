use crate::dialect::{Endpoints, openai};

/// Routes and keys of `api.x.ai`. A key that is wrong is refused with 400 (`docs.x.ai/docs/key-information/debugging`: "An incorrect API key was supplied"), none with 401.
/// No header with an id is documented.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://api.x.ai/v1",
    keys: &["XAI_API_KEY"],
    bases: &[],
    unauthorized: &[400, 401],
    request_id: None,
    ..openai::DIALECT.endpoints
};
