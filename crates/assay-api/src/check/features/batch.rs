use assay_model::Observation;
use serde_json::json;

use super::{call, first};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;

/// Three inputs together, and each alone.
pub(in crate::check) async fn batch(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let inputs = ["What is gold?", "Count to nine.", "def area(radius):"]
        .map(|words| format!("{words} ({:x})", asking.nonce));
    let body = json!({"inputs": inputs, "parameters": {}});
    let whole = match first(asking, &call(asking, Capability::Batch, &body)?).await? {
        Ok(whole) => whole,
        Err(absent) => return Ok(absent),
    };
    let body = whole.json().unwrap_or_default();
    let outputs = body["outputs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    seen.that(
        "batches with an output an input",
        outputs.len() == inputs.len(),
        || format!("{} of {}", outputs.len(), inputs.len()),
    );
    for (input, output) in inputs.iter().zip(outputs) {
        let (_, body) = asking
            .endpoint
            .answer(&asking.inferred(input).await?)
            .await?;
        seen.that(
            "outputs that are the same alone",
            &body["output"] == output,
            || format!("{output:.80} in a batch, {:.80} alone", body["output"]),
        );
    }
    Ok(seen.done())
}
