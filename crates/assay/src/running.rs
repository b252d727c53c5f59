use std::path::{Path, PathBuf};
use std::time::Instant;

use assay_catalog::UnitJob;
use assay_config::NoTests;
use assay_judge::Generator;
use assay_model::event::{Event, Header};
use assay_model::protocol::Job;
use assay_model::{CheckId, ExitCode, Provenance, SCHEMA_VERSION};
use assay_record::{Fold, LogWriter, RecordError};
use assay_runner::Task;

use crate::arguments::RunArguments;
use crate::failure::Failure;
use crate::folders::REPORTS;
use crate::planning::{make_plan, run_settings, said};
use crate::recorder::Recorder;
use crate::screen::Screen;
use crate::session::{Session, limits};
use crate::{configuration, reporting, resuming, subjects};

/// Every other check of a platform needs what these make: a compiler that hangs would do so once for each of them.
const GATES: [&str; 2] = ["parity.prepares", "parity.loads"];

/// `assay run`.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    if let Some(run) = &arguments.resume {
        return resuming::resume(run, arguments);
    }
    let began = Instant::now();
    let settings = configuration::settings(&arguments.subjects, Some(arguments))?;
    let filter = said(&arguments.subjects)?.unwrap_or_else(|| settings.filter.value.clone());
    let mut session = if subjects::has_models(&arguments.subjects) {
        Session::open(&arguments.python)?
    } else {
        Session::without_python()?
    };
    let seed = match settings.seed.value {
        Some(seed) => seed,
        None => random_seed()?,
    };
    let planned = make_plan(&mut session, &arguments.subjects, &settings, seed)?;
    // From here on something is written.
    let name = run_name()?;
    let folder = arguments
        .report_dir
        .clone()
        .unwrap_or_else(|| Path::new(REPORTS).join(&name));
    let workers = settings.workers.value.map_or(session.cpus(), u64::from);
    let header = Header {
        settings: run_settings(&session, &settings, &filter, workers),
        no_tests_pass: settings.no_tests.value == NoTests::Pass,
        ..header(&session, name, seed)
    };
    let log = LogWriter::create(&folder).map_err(|error| broken_record(&error))?;
    let mut screen = Screen::new(arguments.verbose);
    let mut recorder = Recorder::new(
        log,
        Fold::default(),
        &mut screen,
        nonces(seed).0,
        header.settings.fail_fast,
    );
    let before_the_log = began.elapsed().as_secs_f64();
    recorder.append(Event::RunStarted(Box::new(header)));
    recorder.append(Event::Planned { plan: planned.plan });
    let run = execute(&mut session, recorder, &planned.jobs, before_the_log)?;
    screen.end();
    tell(&run, &folder, arguments.report_dir.is_none())
}

/// Runs the open cases, then those that failed as often as the settings say, and ends the log.
pub(crate) fn execute(
    session: &mut Session,
    mut recorder: Recorder<'_>,
    jobs: &[UnitJob],
    before_the_log: f64,
) -> Result<assay_record::Run, Failure> {
    let settings = recorder.fold().header().settings.clone();
    let mut round = recorder.fold().open_cases();
    let units = &recorder.fold().plan_of_run().units;
    session.run_on(units.iter().map(|unit| unit.platform));
    for attempt in 0..=settings.retries {
        if let Some(error) = recorder.broken.take() {
            return Err(broken_record(&error));
        }
        if attempt > 0 {
            round = recorder.fold().failed_cases(usize::from(settings.retries));
            round.retain(|(unit, _)| !is_mock(recorder.fold(), *unit));
            if round.is_empty() || recorder.stopped {
                break;
            }
            let cases: usize = round.iter().map(|(_, checks)| checks.len()).sum();
            anstream::eprintln!(
                "retry {attempt} of {}: {cases} cases that failed",
                settings.retries
            );
        }
        let tasks = tasks(session, recorder.fold(), jobs, &round);
        let limits = session.settings(&settings);
        recorder.begin(&round);
        if !tasks.is_empty() {
            session
                .runner()?
                .run(tasks, &limits, &mut |notice| recorder.take(notice))
                .map_err(|error| Failure::internal(error.to_string()))?;
        }
        if attempt == 0 {
            recorder.keep_durations(&session.durations());
        }
    }
    // Ended first, so that their time counts.
    session.end();
    let fold = recorder
        .finish(before_the_log, cpu_seconds())
        .map_err(|error| broken_record(&error))?;
    Ok(fold.finish(Vec::new()))
}

/// A mock does not become a model by being asked again.
fn is_mock(fold: &Fold, unit: u32) -> bool {
    fold.provenance(unit) == Some(Provenance::Mock)
}

/// Writes the reports, and prints the one for the terminal.
pub(crate) fn tell(
    run: &assay_record::Run,
    folder: &Path,
    is_newest: bool,
) -> Result<ExitCode, Failure> {
    let reported = assay_report::write_all(folder, run);
    if is_newest {
        let _ = assay_report::point_latest(Path::new(REPORTS), &run.header.run);
    }
    say!(
        "{}",
        assay_report::terminal(run, reporting::look()).trim_end()
    );
    reported.map_err(|error| {
        Failure::record(error.to_string())
            .hint("the record itself is whole: `assay report` shows it")
    })?;
    say!("{}", folder.join("report.md").display());
    Ok(run.exit_code())
}

fn tasks(
    session: &Session,
    fold: &Fold,
    jobs: &[UnitJob],
    round: &[(u32, Vec<CheckId>)],
) -> Vec<Task> {
    let plan = fold.plan_of_run();
    let header = fold.header();
    let (nonce, second_nonce) = nonces(header.seed);
    let durations = session.durations();
    let task = |(number, checks): &(u32, Vec<CheckId>)| {
        let unit = plan.units.get(*number as usize)?;
        let job = jobs.get(*number as usize)?;
        let own = unit.limits;
        let check_seconds = own.check_seconds.unwrap_or(header.settings.check_seconds);
        let memory_bytes = own.memory_bytes.or(header.settings.memory_bytes);
        Some(Task {
            estimate_seconds: durations.seconds(&unit.name()).or(job.estimate_seconds),
            limits: (!own.is_empty()).then(|| limits(check_seconds, memory_bytes)),
            environment: session.environment_of(unit.platform.backend),
            gates: GATES.map(CheckId::from).to_vec(),
            group: own.group.map(|(group, most)| (group, usize::from(most))),
            job: Job::Check {
                subject: unit.subject.clone(),
                platform: unit.platform,
                recipe: job.recipe.clone(),
                checks: checks.clone(),
                seed: header.seed,
                nonce: nonce.to_string(),
                second_nonce: second_nonce.to_string(),
                // A subject that can't even be probed has nothing to show.
                evidence: !job.recipe.is_null(),
                expected_tensors: unit
                    .expected
                    .as_ref()
                    .map(|expected| expected.tensors.clone()),
                scratch: PathBuf::new(),
            },
        })
    };
    round.iter().filter_map(task).collect()
}

/// The nonces of a run follow from its seed, so that a run can be repeated; the seed is drawn anew for each run.
pub(crate) fn nonces(seed: u64) -> (u64, u64) {
    let generator = Generator::new(seed, "assay.nonce");
    (generator.word(0), generator.word(1))
}

/// The header of a run's log, but for its settings.
pub(crate) fn header(session: &Session, run: String, seed: u64) -> Header {
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
        fingerprint: session.fingerprint.clone(),
        ..Header::default()
    }
}

/// When it began and four random digits, so that runs sort by time and two at once don't meet.
pub(crate) fn run_name() -> Result<String, Failure> {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    Ok(format!("{now}-{:04x}", u16::from_le_bytes(random()?)))
}

/// A seed that nobody named.
pub(crate) fn random_seed() -> Result<u64, Failure> {
    Ok(u64::from(u32::from_le_bytes(random()?)))
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let count = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match count {
        Ok(count) if count == N => Ok(bytes),
        _ => Err(Failure::internal("the system gives no random numbers")),
    }
}

pub(crate) fn broken_record(error: &RecordError) -> Failure {
    let hint = match error {
        RecordError::Exists { .. } => {
            return Failure::usage(error.to_string()).hint("name another folder with --report-dir");
        }
        RecordError::Create { .. } => "name a folder that can be written with --report-dir",
        RecordError::Busy { .. } => {
            return Failure::usage(error.to_string())
                .hint("wait for its end, or interrupt it first");
        }
        RecordError::Read(_) => "name a run that has a record",
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
