use http::HeaderMap;
use serde_json::Value;

use crate::dialect::{Limits, retry_after};

/// `x-ratelimit-*`, `retry-after`, `retry-after-ms`, `x-should-retry`.
pub(super) fn read(headers: &HeaderMap, _: Option<&Value>) -> Limits {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let count = |name: &str| text(name).and_then(|text| text.parse().ok());
    Limits {
        retry_after: retry_after(headers),
        should_retry: text("x-should-retry").and_then(|text| text.parse().ok()),
        remaining_requests: count("x-ratelimit-remaining-requests"),
        remaining_tokens: count("x-ratelimit-remaining-tokens"),
    }
}
