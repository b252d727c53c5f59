use serde_json::Value;

use crate::dialect::ErrorBody;
use crate::error::Kind;

/// `{"type": "error", "error": {"type", "message"}, "request_id"}`.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
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
        "timeout_error" => Some(Kind::Server),
        _ => None,
    };
    (body["type"] == "error").then(|| (kind, message.to_owned()))
}
