use assay_model::Observation;
use bytes::Bytes;
use http::header::CONTENT_TYPE;

use super::seen::Seen;
use super::{Asking, request};
use crate::Error;

/// What is refused, and with what.
pub(super) async fn shape(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let mut asked: Vec<(String, Bytes)> = request::NO_JSON
        .map(|text| (text.to_owned(), Bytes::from_static(text.as_bytes())))
        .into();
    for (name, body) in request::without_required(asking) {
        asked.push((name, serde_json::to_vec(&body).unwrap_or_default().into()));
    }
    for (name, body) in asked {
        let answer = request::send(asking, body).await?;
        if answer.status < 400 {
            seen.note(format!("{name}: {}, which is no error", answer.status));
            continue;
        }
        let read = answer
            .json()
            .and_then(|body| (endpoint.dialect.error)(answer.status, &body));
        let kind = answer
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("none");
        let is_json = kind
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "application/json");
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
    Ok(seen.done())
}

/// Ids of an answer and of an error.
pub(super) async fn ids(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let mut known = Vec::new();
    let body = serde_json::to_vec(&endpoint.body(&asking.question("Say something.", 8)))
        .unwrap_or_default();
    for (name, body) in [
        ("an answer", Bytes::from(body)),
        ("an error", Bytes::from_static(b"{")),
    ] {
        let answer = request::send(asking, body).await?;
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
