use assay_model::Observation;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::Asking;
use super::seen::Seen;
use crate::Error;
use crate::dialect::{Capability, Dialect};
use crate::wire::Whole;

/// Bytes of a question that no server takes: beyond any context, below what a proxy cuts off without a word.
const OVERSIZED: usize = 3 << 20;

/// A body without each of its required fields.
pub(super) async fn missing_field(asking: &Asking<'_>) -> Result<Observation, Error> {
    refused(asking, &without_required(asking)).await
}

/// Bodies each without one field that the dialect requires. In Gemini's the model is none of them: it stands in the path.
pub(super) fn without_required(asking: &Asking<'_>) -> Vec<(String, Value)> {
    let whole = body(asking);
    let chooses = asking.endpoint.dialect.can(Capability::ModelChoice);
    let fields = ["messages", "contents", "model"].into_iter();
    fields
        .filter(|field| whole.get(field).is_some() && (chooses || *field != "model"))
        .map(|field| {
            let mut body = whole.clone();
            body.as_object_mut().map(|body| body.remove(field));
            (format!("without `{field}`"), body)
        })
        .collect()
}

/// Fields of another type.
pub(super) async fn wrong_type(asking: &Asking<'_>) -> Result<Observation, Error> {
    let whole = body(asking);
    let mut bodies = Vec::new();
    let mut with = |place: &str, value: Value| {
        let mut body = whole.clone();
        if let Some(its) = body.pointer_mut(place) {
            bodies.push((format!("{place} is {value}"), std::mem::replace(its, value)));
            let last = bodies.len() - 1;
            bodies[last].1 = body;
        }
    };
    with("/messages", json!("Say something."));
    with("/messages", json!({"role": "user"}));
    with("/messages/0", json!(7));
    with("/contents", json!(7));
    with("/contents", json!("Say something."));
    with("/contents/0", json!(7));
    with("/max_tokens", json!("many"));
    with("/options/num_predict", json!("many"));
    with("/generationConfig/maxOutputTokens", json!("many"));
    with("/temperature", json!("hot"));
    with("/options/temperature", json!("hot"));
    with("/generationConfig/temperature", json!("hot"));
    refused(asking, &bodies).await
}

/// Bodies that are no JSON.
pub(super) async fn no_json(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    for text in NO_JSON {
        let answer = send(asking, Bytes::from_static(text.as_bytes())).await?;
        is_refused(&mut seen, asking.endpoint.dialect, text, &answer);
    }
    Ok(seen.done())
}

/// Cut off, and a form.
pub(super) const NO_JSON: [&str; 2] = ["{\"model\": ", "model=tiny&messages=hello"];

/// A model that there is not.
pub(super) async fn unknown_model(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let other = asking.endpoint.with_model("assay-no-such-model");
    let chat = asking.question("Say something.", 8);
    let answer = other.post(&other.route(&chat), &other.body(&chat)).await?;
    is_refused(&mut seen, other.dialect, "assay-no-such-model", &answer);
    Ok(seen.done())
}

/// A field that nobody knows.
pub(super) async fn unknown_field(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let mut body = body(asking);
    body["assay_unknown"] = json!({"a": [1, null]});
    let answer = send(asking, serde_json::to_vec(&body).unwrap_or_default().into()).await?;
    seen.that(
        "unknown fields that are no failure",
        answer.status < 500,
        || answer.status.to_string(),
    );
    seen.note(format!("it answers {}", answer.status));
    Ok(seen.done())
}

/// Scripts from right to left, signs of several code points, marks that combine, a zero.
pub(super) async fn unicode(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    for words in [
        "שלום، مرحبا",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "Z̸̡̛͉a̷l̵g̶o̴",
        "日本語\u{feff}\u{200b}",
        "𝔊𝔬𝔩𝔡",
    ] {
        let chat = asking.question(words, 8);
        let endpoint = asking.endpoint;
        let answer = endpoint
            .post(&endpoint.route(&chat), &endpoint.body(&chat))
            .await?;
        let is_read = answer.status == 200 && std::str::from_utf8(&answer.body).is_ok();
        seen.that("questions in any script that are answered", is_read, || {
            format!("{words}: {}", answer.status)
        });
    }
    Ok(seen.done())
}

/// A question of megabytes.
pub(super) async fn oversized(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let chat = asking.question(&"gold ".repeat(OVERSIZED / 5), 8);
    let endpoint = asking.endpoint;
    let answer = endpoint
        .post(&endpoint.route(&chat), &endpoint.body(&chat))
        .await?;
    is_refused(
        &mut seen,
        endpoint.dialect,
        &format!("{OVERSIZED} bytes"),
        &answer,
    );
    Ok(seen.done())
}

fn body(asking: &Asking<'_>) -> Value {
    asking.endpoint.body(&asking.question("Say something.", 8))
}

/// Posts any bytes where a chat goes to.
pub(super) async fn send(asking: &Asking<'_>, body: Bytes) -> Result<Whole, Error> {
    let route = asking.endpoint.route(&asking.question("", 8));
    asking.endpoint.call(Method::POST, &route, body).await
}

async fn refused(asking: &Asking<'_>, bodies: &[(String, Value)]) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    for (name, body) in bodies {
        let answer = send(asking, serde_json::to_vec(body).unwrap_or_default().into()).await?;
        is_refused(&mut seen, asking.endpoint.dialect, name, &answer);
    }
    Ok(seen.done())
}

/// 4xx: the client's fault is called so. Neither a key nor a limit has to do with it.
fn is_refused(seen: &mut Seen, dialect: &Dialect, name: &str, answer: &Whole) {
    let is_right = (400..500).contains(&answer.status)
        && !matches!(answer.status, 401 | 402 | 403 | 408 | 429);
    let words = || {
        let words = dialect
            .error_of(answer)
            .map(|error| error.words)
            .unwrap_or_default();
        format!("{name}: {} {words}", answer.status)
    };
    seen.that("what is refused with 4xx", is_right, words);
}
