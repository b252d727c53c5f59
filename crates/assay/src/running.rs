use std::path::{Path, PathBuf};
use std::time::Instant;

use assay_catalog::{Planned, battery, plan};
use assay_judge::Generator;
use assay_model::event::{Event, Header};
use assay_model::protocol::Job;
use assay_model::{ExitCode, SCHEMA_VERSION};
use assay_record::{Fold, LogWriter, RecordError};
use assay_runner::Task;

use crate::arguments::{NoTests, RunArguments, SubjectArguments};
use crate::failure::Failure;
use crate::folders::REPORTS;
use crate::recorder::Recorder;
use crate::reporting;
use crate::screen::Screen;
use crate::session::Session;
use crate::subjects;

/// `assay run`.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let mut session = Session::open(&arguments.python)?;
    let seed = match arguments.subjects.seed {
        Some(seed) => seed,
        None => u64::from(u32::from_le_bytes(random()?)),
    };
    let planned = make_plan(&mut session, &arguments.subjects, seed)?;
    // From here on something is written.
    let name = run_name()?;
    let folder = arguments
        .report_dir
        .clone()
        .unwrap_or_else(|| Path::new(REPORTS).join(&name));
    let header = header(arguments, &session, name, seed);
    let run = execute(arguments, &mut session, planned, header, &folder, began)?;
    let reported = assay_report::write_all(&folder, &run);
    if arguments.report_dir.is_none() {
        let _ = assay_report::point_latest(Path::new(REPORTS), &run.header.run);
    }
    say!(
        "{}",
        assay_report::terminal(&run, reporting::look()).trim_end()
    );
    reported.map_err(|error| {
        Failure::record(error.to_string())
            .hint("the record itself is whole: `assay report` shows it")
    })?;
    say!("{}", folder.join("report.md").display());
    Ok(run.exit_code())
}

/// What would be run; `assay list cases` shows it.
pub(crate) fn make_plan(
    session: &mut Session,
    arguments: &SubjectArguments,
    seed: u64,
) -> Result<Planned, Failure> {
    let platforms = subjects::platforms(&arguments.platform)?;
    subjects::families(&arguments.family)?;
    let catalog = session.catalog()?;
    let checks = catalog.select_checks(arguments.profile, &arguments.checks)?;
    let subjects = subjects::select(arguments, &catalog, &session.fingerprint.python)?;
    let settings = session.settings(Some(arguments));
    let candidates = session.probe(subjects, &platforms, seed, &settings)?;
    let probe = catalog
        .checks()
        .iter()
        .find(|spec| spec.id.as_str() == battery::PROBE)
        .ok_or_else(|| Failure::internal("the battery has no probe"))?;
    Ok(plan(&candidates, &checks, probe))
}

fn execute(
    arguments: &RunArguments,
    session: &mut Session,
    planned: Planned,
    header: Header,
    folder: &Path,
    began: Instant,
) -> Result<assay_record::Run, Failure> {
    let mut screen = Screen::new(arguments.verbose);
    let nonce = nonces(header.seed).0;
    let seed = header.seed;
    let log = LogWriter::create(folder).map_err(|error| broken_record(&error))?;
    let mut recorder = Recorder::new(
        log,
        Fold::default(),
        &mut screen,
        &planned.plan,
        nonce,
        arguments.fail_fast,
    );
    recorder.append(Event::RunStarted(Box::new(header)));
    recorder.append(Event::Planned {
        plan: planned.plan.clone(),
    });
    if let Some(error) = recorder.broken.take() {
        return Err(broken_record(&error));
    }
    let settings = session.settings(Some(&arguments.subjects));
    let tasks = tasks(session, &planned, seed);
    recorder.begin(tasks.len() as u64);
    let runner = session.runner()?;
    let ran = runner.run(tasks, &settings, &mut |notice| recorder.take(notice));
    ran.map_err(|error| Failure::internal(error.to_string()))?;
    // Ended first, so that their time counts.
    session.end();
    recorder.keep_durations(&session.durations());
    let fold = recorder
        .finish(began.elapsed().as_secs_f64(), cpu_seconds())
        .map_err(|error| broken_record(&error))?;
    screen.end();
    Ok(fold.finish(Vec::new()))
}

fn tasks(session: &Session, planned: &Planned, seed: u64) -> Vec<Task> {
    let (nonce, second_nonce) = nonces(seed);
    let durations = session.durations();
    let task = |(unit, job): (&assay_model::UnitPlan, &assay_catalog::UnitJob)| {
        let checks = unit
            .checks
            .iter()
            .filter_map(|&index| planned.plan.check(index))
            .map(|check| check.id.clone());
        Task {
            estimate_seconds: durations
                .seconds(&unit.subject.to_string())
                .or(job.estimate_seconds),
            job: Job::Check {
                subject: unit.subject.clone(),
                platform: unit.platform,
                recipe: job.recipe.clone(),
                checks: checks.collect(),
                seed,
                nonce: nonce.to_string(),
                second_nonce: second_nonce.to_string(),
                // A subject that can't even be probed has nothing to show.
                evidence: !job.recipe.is_null(),
                scratch: PathBuf::new(),
            },
        }
    };
    planned
        .plan
        .units
        .iter()
        .zip(&planned.jobs)
        .map(task)
        .collect()
}

/// The nonces of a run follow from its seed, so that a run can be repeated; the seed is drawn anew for each run.
fn nonces(seed: u64) -> (u64, u64) {
    let generator = Generator::new(seed, "assay.nonce");
    (generator.word(0), generator.word(1))
}

fn header(arguments: &RunArguments, session: &Session, run: String, seed: u64) -> Header {
    let (nonce, second_nonce) = nonces(seed);
    Header {
        schema: SCHEMA_VERSION,
        run,
        started: jiff::Timestamp::now().to_string(),
        command: std::env::args().collect(),
        folder: std::env::current_dir()
            .map(|folder| folder.display().to_string())
            .unwrap_or_default(),
        seed,
        nonce: nonce.to_string(),
        second_nonce: second_nonce.to_string(),
        no_tests_pass: arguments.no_tests == NoTests::Pass,
        fingerprint: session.fingerprint.clone(),
    }
}

/// When it began and four random digits, so that runs sort by time and two at once don't meet.
fn run_name() -> Result<String, Failure> {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    Ok(format!("{now}-{:04x}", u16::from_le_bytes(random()?)))
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let count = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match count {
        Ok(count) if count == N => Ok(bytes),
        _ => Err(Failure::internal("the system gives no random numbers")),
    }
}

fn broken_record(error: &RecordError) -> Failure {
    let hint = match error {
        RecordError::Exists { .. } => {
            return Failure::usage(error.to_string()).hint("name another folder with --report-dir");
        }
        RecordError::Create { .. } => "name a folder that can be written with --report-dir",
        RecordError::Write { .. } => "make room, then `assay report RUN` shows what was recorded",
    };
    Failure::record(error.to_string()).hint(hint)
}

/// User and system seconds of this process and of every child that it waited for.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything, the fields are numbers: utime, stime, cutime and cstime are the 12th to 15th.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(4);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    #[expect(clippy::cast_precision_loss, reason = "seconds for a person")]
    let seconds = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    seconds
}
