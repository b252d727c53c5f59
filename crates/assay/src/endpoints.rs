use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use assay_api::check::{CHECKS, CheckRow, Needs};
use assay_api::dialect::{ALL, Dialect};
use assay_api::server::{FAULTS, Fault, KEY, MODEL, Serving, Settings};
use assay_catalog::filter::Filter;
use assay_catalog::{Candidate, ProbeOutcome, Selection, battery, plan};
use assay_model::event::{Event, Header, RunSettings};
use assay_model::{
    CheckSpec, ENDPOINT, Endpoint, ExitCode, Facts, Family, Platform, Probed, Profile, Reach, Rule,
    Subject,
};
use assay_record::{Fold, LogWriter};

use crate::arguments::{ApiAction, ApiCheckArguments, ServeArguments};
use crate::failure::Failure;
use crate::folders::REPORTS;
use crate::recorder::Recorder;
use crate::running::{self, nonces};
use crate::screen::Screen;
use crate::session::Session;

/// `assay api`.
pub(crate) fn api(action: &ApiAction) -> Result<ExitCode, Failure> {
    match action {
        ApiAction::List => {
            list();
            Ok(ExitCode::Passed)
        }
        ApiAction::Check(arguments) => check(arguments),
        ApiAction::ServeFaults(arguments) => serve(arguments),
        ApiAction::Worker => crate::endpoint_worker::work(),
    }
}

/// Dialects and checks.
fn list() {
    say!("Dialects");
    for dialect in ALL {
        let key = dialect.endpoints.keys.first().copied().unwrap_or("no key");
        say!("  {:10} {:50} {key}", dialect.name, dialect.endpoints.base);
    }
    say!("\nChecks");
    for check in CHECKS {
        say!("  {:24} {}", check.id, check.asserts);
    }
}

/// `assay api check`: one endpoint, as a run.
fn check(arguments: &ApiCheckArguments) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let endpoint = endpoint(arguments)?;
    let specs = specs(&arguments.only)?;
    let mut session = Session::without_python()?;
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => running::random_seed()?,
    };
    let candidate = candidate(endpoint)?;
    let battery = battery::battery();
    let probe = battery
        .iter()
        .find(|spec| spec.id.as_str() == battery::PROBE)
        .ok_or_else(|| Failure::internal("the battery has no probe"))?;
    let planned = plan(
        &[candidate],
        &Selection {
            checks: &specs.iter().collect::<Vec<_>>(),
            probe,
            filter: &Filter::all(),
            overrides: &[],
            previous: None,
            share_base: false,
        },
    );
    let name = running::run_name()?;
    let folder = arguments
        .report_dir
        .clone()
        .unwrap_or_else(|| Path::new(REPORTS).join(&name));
    let header = Header {
        settings: RunSettings {
            profile: "api".into(),
            workers: 1,
            check_seconds: arguments.timeout,
            ..RunSettings::default()
        },
        ..running::header(&session, name, seed)
    };
    let log = LogWriter::create(&folder).map_err(|error| running::broken_record(&error))?;
    let mut screen = Screen::new(false);
    let mut recorder = Recorder::new(log, Fold::default(), &mut screen, nonces(seed).0, false);
    let before_the_log = began.elapsed().as_secs_f64();
    recorder.append(Event::RunStarted(Box::new(header)));
    recorder.append(Event::Planned { plan: planned.plan });
    let run = running::execute(&mut session, recorder, &planned.jobs, before_the_log)?;
    screen.end();
    running::tell(&run, &folder, arguments.report_dir.is_none())
}

/// What the command line names.
fn endpoint(arguments: &ApiCheckArguments) -> Result<Endpoint, Failure> {
    let dialect = dialect(&arguments.dialect)?;
    let base = arguments.target.trim_end_matches('/').to_owned();
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let key_variable = match &arguments.key_variable {
        Some(name) if !is_set(name) => {
            return Err(Failure::setup(format!("the variable `{name}` is not set"))
                .hint(format!("export {name}=…, or leave --key-variable out")));
        }
        Some(name) => Some(name.clone()),
        None => dialect
            .endpoints
            .keys
            .iter()
            .find(|name| is_set(name))
            .map(|name| (*name).to_owned()),
    };
    let host = base.split("://").nth(1).unwrap_or(&base);
    let host = host.split('/').next().unwrap_or(host);
    let endpoint = Endpoint {
        name: arguments
            .name
            .clone()
            .unwrap_or_else(|| format!("{host}/{}", arguments.model)),
        dialect: dialect.name.into(),
        base,
        model: arguments.model.clone(),
        key_variable,
    };
    // Refused before anything is written.
    crate::endpoint_worker::connect(&endpoint).map_err(|error| {
        Failure::usage(error.words)
            .hint("an address is that of the dialect's routes: http://127.0.0.1:8000/v1")
    })?;
    Ok(endpoint)
}

fn dialect(name: &str) -> Result<&'static Dialect, Failure> {
    Dialect::named(name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|dialect| dialect.name).collect();
        Failure::usage(format!("there is no dialect `{name}`"))
            .hint(format!("there are {}", known.join(", ")))
    })
}

/// The checks that are asked for, as the plan has them.
fn specs(only: &[String]) -> Result<Vec<CheckSpec>, Failure> {
    for name in only {
        let is_one = CHECKS
            .iter()
            .any(|row| row.id == name || row.id.split('.').next() == Some(name));
        if !is_one {
            return Err(Failure::usage(format!(
                "no check and no group of checks is called `{name}`"
            ))
            .hint("`assay api list` shows them"));
        }
    }
    let is_meant = |row: &&CheckRow| {
        let group = row.id.split('.').next().unwrap_or_default();
        only.is_empty() || only.iter().any(|name| name == row.id || name == group)
    };
    let spec = |row: &CheckRow| {
        let needs = row.needs.iter().map(|need| fact(*need).to_owned());
        CheckSpec {
            id: row.id.into(),
            profile: Profile::Standard,
            asserts: row.asserts.into(),
            bug: row.specified.into(),
            needs: std::iter::once(ENDPOINT.to_owned()).chain(needs).collect(),
            rule: Rule::Full,
        }
    };
    Ok(CHECKS.iter().filter(is_meant).map(spec).collect())
}

/// What a check needs, as a fact of its subject.
fn fact(need: Needs) -> &'static str {
    match need {
        Needs::Can(capability) => capability.name(),
        Needs::Key => "key",
        Needs::RequestId => "request_id",
    }
}

/// An endpoint with what its dialect says of it: nothing has to be probed.
fn candidate(endpoint: Endpoint) -> Result<Candidate, Failure> {
    let dialect = dialect(&endpoint.dialect)?;
    let mut has: BTreeSet<String> = dialect
        .capabilities
        .iter()
        .map(|its| its.name().to_owned())
        .collect();
    has.insert(ENDPOINT.into());
    if endpoint.key_variable.is_some() && dialect.endpoints.key.is_some() {
        has.insert("key".into());
    }
    if dialect.endpoints.request_id.is_some() {
        has.insert("request_id".into());
    }
    let facts = Facts {
        class: dialect.name.into(),
        family: Family::Other,
        parameters: 0,
        has,
        inputs: Vec::new(),
        changes: Vec::new(),
        seconds: 0.0,
        mode: String::new(),
        lost: Vec::new(),
        reach: Reach::default(),
    };
    Ok(Candidate {
        subject: Subject::Endpoint(endpoint),
        platform: Platform::REMOTE,
        family: None,
        class: None,
        expected: None,
        probe: ProbeOutcome::Answered(Probed::Ready {
            facts: Box::new(facts),
            recipe: serde_json::json!({}),
        }),
    })
}

/// `assay api serve-faults`, until it is interrupted.
fn serve(arguments: &ServeArguments) -> Result<ExitCode, Failure> {
    if arguments.list {
        for row in FAULTS {
            say!("{:24} {:24} {}", row.name, row.check, row.does);
        }
        return Ok(ExitCode::Passed);
    }
    let dialect = dialect(&arguments.dialect)?;
    let fault = arguments.fault.as_ref().map(|name| {
        Fault::named(name).ok_or_else(|| {
            Failure::usage(format!("there is no fault `{name}`"))
                .hint("`assay api serve-faults --list` shows them")
        })
    });
    let settings = Settings {
        fault: fault.transpose()?,
        pace: Duration::from_secs_f64(arguments.pace / 1e3),
        slots: usize::from(arguments.slots),
        ..Settings::new(dialect)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::internal(error.to_string()))?;
    runtime.block_on(async {
        let serving = Serving::start(settings, arguments.port).await;
        let mut serving = serving.map_err(|error| {
            Failure::setup(format!("port {} can't be had: {error}", arguments.port))
                .hint("--port 0 takes any that is free")
        })?;
        say!("{} (model {MODEL}, key {KEY})", serving.base());
        tokio::select! {
            () = serving.ended() => Err(Failure::internal("the server ended")),
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::Interrupted),
        }
    })
}
