use serde_json::Value;

use crate::dialect::ErrorBody;
use crate::error::Kind;

/// `<Error><Code/><Message/>…</Error>`.
pub(super) fn read(_: u16, body: &Value) -> Option<ErrorBody> {
    let error = &body["Error"];
    let (code, words) = (error["Code"].as_str()?, error["Message"].as_str()?);
    let kind = match code {
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
            Some(Kind::Authentication)
        }
        "SlowDown" | "ServiceUnavailable" => Some(Kind::Overloaded),
        "RequestTimeout" => Some(Kind::Conflict),
        "EntityTooLarge" => Some(Kind::RequestTooLarge),
        _ => None,
    };
    Some((kind, format!("{code}: {words}")))
}
