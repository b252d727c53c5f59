use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use crate::dialect::{Limits, retry_after};

/// `google.rpc.RetryInfo` in the details of an error: `{"retryDelay": "1.5s"}`. No header is documented; one that comes counts where the body
/// says nothing.
pub(super) fn read(headers: &HeaderMap, body: Option<&Value>) -> Limits {
    Limits {
        retry_after: body.and_then(delay).or_else(|| retry_after(headers)),
        ..Limits::default()
    }
}

/// A duration as Protocol Buffers write it in JSON: seconds, with up to nine digits of their fraction, and `s`.
fn delay(body: &Value) -> Option<Duration> {
    let details = body["error"]["details"].as_array()?;
    let told = details
        .iter()
        .find_map(|detail| detail["retryDelay"].as_str())?;
    let seconds: f64 = told.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
