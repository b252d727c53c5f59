use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use assay_catalog::{ProbeOutcome, UnitJob, battery, recipe_digest};
use assay_judge::{Proof, judge, measured};
use assay_model::event::Event;
use assay_model::{
    CheckId, Ending, ExitCode, Outcome, Plan, Platform, Probed, Provenance, Recipe, Subject,
    UnitPlan,
};
use assay_record::{DamageKind, Fold, LogWriter, ReadError, Run, Wanted, log_path, read_entries};

use crate::arguments::{PythonArguments, RunArguments};
use crate::failure::Failure;
use crate::folders;
use crate::recorder::Recorder;
use crate::running::{broken_record, execute, nonces, tell};
use crate::screen::Screen;
use crate::session::Session;
use crate::targets;

/// `assay run --resume`: what an interrupted run is missing, under its own plan, seed and limits.
pub(crate) fn resume(name: &str, arguments: &RunArguments) -> Result<ExitCode, Failure> {
    let folder = folders::run_folder(name)?;
    let before =
        assay_record::read_run(&folder).map_err(|error| Failure::record(error.to_string()))?;
    refuse_damage(name, &before)?;
    if !before.planned {
        return Err(
            Failure::usage(format!("{name} ended before its plan was recorded"))
                .hint("begin a new run"),
        );
    }
    let nothing_open = !before
        .cases
        .iter()
        .any(|case| case.outcome == Outcome::NotRun);
    if nothing_open && !before.is_interrupted() {
        anstream::eprintln!("nothing is missing in {}", folder.display());
        return tell(&before, &folder, false);
    }
    if !before.header.merged.is_empty() {
        return Err(Failure::usage(format!("{name} was merged of parts"))
            .hint("resume the part that was interrupted, then merge again"));
    }
    let has_models = before
        .cases
        .iter()
        .any(|case| case.platform != Platform::REMOTE);
    let python = PythonArguments {
        python: arguments.python.python.clone(),
        platform_python: arguments.python.platform_python.clone(),
        preload: before
            .header
            .fingerprint
            .preloads
            .iter()
            .map(|preload| preload.path.clone())
            .collect(),
    };
    let mut session = if has_models {
        Session::open(&python)?
    } else {
        Session::without_python()?
    };
    let differing = before.header.fingerprint.differences(&session.fingerprint);
    if !differing.is_empty() {
        return Err(Failure::usage(format!(
            "the environment is not the one in which {name} began: {}",
            differing.join("; ")
        ))
        .hint("results of two environments are not one run: begin a new one"));
    }
    let (log, fold, dropped_bytes) =
        LogWriter::resume(&folder).map_err(|error| broken_record(&error))?;
    let (lost, mocks) = failures_without_verdict(&log_path(&folder), fold.plan_of_run())
        .map_err(|error| Failure::record(error.to_string()))?;
    // What is left, and what may be due to be tried again.
    let mut open = fold.open_cases();
    open.extend(fold.failed_cases(usize::from(fold.header().settings.retries)));
    let header = fold.header().clone();
    let jobs = jobs_of(&mut session, &fold, &open, arguments.subjects.live)?;
    let mut screen = Screen::new(arguments.verbose);
    let mut recorder = Recorder::new(
        log,
        fold,
        &mut screen,
        nonces(header.seed).0,
        header.settings.fail_fast,
    );
    recorder.append(Event::Resumed {
        started: jiff::Timestamp::now().to_string(),
        command: std::env::args().collect(),
        dropped_bytes,
    });
    recorder.remember(mocks);
    for verdict in lost {
        recorder.append(verdict);
    }
    let run = execute(&mut session, recorder, &jobs, 0.0)?;
    screen.end();
    tell(&run, &folder, false)
}

/// A line that was being written is no damage; anything else might have been a verdict.
fn refuse_damage(name: &str, run: &Run) -> Result<(), Failure> {
    let is_damage = |kind: &DamageKind| !matches!(kind, DamageKind::Torn { .. });
    match run.damages.iter().find(|damage| is_damage(&damage.kind)) {
        Some(damage) => Err(Failure::record(format!(
            "{name} can't be taken up: its record is damaged: {damage}"
        ))
        .hint("`assay report` shows what is whole; begin a new run")),
        None => Ok(()),
    }
}

/// Verdicts on cases that had ended in a failure, and were not judged when the runner died: a unit is judged as a whole, at its end. A case
/// that would have passed is run again, for the proof of its unit was lost; one that failed did fail. And the units of which a worker was
/// proven to be a mock.
fn failures_without_verdict(
    log: &Path,
    plan: &Plan,
) -> Result<(Vec<Event>, BTreeMap<u32, Proof>), ReadError> {
    let mut ended: BTreeMap<(u32, CheckId), (Ending, f64)> = BTreeMap::new();
    let mut proofs: BTreeMap<u32, Proof> = BTreeMap::new();
    read_entries(
        log,
        Wanted::All,
        |entry| match entry.event {
            Event::CaseEnded {
                unit,
                check,
                ending,
                seconds,
            } => {
                ended.insert((unit, check), (ending, seconds));
            }
            Event::Proven {
                unit,
                provenance,
                detail,
                ..
            } => {
                let is_mock = |proof: &Proof| proof.provenance == Some(Provenance::Mock);
                if !proofs.get(&unit).is_some_and(is_mock) {
                    proofs.insert(unit, Proof { provenance, detail });
                }
            }
            Event::CaseJudged { unit, check, .. } => {
                ended.remove(&(unit, check));
            }
            _ => {}
        },
        |_| {},
    )?;
    let verdict = |((unit, check), (ending, seconds)): ((u32, CheckId), (Ending, f64))| {
        let planned = plan.checks.iter().find(|planned| planned.id == check)?;
        let of_unit = plan.units.get(unit as usize)?;
        let proof = proofs.get(&unit);
        let verdict = judge(
            planned.rule,
            &ending,
            of_unit.platform,
            proof,
            of_unit.expected.as_deref(),
        );
        (verdict.outcome.is_failure() && !verdict.is_unproven()).then(|| Event::CaseJudged {
            unit,
            check,
            outcome: verdict.outcome,
            reason: verdict.reason,
            provenance: proof.and_then(|proof| proof.provenance),
            other_inputs: ending.other_inputs().map(ToOwned::to_owned),
            measured: measured(&ending, of_unit.platform),
            seconds,
        })
    };
    let lost = ended.into_iter().filter_map(verdict).collect();
    proofs.retain(|_, proof| proof.provenance == Some(Provenance::Mock));
    Ok((lost, proofs))
}

/// How to make the subjects that have open cases again: one job per unit of the plan.
fn jobs_of(
    session: &mut Session,
    fold: &Fold,
    open: &[(u32, Vec<CheckId>)],
    live: bool,
) -> Result<Vec<UnitJob>, Failure> {
    let plan = fold.plan_of_run();
    let header = fold.header();
    let settings = session.settings(&header.settings);
    let units: Vec<&UnitPlan> = open
        .iter()
        .filter_map(|(number, _)| plan.units.get(*number as usize))
        .collect();
    let mut candidates = Vec::new();
    let mut subjects: BTreeSet<Subject> = BTreeSet::new();
    for unit in &units {
        match &unit.subject {
            Subject::Endpoint(endpoint) => {
                candidates.push(targets::again(endpoint, live)?.candidate()?);
            }
            subject => {
                refuse_other_content(subject)?;
                subjects.insert(subject.clone());
            }
        }
    }
    if !subjects.is_empty() {
        let platforms: BTreeSet<Platform> = units
            .iter()
            .map(|unit| unit.platform)
            .filter(|platform| *platform != Platform::REMOTE)
            .collect();
        let catalog = session.catalog()?;
        candidates.extend(session.probe(
            subjects.into_iter().collect(),
            &platforms.into_iter().collect::<Vec<_>>(),
            header.seed,
            &settings,
            &catalog,
        )?);
    }
    let job = |(number, unit): (u32, &UnitPlan)| {
        let nothing = UnitJob {
            recipe: Recipe::Null,
            estimate_seconds: None,
        };
        let is_open = open.iter().any(|(open, _)| *open == number);
        // What could not be made when the plan was recorded shows that; whether it can be made now is another run's question.
        if !is_open || (unit.recipe_sha256.is_empty() && is_probe_only(plan, unit)) {
            return Ok(nothing);
        }
        let refused = |why: &str| {
            Err(Failure::setup(format!("{} {why}", unit.subject))
                .hint("begin a new run: it records what is wrong"))
        };
        let probe = candidates
            .iter()
            .find(|found| found.subject == unit.subject && found.platform == unit.platform)
            .map(|found| &found.probe);
        match probe {
            Some(ProbeOutcome::Answered(Probed::Ready { facts, recipe })) => {
                if recipe_digest(recipe) == unit.recipe_sha256 {
                    Ok(UnitJob {
                        recipe: recipe.clone(),
                        estimate_seconds: Some(facts.seconds),
                    })
                } else {
                    refused("is made in another way than when the run began")
                }
            }
            _ => refused("can't be made any more, and the run planned to check it"),
        }
    };
    (0_u32..).zip(&plan.units).map(job).collect()
}

/// A folder's content may change under its name.
fn refuse_other_content(subject: &Subject) -> Result<(), Failure> {
    let Subject::Checkpoint {
        name,
        path,
        trust_remote_code,
        allow_pickle,
        ..
    } = subject
    else {
        return Ok(());
    };
    let now = assay_env::inspect_checkpoint(name, path, *trust_remote_code, *allow_pickle)
        .map_err(|error| Failure::setup(error.to_string()).hint(error.hint()))?;
    if now == *subject {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "what is in {} is not what the run began with",
        path.display()
    ))
    .hint("results of two checkpoints are not one run: begin a new one"))
}

/// Whether all that is planned of a unit is to show why it can't be made.
fn is_probe_only(plan: &Plan, unit: &UnitPlan) -> bool {
    unit.checks
        .iter()
        .filter_map(|&index| plan.check(index))
        .all(|check| check.id.as_str() == battery::PROBE)
}
