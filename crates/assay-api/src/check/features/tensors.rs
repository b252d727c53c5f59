use assay_model::Observation;
use serde_json::{Value, json};

use super::{first, not_there, obeys};
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::{Call, Error};

/// What the model's metadata has, and an inference of it: with an id, again, and with too few numbers.
pub(in crate::check) async fn tensors(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let Some(infer) = endpoint.dialect.infer else {
        return Ok(not_there("tensors"));
    };
    let route = endpoint.with_names(infer.about.unwrap_or_default());
    let whole = match first(asking, &Call::of(http::Method::GET, route)).await? {
        Ok(whole) => whole,
        Err(absent) => return Ok(absent),
    };
    let about = whole.json().unwrap_or_default();
    obeys(&mut seen, &metadata(), &about)?;
    let mut call = asking.inferred("Say something.").await?;
    let mut body = call.json();
    let id = format!("assay-{:x}", asking.nonce);
    body["id"] = id.as_str().into();
    call = Call::post(call.route, &body);
    let (_, answer) = endpoint.answer(&call).await?;
    seen.that("ids that come back", answer["id"] == id, || {
        answer["id"].to_string()
    });
    outputs(&mut seen, &about, &answer);
    let (_, again) = endpoint.answer(&call).await?;
    let data = |answer: &Value| (infer.response)(answer);
    seen.that(
        "inputs with the same outputs again",
        data(&answer) == data(&again),
        || "other numbers".into(),
    );
    body["inputs"][0]["data"] = json!([]);
    let short = endpoint.make(&Call::post(call.route, &body)).await?;
    let is_refused = (400..500).contains(&short.status);
    seen.that(
        "tensors that are too short and refused with 4xx",
        is_refused,
        || short.status.to_string(),
    );
    Ok(seen.done())
}

/// Outputs beside what is declared of them.
fn outputs(seen: &mut Seen, about: &Value, answer: &Value) {
    let rows = |value: &Value| value["outputs"].as_array().cloned().unwrap_or_default();
    let given = rows(answer);
    for declared in rows(about) {
        let name = declared["name"].to_string();
        let found = given.iter().find(|its| its["name"] == declared["name"]);
        seen.that(
            "outputs that are declared and come",
            found.is_some(),
            || name.clone(),
        );
        let Some(found) = found else {
            continue;
        };
        let (kind, own) = (&declared["datatype"], &found["datatype"]);
        seen.that("outputs of the declared type", kind == own, || {
            format!("{name}: {own}, not {kind}")
        });
    }
    for output in given {
        let sizes = output["shape"].as_array().cloned().unwrap_or_default();
        let count: u64 = sizes.iter().filter_map(Value::as_u64).product();
        let own = leaves(&output["data"]);
        seen.that(
            "outputs of as many numbers as their shape",
            own == count,
            || format!("{}: {own}, not {count}", output["name"]),
        );
    }
}

/// Data may be nested as its shape is, or flat.
fn leaves(data: &Value) -> u64 {
    data.as_array()
        .map_or(1, |rows| rows.iter().map(leaves).sum())
}

/// A `metadata_model_response`.
fn metadata() -> Value {
    let tensors = json!({"type": "array", "items": {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {"name": {"type": "string"}, "datatype": {"type": "string"}, "shape": {"type": "array", "items": {"type": "integer"}}},
    }});
    json!({
        "type": "object",
        "required": ["name", "platform", "inputs", "outputs"],
        "properties": {"name": {"type": "string", "minLength": 1}, "platform": {"type": "string"}, "inputs": tensors, "outputs": tensors},
    })
}
