use http::HeaderMap;
use serde_json::Value;

use crate::dialect::{Limits, retry_after};

/// None but `retry-after`, where a proxy says it.
pub(super) fn read(headers: &HeaderMap, _: Option<&Value>) -> Limits {
    Limits {
        retry_after: retry_after(headers),
        ..Limits::default()
    }
}
