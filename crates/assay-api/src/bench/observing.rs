use std::collections::BTreeMap;

use assay_model::{Observation, Tally};

use super::histogram::Latencies;
use super::load::Load;
use super::metrics::Compared;
use super::plan::Plan;
use super::results::Results;
use super::sweep::Step;

/// What a measurement comes to, as a check's observation: figures are its measures; tallies say whether all was answered, the objective
/// kept, and counted alike.
pub(super) fn observation(
    plan: &Plan,
    steps: &[Step],
    ended: Option<String>,
    compared: Result<Vec<Compared>, String>,
) -> Observation {
    // The largest load that the server bore; of one load that one.
    let borne = steps.len() - usize::from(ended.is_some() && steps.len() > 1);
    let mut seen = Observation::default();
    let Some(step) = borne.checked_sub(1).and_then(|last| steps.get(last)) else {
        return seen;
    };
    let results = &step.results;
    if results.unsent > 0 {
        seen.tallies.push(sent(results));
        seen.notes.push(format!(
            "the load was not put on, {} requests that were due were not sent: these figures are no result",
            results.unsent
        ));
    }
    seen.tallies.push(answered(results));
    seen.tallies.extend(goodput(plan, results));
    seen.measures = figures(plan, step);
    seen.notes.extend(errors(results));
    match compared {
        Ok(compared) if !compared.is_empty() => seen.tallies.push(counters(&compared)),
        Ok(_) => {}
        Err(words) => seen
            .notes
            .push(format!("the server's own counters: {words}")),
    }
    if plan.sweep {
        seen.measures.extend(steps.iter().enumerate().flat_map(row));
        seen.notes.push(match ended {
            Some(why) => {
                let last = steps.last().map_or(0.0, |step| step.load.size());
                let of = match step.load {
                    Load::Open { .. } => "requests/s",
                    Load::Closed { .. } => "users",
                };
                format!("the sweep ended at {last} {of}: {why}")
            }
            None => "the sweep ended before the server did".into(),
        });
    }
    if results.estimated > 0 {
        seen.notes.push(format!(
            "of {} answers the server counted no tokens: each event is taken for one",
            results.estimated
        ));
    }
    seen
}

fn answered(results: &Results) -> Tally {
    let lacking = results
        .errors
        .iter()
        .map(|(kind, (count, _))| format!("{kind} ×{count}"));
    let mut tally = Tally {
        label: "requests answered".into(),
        have: results.answered,
        of: results.requests,
        lacking: lacking.collect(),
    };
    if results.requests == 0 {
        tally.of = 1;
        tally.lacking.push("none was due within the time".into());
    }
    tally
}

fn sent(results: &Results) -> Tally {
    Tally {
        label: "requests sent".into(),
        have: results.all.sent,
        of: results.all.sent + results.unsent,
        lacking: vec![format!("{} that were due", results.unsent)],
    }
}

fn goodput(plan: &Plan, results: &Results) -> Option<Tally> {
    let (wanted, share) = (plan.goodput?, results.goodput()?);
    let is_reached = share >= wanted;
    let words = format!("{:.2} %, not {:.2} %", 100.0 * share, 100.0 * wanted);
    Some(Tally {
        label: "goodput reached".into(),
        have: u64::from(is_reached),
        of: 1,
        lacking: (!is_reached).then_some(words).into_iter().collect(),
    })
}

fn counters(compared: &[Compared]) -> Tally {
    let differ = compared.iter().filter(|its| !its.agrees());
    let lacking: Vec<String> = differ
        .map(|its| format!("{} rose by {}, not {}", its.counter, its.theirs, its.ours))
        .collect();
    Tally {
        label: "counters of the server that agree".into(),
        have: (compared.len() - lacking.len()) as u64,
        of: compared.len() as u64,
        lacking,
    }
}

fn errors(results: &Results) -> impl Iterator<Item = String> + '_ {
    results
        .errors
        .iter()
        .map(|(kind, (count, words))| format!("{kind} ×{count}: {words}"))
}

/// Every figure, by a name that ends with its unit.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of requests and tokens are far below 2^53"
)]
fn figures(plan: &Plan, step: &Step) -> BTreeMap<String, f64> {
    let results = &step.results;
    let mut figures = BTreeMap::new();
    let mut set = |name: &str, value: f64| {
        figures.insert(name.to_owned(), value);
    };
    set(size(step.load), step.load.size());
    set("prompt_words", f64::from(plan.prompts.words));
    set("shared_words", f64::from(plan.prompts.shared));
    set("max_tokens", f64::from(plan.prompts.max_tokens));
    set("measured_seconds", results.seconds());
    set("streams_at_once", step.peak as f64);
    for (name, count) in [
        ("requests", results.requests),
        ("requests_answered", results.answered),
        ("requests_unsent", results.unsent),
        ("input_tokens", results.input),
        ("output_tokens", results.output),
        ("answers_estimated", results.estimated),
    ] {
        set(name, count as f64);
    }
    for (kind, (count, _)) in &results.errors {
        set(&format!("errors_{kind}"), *count as f64);
    }
    set("requests_per_second", results.per_second(results.answered));
    set(
        "output_tokens_per_second",
        results.per_second(results.output),
    );
    if let Some(between) = results.inter_token.quantiles().filter(|its| its.p50 > 0.0) {
        set("output_tokens_per_second_per_user", 1e3 / between.p50);
    }
    if let Some(share) = results.goodput() {
        set("goodput_share", share);
        set("goodput_per_second", results.per_second(results.kept));
    }
    for (name, latencies) in latencies(results) {
        let Some(its) = latencies.quantiles() else {
            continue;
        };
        set(&format!("{name}_count"), its.count as f64);
        for (part, value) in [
            ("mean", its.mean),
            ("p50", its.p50),
            ("p90", its.p90),
            ("p95", its.p95),
            ("p99", its.p99),
            ("max", its.max),
        ] {
            set(&format!("{name}_{part}_milliseconds"), value);
        }
    }
    figures
}

/// The latencies by their names.
fn latencies(results: &Results) -> [(&'static str, &Latencies); 10] {
    [
        ("ttft", &results.ttft),
        ("ttft_content", &results.ttft_content),
        ("ttft_reasoning", &results.ttft_reasoning),
        ("ttft_service", &results.ttft_service),
        ("first_byte", &results.first_byte),
        ("inter_token", &results.inter_token),
        ("inter_chunk", &results.inter_chunk),
        ("end_to_end", &results.end_to_end),
        ("service", &results.service),
        ("queueing", &results.queueing),
    ]
}

fn size(load: Load) -> &'static str {
    match load {
        Load::Open { .. } => "offered_per_second",
        Load::Closed { .. } => "users",
    }
}

/// A load of a sweep in some figures.
fn row((number, step): (usize, &Step)) -> Vec<(String, f64)> {
    let results = &step.results;
    let mut row = vec![
        (size(step.load), step.load.size()),
        ("requests_per_second", results.per_second(results.answered)),
        (
            "output_tokens_per_second",
            results.per_second(results.output),
        ),
        ("ttft_p50_milliseconds", results.ttft.quantile(0.5)),
        ("ttft_p99_milliseconds", results.ttft.quantile(0.99)),
        (
            "inter_token_p50_milliseconds",
            results.inter_token.quantile(0.5),
        ),
        (
            "end_to_end_p99_milliseconds",
            results.end_to_end.quantile(0.99),
        ),
        ("requests_failed", {
            #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
            let failed = (results.requests - results.answered) as f64;
            failed
        }),
    ];
    row.extend(results.goodput().map(|share| ("goodput_share", share)));
    let named = |(name, value)| (format!("sweep_{:02}_{name}", number + 1), value);
    row.into_iter().map(named).collect()
}
