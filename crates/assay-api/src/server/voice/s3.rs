//! S3's errors, as a store says them.

use serde_json::{Value, json};

use super::{Refused, Voice, kserve};

pub(crate) const VOICE: Voice = Voice {
    error,
    words: "/Error/Message",
    infer: None,
    ..kserve::VOICE
};

fn error(refused: &Refused, number: u64) -> Value {
    let code = match (refused.kind, refused.status) {
        ("authentication_error" | "permission_error", _) => "SignatureDoesNotMatch",
        ("api_error", _) => "InternalError",
        ("not_found_error", _) => "NoSuchBucket",
        ("invalid_request_error", _) => "InvalidRequest",
        (code, _) => code,
    };
    json!({"Error": {"Code": code, "Message": refused.words, "RequestId": format!("req_{number}")}})
}
