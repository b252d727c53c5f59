use std::collections::BTreeSet;

use assay_model::Observation;
use serde_json::{Value, json};

use super::{call, first};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;

/// How far scores may be off: half precision has three digits.
const NEAR: f64 = 0.01;

/// Two texts alone, and both together.
pub(in crate::check) async fn classification(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let texts = ["Gold is assayed by fire.", "A train leaves at nine."]
        .map(|words| format!("{words} ({:x})", asking.nonce));
    let mut alone = Vec::new();
    for text in &texts {
        let call = call(asking, Capability::Classification, &json!({"inputs": text}))?;
        let whole = match first(asking, &call).await? {
            Ok(whole) => whole,
            Err(absent) => return Ok(absent),
        };
        let body = whole.json().unwrap_or_default();
        let scores = scores(&body);
        let labels: BTreeSet<&str> = scores.iter().map(|its| its.0).collect();
        let is_each = !labels.is_empty() && labels.len() == scores.len();
        seen.that("texts with each label once", is_each, || body.to_string());
        let are_shares = scores
            .iter()
            .all(|its| (-NEAR..=1.0 + NEAR).contains(&its.1));
        seen.that("scores that are shares of 1", are_shares, || {
            body.to_string()
        });
        alone.push(body);
    }
    let body = json!({"inputs": texts.each_ref().map(|text| [text])});
    let (_, together) = asking
        .endpoint
        .answer(&call(asking, Capability::Classification, &body)?)
        .await?;
    for (place, own) in alone.iter().enumerate() {
        let is_same = same(&scores(own), &scores(&together[place]));
        seen.that("labels that are the same in a batch", is_same, || {
            format!("{} in a batch, {own} alone", together[place])
        });
    }
    Ok(seen.done())
}

/// Labels and scores. What has none is left out.
fn scores(body: &Value) -> Vec<(&str, f64)> {
    let rows = body.as_array().into_iter().flatten();
    rows.filter_map(|row| Some((row["label"].as_str()?, row["score"].as_f64()?)))
        .collect()
}

fn same(one: &[(&str, f64)], other: &[(&str, f64)]) -> bool {
    let in_order = |rows: &[(&str, f64)]| {
        rows.iter()
            .map(|its| (its.0.to_owned(), its.1))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let (one, other) = (in_order(one), in_order(other));
    one.len() == other.len()
        && one.iter().all(|(label, score)| {
            other
                .get(label)
                .is_some_and(|its| (its - score).abs() <= NEAR)
        })
}
