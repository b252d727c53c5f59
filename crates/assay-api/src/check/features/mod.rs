//! What a server can do beside the plain call: each is asked where the dialect declares it.

mod batch;
mod classification;
mod completions;
mod embeddings;
mod media;
mod moderation;
mod rerank;
mod responses;
mod schema;
mod similarity;
mod speech;
mod tensors;
mod tools;
mod transcription;

pub(super) use batch::batch;
pub(super) use classification::classification;
pub(super) use completions::completions;
pub(super) use embeddings::embeddings;
pub(super) use media::{audio, images};
pub(super) use moderation::moderation;
pub(super) use rerank::rerank;
pub(super) use responses::responses;
pub(super) use schema::schema;
pub(super) use similarity::similarity;
pub(super) use speech::speech;
pub(super) use tensors::tensors;
pub(super) use tools::tools;
pub(super) use transcription::transcription;

use assay_model::Observation;
use serde_json::{Value, json};

use super::seen::Seen;
use super::{Asking, validator, wrong};
use crate::dialect::Capability;
use crate::wire::Whole;
use crate::{Call, Error, Kind};

/// The call of something that has a route of its own.
fn call(asking: &Asking<'_>, capability: Capability, body: &Value) -> Result<Call, Error> {
    Ok(Call::post(route(asking, capability)?, body))
}

fn route(asking: &Asking<'_>, capability: Capability) -> Result<String, Error> {
    let endpoint = asking.endpoint;
    let route = endpoint.dialect.endpoints.feature(capability);
    let route = route.ok_or_else(|| {
        let words = format!("`{}` has no route for it", endpoint.dialect.name);
        Error::new(Kind::Invalid, words)
    })?;
    Ok(endpoint.with_names(route))
}

/// The first answer; or the observation that there is none to be had: a dialect can do more than each server of it, and than each model. What
/// is refused in so many words is not there; what fails, fails.
async fn first(asking: &Asking<'_>, call: &Call) -> Result<Result<Whole, Observation>, Error> {
    let endpoint = asking.endpoint;
    let whole = endpoint.make(call).await?;
    let Some(error) = endpoint.refusal(&whole) else {
        return Ok(Ok(whole));
    };
    let is_told = endpoint.dialect.told(&whole).is_some();
    match whole.status {
        404 | 405 | 501 => {}
        400 | 403 | 422 | 424 if is_told => {}
        _ => return Err(error),
    }
    let words = format!(
        "not here, or not with this model: {} {}",
        whole.status, error.words
    );
    Ok(Err(Seen::default().unsupported(words)))
}

/// What a dialect declares and does not have.
fn not_there(what: &str) -> Observation {
    Seen::default().unsupported(format!("the dialect has no {what}"))
}

/// Two shapes, small enough for a model that knows nothing: fields of a few values each.
fn shapes() -> [Value; 2] {
    let metal = json!({"type": "string", "enum": ["gold", "silver", "lead"]});
    let truth = json!({"type": "boolean"});
    let of = |properties: Value| {
        let names: Vec<&String> = properties
            .as_object()
            .into_iter()
            .flatten()
            .map(|its| its.0)
            .collect();
        json!({"type": "object", "required": names, "properties": properties, "additionalProperties": false})
    };
    [
        of(json!({"metal": metal, "is_pure": truth})),
        of(json!({"first": metal, "second": metal, "is_assayed": truth})),
    ]
}

/// Whether a body obeys a schema of the answer.
pub(super) fn obeys(seen: &mut Seen, schema: &Value, body: &Value) -> Result<(), Error> {
    let wrong = wrong(&validator(schema)?, body);
    let label = "answers that obey the dialect's schema";
    seen.that(label, wrong.is_none(), || wrong.clone().unwrap_or_default());
    Ok(())
}

/// What keeps a text from being JSON of a schema.
fn break_of(schema: &Value, text: &str) -> Option<String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Some(format!("{error}: {text:.80}")),
    };
    let validator = jsonschema::validator_for(schema).ok()?;
    let error = validator.iter_errors(&value).next()?;
    Some(error.to_string())
}
