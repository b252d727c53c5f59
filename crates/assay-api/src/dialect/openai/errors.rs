use serde_json::Value;

use crate::dialect::ErrorBody;
use crate::error::Kind;

/// `{"error": {"message", "type", "param", "code"}}`. A quota that is used up has the status of too many requests, and its own code.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    let error = body.get("error")?;
    let message = error["message"].as_str()?;
    error["type"].as_str()?;
    let is_used_up = [&error["code"], &error["type"]]
        .into_iter()
        .any(|its| its == "insufficient_quota");
    Some((
        is_used_up.then_some(Kind::QuotaExhausted),
        message.to_owned(),
    ))
}
