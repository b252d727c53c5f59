use assay_model::Observation;
use bytes::Bytes;
use serde_json::{Value, json};

use super::seen::Seen;
use super::{Asking, schema_of, validator, wrong};
use crate::dialect::{Capability, Dialect};
use crate::wire::Whole;
use crate::{Call, Error};

/// Bytes of a question that few servers take: beyond most contexts, below what a proxy cuts off without a word.
const OVERSIZED: usize = 3 << 20;

/// Words of it, each a token at the least.
const WORDS: usize = OVERSIZED / 5;

/// What no model is called.
const NO_SUCH_MODEL: &str = "assay-no-such-model";

/// A body without each of its required fields.
pub(super) async fn missing_field(asking: &Asking<'_>) -> Result<Observation, Error> {
    refused(asking, &without_required(asking).await?).await
}

/// Bodies each without one field that the dialect requires. In Gemini's the model is none of them: it stands in the path.
pub(super) async fn without_required(asking: &Asking<'_>) -> Result<Vec<(String, Value)>, Error> {
    let whole = asking.main("Say something.").await?.json();
    let dialect = asking.endpoint.dialect;
    let chooses = dialect.can(Capability::ModelChoice) && !dialect.can(Capability::DefaultModel);
    let fields = [
        "messages", "contents", "inputs", "input", "query", "texts", "model",
    ]
    .into_iter();
    let bodies = fields
        .filter(|field| whole.get(field).is_some() && (chooses || *field != "model"))
        .map(|field| {
            let mut body = whole.clone();
            body.as_object_mut().map(|body| body.remove(field));
            (format!("without `{field}`"), body)
        })
        .collect();
    Ok(bodies)
}

/// Fields of another type.
pub(super) async fn wrong_type(asking: &Asking<'_>) -> Result<Observation, Error> {
    refused(asking, &of_other_types(asking).await?).await
}

/// Bodies each with one field of another type.
pub(super) async fn of_other_types(asking: &Asking<'_>) -> Result<Vec<(String, Value)>, Error> {
    let whole = asking.main("Say something.").await?.json();
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
    with("/inputs", json!(7));
    with("/inputs/0/shape", json!("many"));
    with("/inputs/0/name", json!(7));
    with("/input", json!(7));
    with("/parameters", json!("none"));
    with("/texts", json!(7));
    with("/max_tokens", json!("many"));
    with("/options/num_predict", json!("many"));
    with("/generationConfig/maxOutputTokens", json!("many"));
    with("/max_completion_tokens", json!("many"));
    with("/temperature", json!("hot"));
    with("/options/temperature", json!("hot"));
    with("/generationConfig/temperature", json!("hot"));
    Ok(bodies)
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
    let endpoint = asking.endpoint;
    let answer = endpoint.make(&of_no_model(asking).await?).await?;
    is_refused(&mut seen, endpoint.dialect, NO_SUCH_MODEL, &answer);
    Ok(seen.done())
}

/// A question to a model that there is not.
pub(super) async fn of_no_model(asking: &Asking<'_>) -> Result<Call, Error> {
    let endpoint = asking.endpoint;
    if endpoint.dialect.chat.is_none() && endpoint.dialect.infer.is_some() {
        // How it would be asked is what the model that there is says.
        let mut call = asking.main("Say something.").await?;
        let own = format!("/{}/", endpoint.model);
        call.route = call.route.replace(&own, &format!("/{NO_SUCH_MODEL}/"));
        return Ok(call);
    }
    let other = Asking {
        endpoint: &endpoint.with_model(NO_SUCH_MODEL),
        ..*asking
    };
    other.main("Say something.").await
}

/// A field that nobody knows.
pub(super) async fn unknown_field(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let mut body = asking.main("Say something.").await?.json();
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
    let schema = schema_of(asking.endpoint.dialect);
    let validator = schema.as_ref().map(validator).transpose()?;
    for words in [
        "שלום، مرحبا",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "Z̸̡̛͉a̷l̵g̶o̴",
        "日本語\u{feff}\u{200b}",
        "𝔊𝔬𝔩𝔡",
    ] {
        let answer = asking.endpoint.make(&asking.main(words).await?).await?;
        let body = answer.json();
        let wrong = match (&validator, &body) {
            (Some(validator), Some(body)) => wrong(validator, body),
            (_, body) => body.is_none().then(|| "no JSON".to_owned()),
        };
        let is_answered = answer.status == 200 && wrong.is_none();
        seen.that(
            "questions in any script that are answered",
            is_answered,
            || format!("{words}: {} {}", answer.status, wrong.unwrap_or_default()),
        );
    }
    Ok(seen.done())
}

/// A question of megabytes.
pub(super) async fn oversized(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let call = asking.main(&"gold ".repeat(WORDS)).await?;
    let answer = endpoint.make(&call).await?;
    let read = answer.json().zip(endpoint.dialect.chat);
    let usage = read.and_then(|(body, chatting)| (chatting.response)(&body).usage);
    let input = usage.and_then(|usage| usage.input).unwrap_or(0);
    if answer.status == 200 && input >= WORDS as u64 {
        return Ok(seen.unsupported(format!("the model reads it all: {input} tokens")));
    }
    if answer.status == 200 && endpoint.dialect.can(Capability::CutsQuestions) {
        return Ok(seen.unsupported("the server cuts what is too long, by its design"));
    }
    if answer.status == 429 && endpoint.dialect.told(&answer).is_some() {
        return Ok(seen.unsupported("the key has no room for so many tokens a minute"));
    }
    is_refused(
        &mut seen,
        endpoint.dialect,
        &format!("{OVERSIZED} bytes"),
        &answer,
    );
    Ok(seen.done())
}

/// Posts any bytes to where the server is asked what it is there for.
pub(super) async fn send(asking: &Asking<'_>, body: Bytes) -> Result<Whole, Error> {
    let call = asking.main("").await?;
    asking.endpoint.make(&call.saying(body)).await
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
    // Ollama loads its model where it is asked nothing.
    let is_load = answer.status == 200
        && answer
            .json()
            .is_some_and(|body| body["done_reason"] == "load");
    let is_right = is_load
        || (400..500).contains(&answer.status)
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
