//! What a server does under load, and how long it takes. A [`Plan`] says what is asked, and how often; [`observe`] does it, and makes an
//! observation of it, as a check does. `docs/api.md` has the definitions and their sources.
//!
//! [`Load`] → moments at which requests are due → one [`Record`] for each request → [`Results`] → the observation. Every time counts from
//! when a request was due, not from when it went out: what waits because others were slow is not left out (Tene's coordinated omission).

mod asking;
mod draws;
mod drive;
mod histogram;
mod load;
pub(crate) mod metrics;
mod observing;
mod pacing;
mod plan;
mod prompt;
mod record;
mod results;
mod slo;
mod sweep;

use std::sync::Arc;

use assay_model::Observation;
use tokio::time::Instant;

use crate::Endpoint;

pub use asking::ask;
pub use drive::Span;
pub use histogram::{Latencies, Quantiles};
pub use load::{Arrivals, Load};
pub use plan::{Plan, STEPS};
pub use prompt::Prompts;
pub use record::Record;
pub use results::{Results, Sent};
pub use slo::Slo;
pub use sweep::Step;

/// The check that a measurement is.
pub const CHECK: &str = "bench.load";

/// What it asserts, as one sentence without a full stop.
pub const ASSERTS: &str =
    "under a load every request is answered, in the time that was promised, and counted rightly";

/// Measures a server.
pub async fn observe(endpoint: &Endpoint, plan: &Plan, seed: u64) -> Observation {
    let began = std::time::Instant::now();
    let mut before = Err(None);
    if let Some(route) = &plan.metrics {
        before = metrics::scrape(endpoint, route).await.map_err(Some);
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut load = plan.load;
    let ended = loop {
        let step = step(endpoint, plan, load, seed.wrapping_add(steps.len() as u64)).await;
        let overloaded = sweep::overloaded(plan, steps.last(), &step);
        steps.push(step);
        if !plan.sweep {
            break None;
        }
        if overloaded.is_some() || !sweep::goes_on(steps.len()) {
            break overloaded;
        }
        load = load.doubled();
    };
    let compared = match (before, &plan.metrics) {
        (Ok(before), Some(route)) => metrics::compare(endpoint, route, &before, all(&steps)).await,
        (Err(Some(words)), _) => Err(words),
        _ => Ok(Vec::new()),
    };
    let mut seen = observing::observation(plan, &steps, ended, compared);
    seen.seconds = began.elapsed().as_secs_f64();
    seen
}

/// Puts one load on a server.
pub async fn step(endpoint: &Endpoint, plan: &Plan, load: Load, seed: u64) -> Step {
    let endpoint = Arc::new(endpoint.clone());
    let prompts = plan.prompts;
    let ask = |number, due| {
        let endpoint = Arc::clone(&endpoint);
        async move { asking::ask(&endpoint, &prompts.chat(seed, number), due).await }
    };
    let began = Instant::now();
    let mut results = Results::new(began, plan.span, plan.slo);
    let mut take = |record: Record| results.take(&record);
    let peak = drive::drive(
        (load, plan.span, seed),
        began,
        pacing::by_thread,
        drive::Places {
            most: plan.most,
            patience: plan.answer,
        },
        ask,
        &mut take,
    )
    .await;
    Step {
        load,
        results,
        peak,
    }
}

/// What was sent under all loads.
fn all(steps: &[Step]) -> Sent {
    steps.iter().fold(Sent::default(), |sum, step| {
        let its = step.results.all;
        Sent {
            sent: sum.sent + its.sent,
            answered: sum.answered + its.answered,
            input: sum.input + its.input,
            output: sum.output + its.output,
            uncounted: sum.uncounted + its.uncounted,
        }
    })
}
