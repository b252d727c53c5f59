use crate::dialect::Endpoints;

/// Routes and keys of Amazon's own store. A key is not sent: it signs. What is signed wrongly, and what is not signed, is forbidden.
pub(super) const ENDPOINTS: Endpoints = Endpoints {
    base: "https://s3.us-east-1.amazonaws.com",
    keys: &["AWS_SECRET_ACCESS_KEY"],
    bases: &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    key: Some(("authorization", "AWS4-HMAC-SHA256 ")),
    unauthorized: &[403],
    headers: &[],
    chat: "",
    stream: "",
    features: &[],
    models: None,
    health: None,
    metrics: None,
    is_limited_as_one: false,
    request_id: Some("x-amz-request-id"),
};
