use serde_json::Value;

use crate::dialect::ErrorBody;
use crate::error::Kind;

/// `{"error": {"code", "message", "status", "details"}}` (`google.rpc.Status`). The details tell a wrong key from another request that is not
/// valid, and a quota of the day from one of the minute: the former has a `retryDelay` of seconds, too, and to wait for it does not help.
pub(super) fn read(status: u16, body: &Value) -> Option<ErrorBody> {
    let error = body.get("error")?;
    let message = error["message"].as_str()?;
    let is_own = match error["status"].as_str()? {
        "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "OUT_OF_RANGE"
        | "UNAUTHENTICATED"
        | "PERMISSION_DENIED"
        | "NOT_FOUND"
        | "ALREADY_EXISTS"
        | "ABORTED"
        | "RESOURCE_EXHAUSTED"
        | "CANCELLED" => false,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "UNIMPLEMENTED" | "UNAVAILABLE"
        | "DEADLINE_EXCEEDED" => true,
        _ => return None,
    };
    if error["code"] != status || is_own != (status >= 500) {
        return None;
    }
    let details = || error["details"].as_array().into_iter().flatten();
    let is_key = details().any(|detail| detail["reason"] == "API_KEY_INVALID");
    let is_of_the_day = details()
        .filter_map(|detail| detail["violations"].as_array())
        .flatten()
        .filter_map(|violation| violation["quotaId"].as_str())
        .any(|quota| quota.contains("PerDay"));
    let kind = match (is_key, is_of_the_day) {
        (true, _) => Some(Kind::Authentication),
        (_, true) => Some(Kind::QuotaExhausted),
        _ => None,
    };
    Some((kind, message.to_owned()))
}
