use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assay_api::check::CHECKS;
use assay_api::client::CLIENT_CHECKS;
use assay_api::dialect::{ALL, Dialect};
use assay_api::server::{FAULTS, Fault, FaultRow, KEY, MODEL, Serving, Settings};
use assay_catalog::filter::Filter;
use assay_catalog::{Candidate, Catalog, Override, Selection, plan};
use assay_model::event::{Event, Header, RunSettings};
use assay_model::{CheckSpec, ExitCode};
use assay_record::{Fold, LogWriter, Run};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use serde_json::json;

use crate::arguments::{ApiAction, ApiCheckArguments, ClientArguments, ServeArguments, Shown};
use crate::failure::Failure;
use crate::folders::REPORTS;
use crate::recorder::Recorder;
use crate::reporting::print_json;
use crate::running::{self, nonces};
use crate::screen::Screen;
use crate::session::Session;
use crate::{configuration, planning, targets};

/// `assay api`.
pub(crate) fn api(action: &ApiAction) -> Result<ExitCode, Failure> {
    keep_no_dump();
    match action {
        ApiAction::List { shown } => list(*shown),
        ApiAction::Check(arguments) => check(arguments),
        ApiAction::CheckClient(arguments) => check_client(arguments),
        ApiAction::Bench(arguments) => crate::benching::bench(arguments),
        ApiAction::ServeFaults(arguments) => serve(arguments),
        ApiAction::Worker => crate::endpoint_worker::work(),
    }
}

/// A process that crashes leaves its memory behind, and with it the keys that it has: neither in a file nor for a program that collects such
/// things (to which the limit is nothing).
pub(crate) fn keep_no_dump() {
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Who may not even lower it has none to begin with.
    let _ = setrlimit(Resource::Core, nothing);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Dialects and checks.
fn list(shown: Shown) -> Result<ExitCode, Failure> {
    let servers = CHECKS
        .iter()
        .map(|row| (row.id, row.asserts, row.specified));
    let clients = CLIENT_CHECKS
        .iter()
        .map(|row| (row.id, row.asserts, row.specified));
    if shown.as_json() {
        let check = |(id, asserts, specified): (&str, &str, &str)| json!({"id": id, "asserts": asserts, "specified": specified});
        let dialect = |dialect: &Dialect| {
            let can = dialect.capabilities.iter().map(|its| its.name());
            json!({
                "name": dialect.name,
                "specification": dialect.specification,
                "base": dialect.endpoints.base,
                "key_variables": dialect.endpoints.keys,
                "can": can.collect::<Vec<_>>(),
            })
        };
        print_json(&json!({
            "dialects": ALL.iter().map(dialect).collect::<Vec<_>>(),
            "checks": servers.map(check).collect::<Vec<_>>(),
            "client_checks": clients.map(check).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitCode::Passed);
    }
    say!("Dialects");
    for dialect in ALL {
        let key = dialect.endpoints.keys.first().copied().unwrap_or("no key");
        say!("  {:10} {:50} {key}", dialect.name, dialect.endpoints.base);
    }
    say!("\nChecks of a server (assay api check)");
    for (id, asserts, specified) in servers {
        say!("  {id:24} {asserts} ({specified})");
    }
    say!("\nChecks of a client (assay api check-client)");
    for (id, asserts, specified) in clients {
        say!("  {id:24} {asserts} ({specified})");
    }
    Ok(ExitCode::Passed)
}

/// `assay api check`: one endpoint, as a run.
fn check(arguments: &ApiCheckArguments) -> Result<ExitCode, Failure> {
    let loaded = configuration::load(arguments.target.config.as_deref())?;
    let target = targets::named(&arguments.target, &loaded)?;
    let specs = targets::chosen(&arguments.only)?;
    let narrowed = match arguments.only.as_slice() {
        [] => targets::narrowed(std::slice::from_ref(&target))?,
        _ => None,
    };
    let overrides = configuration::settings_of(&loaded)?.overrides;
    one(&One {
        candidate: target.candidate()?,
        specs,
        filter: narrowed.unwrap_or_else(Filter::all),
        overrides: overrides.into_iter().map(|rule| rule.holds).collect(),
        seconds: arguments.timeout,
        seed: arguments.seed,
        report_dir: arguments.report_dir.clone(),
    })
}

/// A run of one subject that wants no Python.
pub(crate) struct One {
    pub(crate) candidate: Candidate,
    pub(crate) specs: Vec<CheckSpec>,
    pub(crate) filter: Filter,
    pub(crate) overrides: Vec<Override>,
    /// For a check.
    pub(crate) seconds: f64,
    pub(crate) seed: Option<u64>,
    pub(crate) report_dir: Option<PathBuf>,
}

/// Runs it, and writes the reports.
fn one(asked: &One) -> Result<ExitCode, Failure> {
    let (run, folder) = execute(asked)?;
    running::tell(&run, &folder, asked.report_dir.is_none())
}

/// Runs it; the run, and the folder of its record.
pub(crate) fn execute(asked: &One) -> Result<(Run, PathBuf), Failure> {
    let began = Instant::now();
    let mut session = Session::without_python()?;
    let seed = match asked.seed {
        Some(seed) => seed,
        None => running::random_seed()?,
    };
    let catalog = Catalog::without_models();
    let planned = plan(
        std::slice::from_ref(&asked.candidate),
        &Selection {
            checks: &asked.specs.iter().collect::<Vec<_>>(),
            probe: planning::probe(&catalog)?,
            filter: &asked.filter,
            overrides: &asked.overrides,
            previous: None,
            share_base: false,
        },
    );
    let name = running::run_name()?;
    let folder = asked
        .report_dir
        .clone()
        .unwrap_or_else(|| Path::new(REPORTS).join(&name));
    let header = Header {
        settings: RunSettings {
            profile: "api".into(),
            workers: 1,
            check_seconds: asked.seconds,
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
    Ok((run, folder))
}

/// `assay api check-client`: a client, as a run.
fn check_client(arguments: &ClientArguments) -> Result<ExitCode, Failure> {
    let dialect = targets::dialect(&arguments.dialect)?;
    let candidate = targets::client(dialect, &arguments.command)?;
    one(&One {
        candidate,
        specs: targets::client_checks(dialect, &arguments.only, arguments.command.is_empty())?,
        filter: Filter::all(),
        overrides: Vec::new(),
        seconds: arguments.timeout,
        seed: arguments.seed,
        report_dir: arguments.report_dir.clone(),
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
    let dialect = targets::dialect(&arguments.dialect)?;
    let fault = arguments.fault.as_ref().map(|name| fault(name, dialect));
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

/// A fault that a dialect has.
fn fault(name: &str, dialect: &Dialect) -> Result<Fault, Failure> {
    let row = FaultRow::named(name).ok_or_else(|| {
        Failure::usage(format!("there is no fault `{name}`"))
            .hint("`assay api serve-faults --list` shows them")
    })?;
    if row.is_of(dialect) {
        return Ok(row.fault);
    }
    let having_it = ALL.iter().filter(|other| row.is_of(other));
    let having_it: Vec<&str> = having_it.map(|other| other.name).collect();
    Err(
        Failure::usage(format!("`{}` has no fault `{name}`", dialect.name))
            .hint(format!("--dialect {}", having_it.join(", "))),
    )
}
