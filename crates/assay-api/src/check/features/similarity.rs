use assay_model::Observation;
use serde_json::json;

use super::{call, first};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;

/// How far from 1 a text may be from itself: half precision has three digits.
const NEAR: f64 = 0.01;

/// A sentence beside itself and two others.
pub(in crate::check) async fn similarity(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let source = format!("Gold is assayed by fire. ({:x})", asking.nonce);
    let sentences = [&source, "A train leaves at nine.", "def area(radius):"];
    let body = json!({"inputs": {"source_sentence": source, "sentences": sentences}});
    let whole = match first(asking, &call(asking, Capability::Similarity, &body)?).await? {
        Ok(whole) => whole,
        Err(absent) => return Ok(absent),
    };
    let body = whole.json().unwrap_or_default();
    let near = body.as_array().map(Vec::as_slice).unwrap_or_default();
    seen.that(
        "sentences with a number",
        near.len() == sentences.len(),
        || format!("{} of {}", near.len(), sentences.len()),
    );
    for its in near {
        let is_cosine = its.as_f64().is_some_and(|its| its.abs() <= 1.0 + NEAR);
        seen.that("numbers that are cosines", is_cosine, || its.to_string());
    }
    let own = near.first().and_then(serde_json::Value::as_f64);
    let is_one = own.is_some_and(|own| (own - 1.0).abs() <= NEAR);
    seen.that("sentences that are like themselves", is_one, || {
        format!("{own:?}")
    });
    Ok(seen.done())
}
