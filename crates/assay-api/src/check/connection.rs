use assay_model::Observation;
use http::Method;
use tokio::time::Instant;

use super::seen::Seen;
use super::{Asking, FEW, validator, wrong};
use crate::bench::metrics;
use crate::dialect::Capability;
use crate::{Call, Error, Key};

/// A question is answered.
pub(super) async fn answers(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let (whole, _) = asking.answer_to("Say something.", FEW).await?;
    seen.that("questions answered", true, String::new);
    seen.measure("answer_milliseconds", 1e3 * whole.took.as_secs_f64());
    Ok(seen.done())
}

/// Two questions over one connection.
pub(super) async fn kept(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let answers = endpoint
        .twice(&asking.main("Say something.").await?)
        .await?;
    if answers.len() < 2 {
        return Ok(seen.unsupported("the server closes a connection once it has answered"));
    }
    for answer in &answers {
        let error = endpoint.refusal(answer);
        seen.that(
            "questions answered on one connection",
            error.is_none(),
            || error.as_ref().map(ToString::to_string).unwrap_or_default(),
        );
    }
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

/// What the server counts of itself, before and after an answer.
pub(super) async fn counted(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let Some(route) = endpoint.dialect.endpoints.metrics else {
        return Ok(seen.unsupported("the dialect counts nothing"));
    };
    let call = Call::of(Method::GET, format!("/{route}"));
    let first = endpoint.make(&call).await?;
    if matches!(first.status, 404 | 405 | 501) {
        return Ok(seen.unsupported(format!("{route}: {}: it is not switched on", first.status)));
    }
    seen.that("metrics that come with 200", first.status == 200, || {
        format!("{route}: {}", first.status)
    });
    let text = String::from_utf8_lossy(&first.body);
    let broken = metrics::broken(&text);
    let before = metrics::read(&text);
    seen.that(
        "metrics in Prometheus' text",
        broken.is_none() && !before.is_empty(),
        || broken.unwrap_or("no series").to_owned(),
    );
    asking.answer_to("Say something.", FEW).await?;
    let Some(before) = metrics::answers(&before) else {
        seen.note("no counter of answers is known by its name");
        return Ok(seen.done());
    };
    let until = Instant::now() + metrics::SETTLES;
    let mut is_counted = false;
    while !is_counted && Instant::now() < until {
        let text = endpoint.make(&call).await?.body;
        let after = metrics::read(&String::from_utf8_lossy(&text));
        is_counted = metrics::answers(&after).is_some_and(|after| after > before);
        if !is_counted {
            tokio::time::sleep(metrics::AGAIN).await;
        }
    }
    seen.that("answers that are counted", is_counted, || {
        format!("{before} before and after one")
    });
    Ok(seen.done())
}

/// The list of models, page by page.
pub(super) async fn models(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let Some(listing) = endpoint.dialect.endpoints.models else {
        return Ok(seen.unsupported("the dialect lists no models"));
    };
    let validator = validator(&(listing.schema)())?;
    let mut listed = Vec::new();
    let mut query = String::new();
    let mut has_end = false;
    for _ in 0..PAGES {
        let route = format!("{}{query}", listing.route);
        let answer = endpoint.make(&Call::of(Method::GET, &route)).await?;
        seen.that("lists that come with 200", answer.status == 200, || {
            format!("{route}: {}", answer.status)
        });
        let page = answer.json().unwrap_or_default();
        let wrong = wrong(&validator, &page);
        seen.that("lists in the dialect's shape", wrong.is_none(), || {
            wrong.clone().unwrap_or_default()
        });
        let names = (listing.names)(&page);
        let is_new = names.iter().any(|name| !listed.contains(name));
        listed.extend(names);
        let next = (listing.next)(&page);
        has_end = next.is_none() && page["has_more"] != true;
        match next {
            Some(next) if is_new => query = format!("?{next}"),
            _ => break,
        }
    }
    seen.that("lists that come to an end", has_end, || {
        format!("{} models, and more", listed.len())
    });
    let model = &endpoint.model;
    if !endpoint.dialect.can(Capability::ModelChoice) {
        seen.note(format!(
            "the server takes any name; it lists {}",
            listed.join(", ")
        ));
        return Ok(seen.done());
    }
    let mut is_there = listed.contains(model);
    if let Some(route) = listing.one.filter(|_| !is_there) {
        let call = Call::of(Method::GET, endpoint.with_names(route));
        let one = endpoint.make(&call).await?;
        let body = one.json().unwrap_or_default();
        let names = ["id", "name"]
            .iter()
            .filter_map(|name| body[*name].as_str());
        let names: Vec<&str> = names.collect();
        is_there = one.status == 200 && !names.is_empty();
        if is_there {
            let names = names.join(", ");
            seen.note(format!(
                "`{model}` is in no list, and has a route: an alias of {names}"
            ));
        }
    }
    seen.that("models that are listed", is_there, || {
        format!("`{model}` among {}", listed.join(", "))
    });
    Ok(seen.done())
}

/// Pages of models at most.
const PAGES: usize = 50;

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
