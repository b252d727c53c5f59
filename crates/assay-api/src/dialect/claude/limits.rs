use http::HeaderMap;
use serde_json::Value;

use crate::dialect::{Limits, retry_after};

/// `anthropic-ratelimit-*` and `retry-after`. A limit of what may be spent comes without the latter: to wait does not help.
pub(super) fn read(headers: &HeaderMap, body: Option<&Value>) -> Limits {
    let count = |name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
    let retry_after = retry_after(headers);
    let is_limited = body.is_some_and(|body| body["error"]["type"] == "rate_limit_error");
    Limits {
        retry_after,
        should_retry: (is_limited && retry_after.is_none()).then_some(false),
        remaining_requests: count("anthropic-ratelimit-requests-remaining"),
        remaining_tokens: count("anthropic-ratelimit-tokens-remaining"),
    }
}
