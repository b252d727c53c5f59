use std::collections::BTreeMap;
use std::fmt::Write;

use assay_api::bench::{Arrivals, Load, Plan, Slo};
use assay_model::{CaseRecord, Provenance};

type Figures = BTreeMap<String, f64>;

/// Latencies as they are shown, and their names among the figures.
const LATENCIES: [(&str, &str); 10] = [
    ("time to first token", "ttft"),
    ("  of what is thought", "ttft_reasoning"),
    ("  of what is said", "ttft_content"),
    ("  from sending", "ttft_service"),
    ("time to first byte", "first_byte"),
    ("inter-token", "inter_token"),
    ("inter-chunk", "inter_chunk"),
    ("end to end", "end_to_end"),
    ("  from sending", "service"),
    ("queueing", "queueing"),
];

/// What was measured, for a terminal; none where nothing was.
pub(super) fn table(plan: &Plan, case: &CaseRecord, notes: &[String]) -> Option<String> {
    let figures = &case.measured.as_ref()?.figures;
    let mut text = String::new();
    let _ = writeln!(text, "{}\n", head(plan));
    if plan.sweep {
        sweep(&mut text, plan, figures);
    }
    counts(&mut text, plan, figures);
    if figures.contains_key("end_to_end_count") {
        latencies(&mut text, figures);
    }
    for note in notes {
        let _ = writeln!(text, "{note}");
    }
    if case.provenance == Some(Provenance::Mock) {
        let _ = writeln!(text, "what answered is a mock: these figures are no result");
    }
    Some(text)
}

/// The load in words.
fn head(plan: &Plan) -> String {
    let load = match plan.load {
        Load::Open { rate, arrivals } => {
            let arrivals = match arrivals {
                Arrivals::Poisson => "poisson",
                Arrivals::Constant => "constant",
            };
            format!("open loop, {rate} requests/s ({arrivals})")
        }
        Load::Closed { users: 1 } => "closed loop, 1 user".into(),
        Load::Closed { users } => format!("closed loop, {users} users"),
    };
    let sweep = if plan.sweep {
        ", then twice as much"
    } else {
        ""
    };
    let lasts = match plan.span.requests {
        Some(count) => format!("{count} requests"),
        None => format!("{} s", plan.span.lasts.as_secs_f64()),
    };
    let shared = match plan.prompts.shared {
        0 => String::new(),
        count => format!(" ({count} shared)"),
    };
    format!(
        "{load}{sweep} · {lasts} after {} s of warm-up · questions of {} words{shared}, answers of {} tokens at most",
        plan.span.warmup.as_secs_f64(),
        plan.prompts.words,
        plan.prompts.max_tokens,
    )
}

fn counts(text: &mut String, plan: &Plan, figures: &Figures) {
    let of = |name: &str| figures.get(name).copied().unwrap_or(0.0);
    let size = match plan.load {
        _ if !plan.sweep => String::new(),
        Load::Open { .. } => format!("at {} requests/s: ", of("offered_per_second")),
        Load::Closed { .. } => format!("with {} users: ", of("users")),
    };
    let failed = of("requests") - of("requests_answered");
    let _ = writeln!(
        text,
        "requests    {size}{} in {:.1} s, {} answered, {failed} failed; at most {} at once",
        of("requests"),
        of("measured_seconds"),
        of("requests_answered"),
        of("streams_at_once"),
    );
    let mark = if of("answers_estimated") > 0.0 {
        "≈"
    } else {
        ""
    };
    let mut throughput = format!(
        "{:.2} requests/s, {mark}{:.1} tokens/s",
        of("requests_per_second"),
        of("output_tokens_per_second")
    );
    if let Some(rate) = figures.get("output_tokens_per_second_per_user") {
        let _ = write!(throughput, ", {mark}{rate:.1} tokens/s for each user");
    }
    let _ = writeln!(text, "throughput  {throughput}");
    let _ = writeln!(
        text,
        "tokens      {} of questions, {mark}{} of answers",
        of("input_tokens"),
        of("output_tokens")
    );
    if let (Some(slo), Some(share)) = (plan.slo, figures.get("goodput_share")) {
        let _ = writeln!(
            text,
            "goodput     {:.1} % within {}: {:.2} requests/s",
            100.0 * share,
            promised(slo),
            of("goodput_per_second"),
        );
    }
    text.push('\n');
}

fn promised(slo: Slo) -> String {
    let parts = [("ttft", slo.ttft), ("itl", slo.itl), ("e2e", slo.e2e)];
    let part =
        |(name, most): (&str, Option<std::time::Duration>)| Some(format!("{name} {:?}", most?));
    parts
        .into_iter()
        .filter_map(part)
        .collect::<Vec<_>>()
        .join(", ")
}

fn latencies(text: &mut String, figures: &Figures) {
    const PARTS: [&str; 6] = ["mean", "p50", "p90", "p95", "p99", "max"];
    let _ = write!(text, "{:<21}", "milliseconds");
    for part in PARTS {
        let _ = write!(text, "{part:>10}");
    }
    let _ = writeln!(text, "{:>9}", "count");
    for (shown, name) in LATENCIES {
        let Some(count) = figures.get(&format!("{name}_count")) else {
            continue;
        };
        // A server with one channel has it for both.
        if name == "ttft_content" && !figures.contains_key("ttft_reasoning_count") {
            continue;
        }
        let _ = write!(text, "{shown:<21}");
        for part in PARTS {
            let value = figures.get(&format!("{name}_{part}_milliseconds"));
            let _ = write!(text, "{:>10.2}", value.copied().unwrap_or(f64::NAN));
        }
        let _ = writeln!(text, "{count:>9}");
    }
    text.push('\n');
}

/// A row for each load.
fn sweep(text: &mut String, plan: &Plan, figures: &Figures) {
    let (size, shown) = match plan.load {
        Load::Open { .. } => ("offered_per_second", "offered/s"),
        Load::Closed { .. } => ("users", "users"),
    };
    let columns = [
        (size, shown, 0),
        ("requests_per_second", "requests/s", 2),
        ("output_tokens_per_second", "tokens/s", 1),
        ("ttft_p50_milliseconds", "ttft p50", 2),
        ("ttft_p99_milliseconds", "ttft p99", 2),
        ("inter_token_p50_milliseconds", "itl p50", 2),
        ("end_to_end_p99_milliseconds", "e2e p99", 2),
        ("goodput_share", "goodput", 3),
        ("requests_failed", "failed", 0),
    ];
    let has_goodput = plan.slo.is_some();
    let columns = columns
        .iter()
        .filter(|(name, ..)| has_goodput || *name != "goodput_share");
    for (_, shown, _) in columns.clone() {
        let _ = write!(text, "{shown:>12}");
    }
    text.push('\n');
    for number in 1.. {
        let at = |name: &str| figures.get(&format!("sweep_{number:02}_{name}")).copied();
        if at(size).is_none() {
            break;
        }
        for (name, _, digits) in columns.clone() {
            let value = at(name).unwrap_or(f64::NAN);
            let digits = if value.fract() == 0.0 {
                0
            } else {
                (*digits).max(1)
            };
            let _ = write!(text, "{value:>12.digits$}");
        }
        text.push('\n');
    }
    text.push('\n');
}
