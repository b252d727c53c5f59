use serde_json::Value;

use crate::dialect::ErrorBody;
use crate::error::Kind;

/// `{"type": "error", "error": {"type", "message"}, "request_id"}`.
pub(super) fn read(status: u16, body: &Value) -> Option<ErrorBody> {
    let error = body.get("error")?;
    let message = error["message"].as_str()?;
    let kind = match error["type"].as_str()? {
        "authentication_error" => Some(Kind::Authentication),
        "billing_error" => Some(Kind::QuotaExhausted),
        "permission_error" => Some(Kind::Permission),
        "not_found_error" => Some(Kind::NotFound),
        "request_too_large" => Some(Kind::RequestTooLarge),
        "rate_limit_error" => Some(Kind::RateLimited),
        "overloaded_error" => Some(Kind::Overloaded),
        "timeout_error" | "api_error" => Some(Kind::Server),
        "invalid_request_error" => None,
        _ => return None,
    };
    // A failure of the server's is no fault of the client's.
    let is_own = matches!(kind, Some(Kind::Server | Kind::Overloaded));
    let is_told = body["type"] == "error" && is_own == (status >= 500);
    is_told.then(|| {
        (
            kind.filter(|kind| *kind != Kind::Server),
            message.to_owned(),
        )
    })
}

/// A field that stands in the words, in backticks, as one that the model does not take: "`temperature` is deprecated for this model".
pub(super) fn field(body: &Value) -> Option<&str> {
    let words = body["error"]["message"].as_str()?;
    let is_it = ["deprecated", "not supported", "unsupported"]
        .iter()
        .any(|word| words.contains(word));
    words.split('`').nth(1).filter(|_| is_it)
}
