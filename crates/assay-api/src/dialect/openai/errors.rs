use serde_json::Value;

use crate::dialect::ErrorBody;
use crate::error::Kind;

/// `{"error": {"message", "type", "param", "code"}}`. A quota that is used up has the status of too many requests, and its own code.
pub(super) fn read(status: u16, body: &Value) -> Option<ErrorBody> {
    let error = body.get("error")?;
    let message = error["message"].as_str()?;
    // A failure of the server's is no fault of the client's.
    if error["type"].as_str()? == "server_error" && status < 500 {
        return None;
    }
    let is_used_up = [&error["code"], &error["type"]]
        .into_iter()
        .any(|its| its == "insufficient_quota");
    Some((
        is_used_up.then_some(Kind::QuotaExhausted),
        message.to_owned(),
    ))
}

/// `param`, where the error says that it, or its value, is not supported: models that think take neither `max_tokens` nor a temperature.
pub(super) fn field(body: &Value) -> Option<&str> {
    let error = &body["error"];
    let is_unsupported =
        ["unsupported_parameter", "unsupported_value"].contains(&error["code"].as_str()?);
    error["param"].as_str().filter(|_| is_unsupported)
}
