use assay_model::Observation;
use bytes::Bytes;

use super::seen::Seen;
use super::{Asking, json_type, request};
use crate::dialect::Capability;
use crate::{Call, Error};

/// What is refused, and with what.
pub(super) async fn shape(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let mut asked: Vec<(String, Bytes)> = request::NO_JSON
        .map(|text| (text.to_owned(), Bytes::from_static(text.as_bytes())))
        .into();
    let mut bodies = request::without_required(asking).await?;
    bodies.extend(request::of_other_types(asking).await?);
    for (name, body) in bodies {
        asked.push((name, serde_json::to_vec(&body).unwrap_or_default().into()));
    }
    let sent = asking.main("").await?;
    let mut calls: Vec<(String, Call)> = asked
        .into_iter()
        .map(|(name, body)| (name, sent.clone().saying(body)))
        .collect();
    if asking.endpoint.dialect.can(Capability::ModelChoice) {
        calls.push((
            "a model that there is not".into(),
            request::of_no_model(asking).await?,
        ));
    }
    let mut has_error = false;
    for (name, call) in calls {
        let answer = asking.endpoint.make(&call).await?;
        if answer.status < 400 {
            seen.note(format!("{name}: {}, which is no error", answer.status));
            continue;
        }
        has_error = true;
        let read = asking.endpoint.dialect.told(&answer);
        let (is_json, kind) = json_type(&answer);
        let is_told = read
            .as_ref()
            .is_some_and(|(_, words)| !words.trim().is_empty());
        let begins =
            || String::from_utf8_lossy(&answer.body[..answer.body.len().min(80)]).into_owned();
        seen.that("errors in the dialect's shape, with words", is_told, || {
            format!("{name}: {}", begins())
        });
        seen.that("errors that are called application/json", is_json, || {
            format!("{name}: {kind}")
        });
    }
    if !has_error {
        return Ok(seen.unsupported("nothing is refused"));
    }
    Ok(seen.done())
}

/// Ids of an answer and of an error.
pub(super) async fn ids(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let mut known = Vec::new();
    let call = asking.main("Say something.").await?;
    let other = asking.endpoint.with_model("assay-no-such-model");
    let wrong = if endpoint.dialect.is_json() {
        call.clone().saying("{")
    } else {
        let other = Asking {
            endpoint: &other,
            ..*asking
        };
        other.main("Say something.").await?
    };
    for (name, call) in [("an answer", call), ("an error", wrong)] {
        let answer = endpoint.make(&call).await?;
        let id = endpoint.dialect.request_id(&answer.headers);
        seen.that(
            "calls with an id of their own",
            id.as_ref().is_some_and(|id| !known.contains(id)),
            || name.into(),
        );
        known.extend(id);
    }
    Ok(seen.done())
}
