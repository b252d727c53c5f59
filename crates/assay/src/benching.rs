//! `assay api bench`: one load on one endpoint, as a run with one case.

mod table;

use std::path::Path;
use std::time::Duration;

use assay_api::bench::{self, Arrivals, Load, Plan, Prompts, Span};
use assay_api::dialect::{Capability, Dialect};
use assay_catalog::filter::Filter;
use assay_model::event::Event;
use assay_model::{CaseRecord, CheckSpec, ENDPOINT, Ending, ExitCode, Profile, Rule};
use assay_record::{Run, Wanted, log_path, read_entries};
use rustix::process::{Resource, getrlimit};
use serde_json::json;

use crate::arguments::{ArrivalsWhen, BenchArguments};
use crate::endpoints::{One, execute};
use crate::failure::Failure;
use crate::folders::REPORTS;
use crate::{configuration, reporting, running, targets};

/// Seconds that are measured where nobody says how many.
const LASTS: f64 = 10.0;

/// Seconds after which a number of requests is waited for no longer.
const LONGEST: f64 = 600.0;

/// Seconds that the worker takes besides: its evidence, and the server's counters.
const BESIDES: f64 = 60.0;

/// Requests under way at most, where nobody says how many.
const STREAMS: u32 = 10_000;

/// Files that a worker has open besides.
const OTHER_FILES: u64 = 64;

/// `assay api bench`.
pub(crate) fn bench(arguments: &BenchArguments) -> Result<ExitCode, Failure> {
    let loaded = configuration::load(arguments.target.config.as_deref())?;
    let target = targets::named(&arguments.target, &loaded)?;
    let plan = plan(arguments, targets::dialect(&target.endpoint.dialect)?)?;
    let spec = CheckSpec {
        id: bench::CHECK.into(),
        profile: Profile::Standard,
        asserts: bench::ASSERTS.into(),
        bug: "docs/api.md, measuring".into(),
        needs: [ENDPOINT, Capability::Streaming.name()]
            .map(str::to_owned)
            .to_vec(),
        rule: Rule::Full,
    };
    let (run, folder) = execute(&One {
        candidate: target.under(Some(plan.clone()))?,
        specs: vec![spec],
        filter: Filter::all(),
        overrides: Vec::new(),
        seconds: plan.takes().as_secs_f64() + BESIDES,
        seed: arguments.seed,
        report_dir: arguments.report_dir.clone(),
    })?;
    let case = run
        .cases
        .iter()
        .find(|case| case.check.as_str() == bench::CHECK);
    let notes = notes(&folder)?;
    if !arguments.shown.as_json() {
        if let Some(table) = case.and_then(|case| table::table(&plan, case, &notes)) {
            say!("{table}");
        }
        return running::tell(&run, &folder, arguments.report_dir.is_none());
    }
    let reported = assay_report::write_all(&folder, &run);
    if arguments.report_dir.is_none() {
        let _ = assay_report::point_latest(Path::new(REPORTS), &run.header.run);
    }
    reporting::print_json(&measured(&run, &folder, &plan, case, &notes))?;
    reported.map_err(|error| Failure::record(error.to_string()))?;
    Ok(run.exit_code())
}

/// What is printed as JSON: `docs/reference/json.md` has it.
fn measured(
    run: &Run,
    folder: &Path,
    plan: &Plan,
    case: Option<&CaseRecord>,
    notes: &[String],
) -> serde_json::Value {
    let figures = case
        .and_then(|case| case.measured.as_ref())
        .map(|measured| &measured.figures);
    json!({
        "run": run.header.run,
        "folder": folder,
        "subject": case.map(|case| &case.subject),
        "outcome": case.map(|case| case.outcome),
        "reason": case.and_then(|case| case.reason.as_ref()),
        "provenance": case.and_then(|case| case.provenance),
        "plan": plan,
        "figures": figures,
        "notes": notes,
    })
}

/// Remarks of the observation, which the log has.
fn notes(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    let take = |entry: assay_model::event::Entry| {
        if let Event::CaseEnded {
            ending: Ending::Observed(seen),
            ..
        } = entry.event
        {
            notes = seen.notes;
        }
    };
    read_entries(&log_path(folder), Wanted::All, take, |_| ())
        .map_err(|error| Failure::record(error.to_string()))?;
    Ok(notes)
}

/// What the command line asks for.
fn plan(arguments: &BenchArguments, dialect: &Dialect) -> Result<Plan, Failure> {
    let load = load(arguments)?;
    if arguments.shared_words > arguments.prompt_words {
        return Err(Failure::usage(format!(
            "{} of {} words can't be shared",
            arguments.shared_words, arguments.prompt_words
        ))
        .hint("--shared-words are some of --prompt-words, or all of them"));
    }
    if let Some(share) = arguments.goodput {
        if arguments.slo.is_none() {
            return Err(
                Failure::usage("--goodput without anything that was promised")
                    .hint("say what: --slo ttft=200ms,itl=50ms"),
            );
        }
        if !(share > 0.0 && share <= 1.0) {
            return Err(Failure::usage(format!("{share} is no share of requests"))
                .hint("it lies above 0, up to 1: --goodput 0.95"));
        }
    }
    let lasts = arguments.duration.unwrap_or(match arguments.requests {
        Some(_) => LONGEST,
        None => LASTS,
    });
    let own = dialect.endpoints.metrics.map(str::to_owned);
    Ok(Plan {
        load,
        sweep: arguments.sweep,
        prompts: Prompts {
            words: arguments.prompt_words,
            shared: arguments.shared_words,
            max_tokens: arguments.max_tokens,
        },
        span: Span {
            warmup: Duration::from_secs_f64(arguments.warmup),
            lasts: Duration::from_secs_f64(lasts),
            requests: arguments.requests,
        },
        slo: arguments.slo,
        goodput: arguments.goodput,
        most: most(arguments)?,
        answer: Duration::from_secs_f64(arguments.request_timeout),
        metrics: arguments.metrics.clone().or(own),
    })
}

fn load(arguments: &BenchArguments) -> Result<Load, Failure> {
    match (arguments.rate, arguments.users) {
        (Some(_), Some(_)) => Err(Failure::usage("--rate and --users are two loads").hint(
            "--rate for an open loop, --users for a closed one; measure them one after the other",
        )),
        (Some(rate), None) if !(rate > 0.0 && rate.is_finite()) => {
            Err(Failure::usage(format!("{rate} is no rate"))
                .hint("requests a second, more than none: --rate 0.5"))
        }
        (Some(rate), None) => Ok(Load::Open {
            rate,
            arrivals: match arguments.arrivals {
                Some(ArrivalsWhen::Constant) => Arrivals::Constant,
                Some(ArrivalsWhen::Poisson) | None => Arrivals::Poisson,
            },
        }),
        (None, _) if arguments.arrivals.is_some() => Err(Failure::usage(
            "--arrivals are those of an open loop, and there is no --rate",
        )
        .hint("say how many requests a second: --rate 10")),
        (None, users) => Ok(Load::Closed {
            users: users.unwrap_or(1),
        }),
    }
}

/// Requests under way at most: each is a connection, and a connection is an open file.
fn most(arguments: &BenchArguments) -> Result<usize, Failure> {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let possible = u32::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(u32::MAX);
    let users = arguments.users.unwrap_or(0);
    let wanted = arguments.max_streams.unwrap_or(0).max(users);
    if wanted > possible {
        return Err(Failure::setup(format!(
            "{wanted} connections, where a process may open {files} files"
        ))
        .hint("raise the limit (`ulimit -Hn`), or ask for fewer"));
    }
    if arguments.max_streams.is_some_and(|most| most < users) {
        return Err(Failure::usage("more users than --max-streams")
            .hint("each user has one request under way: leave --max-streams out"));
    }
    let most = arguments.max_streams.unwrap_or(STREAMS.max(users));
    Ok(most.min(possible) as usize)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{ApiAction, Arguments, Verb};

    fn planned(words: &[&str]) -> Result<Plan, Failure> {
        let words = ["assay", "api", "bench", "http://x/v1", "--model", "m"]
            .iter()
            .chain(words);
        let Verb::Api(verb) = Arguments::try_parse_from(words).unwrap().verb else {
            panic!("another verb");
        };
        let ApiAction::Bench(arguments) = verb.action else {
            panic!("another action");
        };
        let name = arguments.target.dialect.as_deref().unwrap_or("openai");
        plan(&arguments, targets::dialect(name)?)
    }

    #[test]
    fn a_load_is_open_or_closed() {
        assert_eq!(planned(&[]).unwrap().load, Load::Closed { users: 1 });
        let poisson = Load::Open {
            rate: 2.5,
            arrivals: Arrivals::Poisson,
        };
        assert_eq!(planned(&["--rate", "2.5"]).unwrap().load, poisson);
        let plan = planned(&["--users", "8", "--sweep", "--dialect", "vllm"]).unwrap();
        assert_eq!(plan.load, Load::Closed { users: 8 });
        assert_eq!(plan.metrics.as_deref(), Some("/metrics"));
        assert!(plan.takes() > Duration::from_secs(100));
    }

    #[test]
    fn a_plan_travels_as_json() {
        let plan = planned(&[
            "--rate",
            "2",
            "--slo",
            "ttft=5ms,e2e=1s",
            "--goodput",
            "0.9",
        ]);
        let plan = plan.unwrap();
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    #[test]
    fn what_contradicts_itself_is_told_with_its_mend() {
        for words in [
            &["--rate", "1", "--users", "1"][..],
            &["--rate", "0"],
            &["--arrivals", "constant"],
            &["--goodput", "0.9"],
            &["--goodput", "1.5", "--slo", "ttft=1s"],
            &["--shared-words", "9", "--prompt-words", "8"],
            &["--users", "5", "--max-streams", "4"],
        ] {
            let failure = planned(words).expect_err("a failure");
            assert_eq!(failure.exit, ExitCode::Usage, "{words:?}");
            assert!(failure.to_string().contains("hint:"), "{words:?}");
        }
    }
}
