use assay_model::Observation;
use http::Method;
use serde_json::Value;

use super::seen::Seen;
use super::{Asking, FEW};
use crate::{Call, Error, Key};

/// A question is answered.
pub(super) async fn answers(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let (whole, _) = asking.answer_to("Say something.", FEW).await?;
    seen.that("questions answered", true, String::new);
    seen.measure("answer_milliseconds", 1e3 * whole.took.as_secs_f64());
    Ok(seen.done())
}

/// The health route.
pub(super) async fn health(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    if let Some(route) = endpoint.dialect.endpoints.health {
        let answer = endpoint
            .make(&Call::of(Method::GET, format!("/{route}")))
            .await?;
        seen.that("health routes that say 200", answer.status == 200, || {
            format!("{route}: {}", answer.status)
        });
    }
    Ok(seen.done())
}

/// The list of models.
pub(super) async fn models(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    if let Some(route) = endpoint.dialect.endpoints.models {
        let answer = endpoint.make(&Call::of(Method::GET, route)).await?;
        seen.that("lists that come with 200", answer.status == 200, || {
            format!("{route}: {}", answer.status)
        });
        let listed = names(&answer.json().unwrap_or_default());
        let model = &endpoint.model;
        let is_there = listed
            .iter()
            .any(|name| name == model || name.rsplit('/').next() == Some(model));
        seen.that("models that are listed", is_there, || {
            format!("`{model}` among {}", listed.join(", "))
        });
    }
    Ok(seen.done())
}

/// What the entries of a list are called.
fn names(list: &Value) -> Vec<String> {
    let rows = ["data", "models"]
        .into_iter()
        .filter_map(|name| list[name].as_array())
        .flatten();
    let name = |row: &Value| {
        ["id", "model", "name"]
            .iter()
            .find_map(|name| row[*name].as_str().map(str::to_owned))
    };
    rows.filter_map(name).collect()
}

/// A wrong key, and none.
pub(super) async fn wrong_key(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let call = asking.main("Say something.").await?;
    for (key, name) in [
        (Some(Key::new("sk-assay-wrong-key")), "a wrong key"),
        (None, "no key"),
    ] {
        let other = asking.endpoint.with_key(key);
        let answer = other.make(&call).await?;
        let statuses = other.dialect.endpoints.unauthorized;
        let is_right = statuses.contains(&answer.status);
        seen.that("keys refused with the dialect's status", is_right, || {
            format!("{name}: {}, not {statuses:?}", answer.status)
        });
        let read = other.dialect.told(&answer);
        seen.that("refusals in the dialect's shape", read.is_some(), || {
            name.into()
        });
    }
    Ok(seen.done())
}

/// A route that there is not.
pub(super) async fn wrong_path(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let mut call = asking.main("Say something.").await?;
    call.route += "/assay-no-such-route";
    let answer = endpoint.make(&call).await?;
    seen.that("unknown routes that give 404", answer.status == 404, || {
        format!("POST {}: {}", call.route, answer.status)
    });
    Ok(seen.done())
}
