use std::path::Path;

use assay_catalog::plan_digest;
use assay_model::event::{Event, Header};
use assay_model::{CheckId, ExitCode, Outcome, Part, Plan};
use assay_record::{Damage, Fold, LogWriter, Run, Wanted, log_path, read_entries};

use crate::arguments::MergeArguments;
use crate::failure::Failure;
use crate::folders::{self, REPORTS};
use crate::running::{broken_record, run_name, tell};

/// `assay merge`: one run of the parts of one plan. Refuses whatever would make its counts mean something else than those of a run in one
/// piece.
pub(crate) fn merge(arguments: &MergeArguments) -> Result<ExitCode, Failure> {
    let mut shards = arguments
        .runs
        .iter()
        .map(|name| Shard::read(name))
        .collect::<Result<Vec<_>, _>>()?;
    shards.sort_by_key(|shard| shard.part.number);
    let plan = whole(&shards)?;
    let name = run_name()?;
    let folder = arguments
        .report_dir
        .clone()
        .unwrap_or_else(|| Path::new(REPORTS).join(&name));
    let first = &shards[0].run.header;
    let header = Header {
        run: name,
        started: shards
            .iter()
            .map(|shard| shard.run.last_started.clone())
            // The last: a known issue that one part could no longer excuse is not excused by the others.
            .max()
            .unwrap_or_default(),
        command: std::env::args().collect(),
        merged: shards
            .iter()
            .map(|shard| shard.run.header.run.clone())
            .collect(),
        no_tests_pass: shards.iter().all(|shard| shard.run.header.no_tests_pass),
        ..first.clone()
    };
    let run = write(&folder, header, plan, shards).map_err(|error| broken_record(&error))?;
    tell(&run, &folder, arguments.report_dir.is_none())
}

/// One part, as its log has it.
struct Shard {
    name: String,
    part: Part,
    plan: Plan,
    run: Run,
    events: Vec<Event>,
}

impl Shard {
    fn read(name: &str) -> Result<Self, Failure> {
        let refused = |why: String, hint: &str| {
            Err(Failure::usage(format!("{name} can't be merged: {why}")).hint(hint))
        };
        let path = log_path(&folders::run_folder(name)?);
        let mut fold = Fold::default();
        let mut events = Vec::new();
        let mut damages: Vec<Damage> = Vec::new();
        let read = read_entries(
            &path,
            Wanted::All,
            |entry| {
                fold.apply(&entry.event);
                events.push(entry.event);
            },
            |damage| damages.push(damage),
        );
        read.map_err(|error| Failure::record(error.to_string()))?;
        if let Some(damage) = damages.first() {
            return refused(
                format!("its record is damaged: {damage}"),
                "run this part again",
            );
        }
        let plan = fold.plan_of_run().clone();
        let run = fold.finish(Vec::new());
        let Some(part) = plan.part.clone() else {
            return refused(
                "it is no part of a larger plan".into(),
                "parts are made with `assay run --seed N --partition hash:k/n`",
            );
        };
        if run.is_interrupted() {
            return refused(
                "it was interrupted".into(),
                "`assay run --resume` finishes it",
            );
        }
        Ok(Self {
            name: name.into(),
            part,
            plan,
            run,
            events,
        })
    }
}

/// The plan that the parts were cut from, or what stands against it.
fn whole(shards: &[Shard]) -> Result<Plan, Failure> {
    let refused = |why: String| Failure::usage(why);
    let first = &shards[0];
    for other in &shards[1..] {
        let pair = format!("{} and {}", first.name, other.name);
        if other.part.whole != first.part.whole
            || other.part.of != first.part.of
            || how(&other.part) != how(&first.part)
        {
            return Err(refused(format!("{pair} are parts of different plans ({} and {})", first.part.partition, other.part.partition))
                .hint("the same arguments, but for k of k/n, in the same environment make parts of one plan"));
        }
        let (ours, theirs) = (&first.run.header, &other.run.header);
        if ours.seed != theirs.seed {
            return Err(refused(format!(
                "{pair} have the seeds {} and {}",
                ours.seed, theirs.seed
            ))
            .hint("give all parts the same --seed"));
        }
        let limits = |header: &Header| {
            (
                header.settings.check_seconds,
                header.settings.retries,
                header.settings.fail_fast,
            )
        };
        if limits(ours) != limits(theirs) {
            return Err(refused(format!(
                "{pair} were run with different timeouts, retries or --fail-fast"
            ))
            .hint("give all parts the same options"));
        }
        if !is_near(ours.settings.memory_bytes, theirs.settings.memory_bytes) {
            return Err(
                refused(format!("{pair} were run with different limits of memory"))
                    .hint("give all parts the same --memory-limit"),
            );
        }
        let differing = ours.fingerprint.differences(&theirs.fingerprint);
        if !differing.is_empty() {
            return Err(refused(format!(
                "{pair} were run in different environments: {}",
                differing.join("; ")
            ))
            .hint("results of two environments are not one run: compare them with `assay diff`"));
        }
    }
    for pair in shards.windows(2) {
        if let [one, two] = pair
            && one.part.number == two.part.number
        {
            return Err(refused(format!(
                "{} and {} are both part {} of {}",
                one.name, two.name, one.part.number, one.part.of
            ))
            .hint("name each part once"));
        }
    }
    let missing: Vec<String> = (1..=first.part.of)
        .filter(|number| !shards.iter().any(|shard| shard.part.number == *number))
        .map(|number| format!("{}:{number}/{}", how(&first.part), first.part.of))
        .collect();
    if !missing.is_empty() {
        return Err(
            refused(format!("parts are missing: {}", missing.join(", ")))
                .hint("run them, and name all parts together"),
        );
    }
    let mut units: Vec<_> = shards
        .iter()
        .flat_map(|shard| shard.part.positions.iter().zip(&shard.plan.units))
        .collect();
    units.sort_by_key(|(position, _)| **position);
    let plan = Plan {
        units: units.into_iter().map(|(_, unit)| unit.clone()).collect(),
        part: None,
        ..first.plan.clone()
    };
    if plan_digest(&plan) != first.part.whole {
        return Err(
            refused("the parts together are not the plan that they were cut from".into())
                .hint("a record was changed after it was written: run the parts again"),
        );
    }
    Ok(plan)
}

/// Whether two limits of memory are the same but for what two machines of one kind differ in: by default a limit is a share of the machine's
/// memory.
fn is_near(ours: Option<u64>, theirs: Option<u64>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => ours.abs_diff(theirs) <= ours.max(theirs) / 20,
        (ours, theirs) => ours == theirs,
    }
}

fn how(part: &Part) -> &str {
    part.partition.split(':').next().unwrap_or_default()
}

fn write(
    folder: &Path,
    header: Header,
    plan: Plan,
    shards: Vec<Shard>,
) -> Result<Run, assay_record::RecordError> {
    let mut log = LogWriter::create(folder)?;
    let mut fold = Fold::default();
    let mut append = |event: Event| {
        log.append(&event)?;
        fold.apply(&event);
        Ok::<(), assay_record::RecordError>(())
    };
    append(Event::RunStarted(Box::new(header)))?;
    append(Event::Planned { plan })?;
    let walls = shards.iter().filter_map(|shard| shard.run.wall_seconds);
    let wall_seconds = walls.fold(0.0, f64::max);
    let cpu_seconds = shards.iter().map(|shard| shard.run.cpu_seconds).sum();
    for shard in shards {
        for event in shard.events {
            if let Some(event) = moved(event, &shard.part, &shard.plan, &shard.run) {
                append(event)?;
            }
        }
    }
    let run = fold.clone().finish(Vec::new());
    let mut finished = Event::RunFinished {
        counts: run.counts,
        wall_seconds,
        cpu_seconds,
        exit_code: 0,
    };
    let mut ended = fold.clone();
    ended.apply(&finished);
    let run = ended.finish(Vec::new());
    if let Event::RunFinished { exit_code, .. } = &mut finished {
        *exit_code = run.exit_code() as u8;
    }
    log.append(&finished)?;
    log.finish()?;
    Ok(run)
}

/// An event of a part, with its unit's number in the whole plan; none for those that speak of the part as a run.
fn moved(mut event: Event, part: &Part, plan: &Plan, run: &Run) -> Option<Event> {
    match &mut event {
        Event::RunStarted(_)
        | Event::Planned { .. }
        | Event::RunFinished { .. }
        | Event::Interrupted { .. }
        | Event::Resumed { .. } => return None,
        Event::Warned { .. } => {}
        // What was not run before an interruption was run after it.
        Event::CaseJudged {
            unit,
            check,
            outcome: Outcome::NotRun,
            ..
        } if !is_open(run, plan, *unit, check) => return None,
        Event::UnitStarted { unit, .. }
        | Event::CheckStarted { unit, .. }
        | Event::CaseEnded { unit, .. }
        | Event::Proven { unit, .. }
        | Event::CaseJudged { unit, .. }
        | Event::UnitEnded { unit, .. } => {
            *unit = *part.positions.get(*unit as usize)?;
            return Some(event);
        }
    }
    if let Event::CaseJudged { unit, .. } = &mut event {
        *unit = *part.positions.get(*unit as usize)?;
    }
    Some(event)
}

/// Whether a case was not run in the end.
fn is_open(run: &Run, plan: &Plan, unit: u32, check: &CheckId) -> bool {
    let Some(planned) = plan.units.get(unit as usize) else {
        return false;
    };
    let subject = planned.subject.to_string();
    run.cases.iter().any(|case| {
        case.outcome == Outcome::NotRun
            && case.subject == subject
            && case.platform == planned.platform
            && case.check == *check
    })
}
