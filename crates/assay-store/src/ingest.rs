use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use assay_model::{CaseRecord, Outcome, ReasonKind, Subject};
use assay_record::{Run, head, log_path, read_run};
use duckdb::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int32Array, StringArray};
use duckdb::arrow::datatypes::{Field, Schema};
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::{Connection, params};
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::numbers::{Numbers, next_run};

/// Where a run's log is, and what it looked like when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: i64,
}

impl LogFile {
    pub(crate) fn of(run: &Path) -> Option<Self> {
        let path = log_path(run);
        let metadata = std::fs::metadata(&path).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            name: run.file_name()?.to_string_lossy().into_owned(),
            path: std::path::absolute(&path).unwrap_or(path),
            bytes: metadata.len(),
            modified: i64::try_from(modified.as_nanos()).unwrap_or(i64::MAX),
        })
    }
}

/// What the store holds of each log.
pub(crate) fn known_logs(
    connection: &Connection,
) -> Result<HashMap<String, (u64, i64)>, StoreError> {
    let mut statement = connection
        .prepare("SELECT log, log_bytes, log_modified FROM runs WHERE state <> 'running'")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Reads logs into the store, each in a transaction of its own; what is to be told of them.
pub(crate) fn ingest(
    connection: &mut Connection,
    logs: &[LogFile],
) -> Result<Vec<String>, StoreError> {
    let mut told = Vec::new();
    let mut names = Names::read(connection)?;
    for log in logs {
        match read_run(&log.path) {
            Ok(run) => told.extend(one(connection, &mut names, log, &run)?),
            // A log that can't be read stays where it is; the next look tries again.
            Err(error) => told.push(format!("{} is not in the store: {error}", log.name)),
        }
    }
    Ok(told)
}

struct Names {
    subjects: Numbers,
    platforms: Numbers,
    checks: Numbers,
}

impl Names {
    fn read(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            subjects: Numbers::read(connection, "subjects", "subject")?,
            platforms: Numbers::read(connection, "platforms", "platform")?,
            checks: Numbers::read(connection, "checks", "check_id")?,
        })
    }
}

fn one(
    connection: &mut Connection,
    names: &mut Names,
    log: &LogFile,
    run: &Run,
) -> Result<Option<String>, StoreError> {
    let path = log.path.display().to_string();
    // The first line names the run, its time, nonce and place, and never changes: not by being taken up again, nor by being moved.
    let head = match head(&log.path) {
        Ok(line) => digest(&[&line]),
        Err(error) => return Ok(Some(format!("{} is not in the store: {error}", log.name))),
    };
    let transaction = connection.transaction()?;
    let mut named = None;
    let mut of_one_run = all_held(&transaction, "log_head", &head)?;
    // The one that was here before, if there are several.
    of_one_run.sort_by_key(|held| held.log != path);
    if let Some(held) = of_one_run.into_iter().next() {
        let is_copy = held.log != path
            && assay_record::head(Path::new(&held.log)).is_ok_and(|line| digest(&[&line]) == head);
        let is_less = log.bytes < held.bytes || (is_copy && log.bytes == held.bytes);
        // A shorter one that is no beginning of the other was taken up on its own, too.
        if is_less && (!is_copy || begins_with(Path::new(&held.log), &log.path).unwrap_or(true)) {
            let how = if is_copy { "a copy" } else { "an older copy" };
            return Ok(Some(format!(
                "{path} is {how} of {}, which is in the store already",
                held.name
            )));
        }
        // Read anew: it grew, it was moved, or it is a copy that was taken up again and goes on where the other ends. Two that were
        // taken up on their own are two.
        if !is_less && (!is_copy || begins_with(&log.path, Path::new(&held.log)).unwrap_or(false))
        {
            remove(&transaction, held.run)?;
            named = Some(held.name);
        }
    } else if let Some(held) = all_held(&transaction, "log", &path)?.pop() {
        if run.header.run.is_empty() {
            transaction.execute(
                "UPDATE runs SET log_bytes = ?, log_modified = ? WHERE run = ?",
                params![log.bytes, log.modified, held.run],
            )?;
            transaction.commit()?;
            return Ok(Some(format!(
                "the record {path} was damaged after it was read; the store keeps what it said before as {}",
                held.name
            )));
        }
        // Another run took its place: the older one is in the store alone from now on.
        transaction.execute("UPDATE runs SET log = '' WHERE run = ?", [held.run])?;
    }
    let mut told = None;
    let name = match named {
        Some(name) => name,
        None => {
            // A header that can't be read names nothing; the folder does.
            let own = if run.header.run.is_empty() {
                &log.name
            } else {
                &run.header.run
            };
            let is_taken = |name: &str| Ok::<_, StoreError>(!all_held(&transaction, "name", name)?.is_empty());
            if is_taken(own)? {
                let tag: String = head.chars().take(8).collect();
                let mut name = format!("{own}~{tag}");
                // Two ends of one run have one head.
                for count in 2.. {
                    if !is_taken(&name)? {
                        break;
                    }
                    name = format!("{own}~{tag}-{count}");
                }
                told = Some(format!(
                    "two runs are named {own}: {path} is {name} in the store"
                ));
                name
            } else {
                own.clone()
            }
        }
    };
    let number = next_run(&transaction)?;
    let environment = environment(&transaction, run)?;
    write_run(&transaction, number, &name, log, &head, &environment, run)?;
    write_cases(&transaction, names, number, run)?;
    transaction.commit()?;
    Ok(told)
}

/// Whether a log goes on where another one ends.
fn begins_with(log: &Path, other: &Path) -> io::Result<bool> {
    let mut log = BufReader::new(File::open(log)?);
    let mut other = BufReader::new(File::open(other)?);
    loop {
        let (ours, theirs) = (log.fill_buf()?, other.fill_buf()?);
        if theirs.is_empty() {
            return Ok(true);
        }
        let count = ours.len().min(theirs.len());
        if count == 0 || ours[..count] != theirs[..count] {
            return Ok(false);
        }
        log.consume(count);
        other.consume(count);
    }
}

/// Makes the identity of runs anew that an earlier version told apart by other means (schema version 1).
pub(crate) fn rename_heads(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT run, log FROM runs")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i32>(0)?, row.get::<_, String>(1)?))
    })?;
    for (run, log) in rows.collect::<Result<Vec<_>, _>>()? {
        // A run whose log is gone keeps what it has: nothing can come that is the same.
        if let Ok(line) = head(Path::new(&log)) {
            let head = digest(&[&line]);
            connection.execute(
                "UPDATE runs SET log_head = ? WHERE run = ?",
                params![head, run],
            )?;
        }
    }
    Ok(())
}

/// What the store has of a run.
struct Held {
    run: i32,
    name: String,
    log: String,
    bytes: u64,
}

fn all_held(connection: &Connection, column: &str, value: &str) -> Result<Vec<Held>, StoreError> {
    let mut statement = connection.prepare(&format!(
        "SELECT run, name, log, log_bytes FROM runs WHERE {column} = ?"
    ))?;
    let rows = statement.query_map([value], |row| {
        Ok(Held {
            run: row.get(0)?,
            name: row.get(1)?,
            log: row.get(2)?,
            bytes: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes a run out of every table.
pub(crate) fn remove(connection: &Connection, run: i32) -> Result<(), StoreError> {
    for table in ["cases", "attempts", "samples", "compatibility", "runs"] {
        connection.execute(&format!("DELETE FROM {table} WHERE run = ?"), [run])?;
    }
    Ok(())
}

fn digest(parts: &[impl AsRef<[u8]>]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_ref());
        digest.update([0]);
    }
    digest
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn environment(connection: &Connection, run: &Run) -> Result<String, StoreError> {
    let print = &run.header.fingerprint;
    let (packages, preloads) = (json(&print.python.packages), json(&print.preloads));
    let features = print.cpu_features.join(" ");
    let key = digest(&[
        &print.assay,
        &print.worker_digest,
        &print.system,
        &print.kernel,
        &print.machine,
        &print.cpu,
        &print.cpus.to_string(),
        &features,
        &print.memory_bytes.to_string(),
        &print.python.version,
        &packages,
        &preloads,
    ]);
    let package = |name: &str| print.python.packages.get(name).cloned();
    connection.execute(
        "INSERT OR IGNORE INTO environments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            key,
            print.assay,
            print.worker_digest,
            print.system,
            print.kernel,
            print.machine,
            print.cpu,
            print.cpus,
            features,
            print.memory_bytes,
            print.python.version,
            package("torch"),
            package("transformers"),
            packages,
            preloads
        ],
    )?;
    Ok(key)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn write_run(
    connection: &Connection,
    number: i32,
    name: &str,
    log: &LogFile,
    head: &str,
    environment: &str,
    run: &Run,
) -> Result<(), StoreError> {
    let (header, counts) = (&run.header, &run.counts);
    // A header whose time is none keeps its run; the time is left open.
    let started = header
        .started
        .parse::<jiff::Timestamp>()
        .ok()
        .map(|time| time.to_string());
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            number, name, log.path.display().to_string(), log.bytes, log.modified, head, started, run.state(), run.exit_code() as i32,
            environment, header.seed, header.command.join(" "), header.settings.profile, header.settings.filter,
            header.fingerprint.git_commit, run.part.as_ref().map(|part| part.partition.clone()), counts.planned, counts.recorded,
            counts.passed, counts.failed, counts.flaky, counts.skipped, counts.crashed, counts.timed_out, counts.out_of_memory, counts.not_run,
            counts.errored, counts.real, counts.mock, counts.known_issues, run.wall_seconds, run.cpu_seconds,
            i32::try_from(run.damages.len()).unwrap_or(i32::MAX)
        ],
    )?;
    Ok(())
}

/// Columns of one table, row by row; handed to DuckDB as Arrow, many times faster than row by row.
#[derive(Default)]
struct Columns {
    run: Vec<i32>,
    subject: Vec<i32>,
    platform: Vec<i32>,
    check: Vec<i32>,
}

impl Columns {
    fn push(&mut self, run: i32, subject: i32, platform: i32, check: i32) {
        self.run.push(run);
        self.subject.push(subject);
        self.platform.push(platform);
        self.check.push(check);
    }

    fn arrays(self) -> Vec<(&'static str, ArrayRef)> {
        vec![
            ("run", Arc::new(Int32Array::from(self.run))),
            ("subject", Arc::new(Int32Array::from(self.subject))),
            ("platform", Arc::new(Int32Array::from(self.platform))),
            ("check_id", Arc::new(Int32Array::from(self.check))),
        ]
    }
}

fn append(
    connection: &Connection,
    table: &str,
    arrays: Vec<(&'static str, ArrayRef)>,
) -> Result<(), StoreError> {
    if arrays.first().is_none_or(|(_, array)| array.is_empty()) {
        return Ok(());
    }
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(arrays.iter().map(field).collect::<Vec<_>>());
    let columns: Vec<ArrayRef> = arrays.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(|error| StoreError::Sql(error.to_string()))?;
    let mut appender = connection.appender(table)?;
    // DuckDB takes at most so many rows in one chunk.
    for start in (0..batch.num_rows()).step_by(CHUNK) {
        appender.append_record_batch(batch.slice(start, CHUNK.min(batch.num_rows() - start)))?;
    }
    appender.flush()?;
    Ok(())
}

/// Rows that the appender takes at a time: `STANDARD_VECTOR_SIZE` of DuckDB.
const CHUNK: usize = 2048;

fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn write_cases(
    connection: &Connection,
    names: &mut Names,
    number: i32,
    run: &Run,
) -> Result<(), StoreError> {
    let mut keys = Columns::default();
    let mut tries = Columns::default();
    let (mut try_number, mut try_outcome, mut try_reason, mut try_detail, mut try_seconds) =
        (vec![], vec![], vec![], vec![], vec![]);
    let mut kinds: HashMap<ReasonKind, String> = HashMap::new();
    let mut reasons = Vec::with_capacity(run.cases.len());
    for case in &run.cases {
        let key = (
            names.subjects.of(&case.subject),
            names.platforms.of(case.platform.name()),
            names.checks.of(case.check.as_str()),
        );
        keys.push(number, key.0, key.1, key.2);
        reasons.push(case.reason.as_ref().map(|reason| reason.kind));
        if let Some(reason) = &case.reason {
            kinds
                .entry(reason.kind)
                .or_insert_with(|| reason.kind.name());
        }
        // The one attempt of nearly every case is the case itself.
        if case.attempts.len() > 1 {
            for (count, attempt) in (1_i32..).zip(&case.attempts) {
                tries.push(number, key.0, key.1, key.2);
                try_number.push(count);
                try_outcome.push(attempt.outcome.name());
                try_reason.push(attempt.reason.as_ref().map(|reason| reason.kind.name()));
                try_detail.push(attempt.reason.as_ref().map(|reason| reason.detail.clone()));
                try_seconds.push(attempt.seconds);
            }
        }
    }
    write_names(connection, names, run)?;
    let mut arrays = keys.arrays();
    let known = run.cases.iter().map(|case| {
        case.known_issue
            .as_ref()
            .map(|known| (serde_json::to_value(known.state).ok(), known))
            .and_then(|(state, _)| state?.as_str().map(str::to_owned))
    });
    let known: Vec<Option<String>> = known.collect();
    arrays.extend([
        (
            "outcome",
            text(run.cases.iter().map(|case| Some(case.outcome.name()))),
        ),
        (
            "reason",
            text(
                reasons
                    .iter()
                    .map(|kind| kinds.get(kind.as_ref()?).map(String::as_str)),
            ),
        ),
        (
            "detail",
            text(
                run.cases
                    .iter()
                    .map(|case| case.reason.as_ref().map(|reason| reason.detail.as_str())),
            ),
        ),
        (
            "provenance",
            text(
                run.cases
                    .iter()
                    .map(|case| case.provenance.map(assay_model::Provenance::name)),
            ),
        ),
        (
            "flaky",
            Arc::new(
                run.cases
                    .iter()
                    .map(|case| Some(case.flaky))
                    .collect::<BooleanArray>(),
            ) as ArrayRef,
        ),
        ("known_issue", text(known.iter().map(Option::as_deref))),
        (
            "attempts",
            Arc::new(
                run.cases
                    .iter()
                    .map(|case| i32::try_from(case.attempts.len()).ok())
                    .collect::<Int32Array>(),
            ),
        ),
        (
            "seconds",
            Arc::new(
                run.cases
                    .iter()
                    .map(|case| Some(case.seconds))
                    .collect::<Float64Array>(),
            ),
        ),
    ]);
    append(connection, "cases", arrays)?;
    let mut arrays = tries.arrays();
    arrays.extend([
        ("number", Arc::new(Int32Array::from(try_number)) as ArrayRef),
        ("outcome", text(try_outcome.into_iter().map(Some))),
        ("reason", text(try_reason.iter().map(Option::as_deref))),
        ("detail", text(try_detail.iter().map(Option::as_deref))),
        ("seconds", Arc::new(Float64Array::from(try_seconds))),
    ]);
    append(connection, "attempts", arrays)?;
    write_units(connection, names, number, run)
}

fn write_names(connection: &Connection, names: &mut Names, run: &Run) -> Result<(), StoreError> {
    let new = names.subjects.take_new();
    if !new.is_empty() {
        let by_name: HashMap<String, &Subject> = run
            .units
            .iter()
            .map(|unit| (unit.subject.to_string(), &unit.subject))
            .collect();
        let mut insert = connection.prepare("INSERT INTO subjects VALUES (?, ?, ?, ?, ?)")?;
        for (number, name) in new {
            let (kind, architecture, auto_class) = match by_name.get(&name) {
                Some(Subject::Architecture { name, auto_class }) => {
                    ("architecture", Some(name), Some(auto_class))
                }
                Some(Subject::Checkpoint { .. }) => ("checkpoint", None, None),
                None => ("unknown", None, None),
            };
            insert.execute(params![number, name, kind, architecture, auto_class])?;
        }
    }
    for (number, name) in names.platforms.take_new() {
        connection.execute("INSERT INTO platforms VALUES (?, ?)", params![number, name])?;
    }
    for (number, name) in names.checks.take_new() {
        let group = name.split('.').next().unwrap_or_default();
        connection.execute(
            "INSERT INTO checks VALUES (?, ?, ?)",
            params![number, name, group],
        )?;
    }
    Ok(())
}

/// What is measured and what can be said of each unit as a whole.
fn write_units(
    connection: &Connection,
    names: &mut Names,
    number: i32,
    run: &Run,
) -> Result<(), StoreError> {
    let (mut keys, mut metrics, mut values, mut units) =
        (Columns::default(), vec![], vec![], vec![]);
    let mut states = Columns::default();
    let (mut works, mut stages, mut kinds, mut details, mut mends) =
        (vec![], vec![], vec![], vec![], vec![]);
    let mut rest = run.cases.as_slice();
    for unit in &run.units {
        let (cases, after) = rest.split_at(unit.cases.min(rest.len()));
        rest = after;
        let Some(first) = cases.first() else { continue };
        let subject = names.subjects.of(&first.subject);
        let platform = names.platforms.of(first.platform.name());
        #[expect(
            clippy::cast_precision_loss,
            reason = "bytes of memory are far below 2^53"
        )]
        let measured = [
            (
                "seconds",
                cases.iter().map(|case| case.seconds).sum::<f64>(),
                "s",
            ),
            ("cpu_seconds", unit.cpu_seconds, "s"),
            ("peak_memory", unit.peak_memory_bytes as f64, "bytes"),
        ];
        let ran = cases
            .iter()
            .any(|case| !matches!(case.outcome, Outcome::NotRun | Outcome::Skipped));
        for (metric, value, unit) in measured.into_iter().filter(|_| ran) {
            keys.push(number, subject, platform, 0);
            metrics.push(metric);
            values.push(value);
            units.push(unit);
        }
        let obstacle = cases
            .iter()
            .find(|case| !matches!(case.outcome, Outcome::Passed | Outcome::NotRun));
        // A unit of which a part was not run is not known to work.
        if obstacle.is_none() && cases.iter().any(|case| case.outcome == Outcome::NotRun) {
            continue;
        }
        states.push(number, subject, platform, 0);
        works.push(obstacle.is_none());
        stages.push(obstacle.map(|case| case.check.group().to_owned()));
        kinds.push(obstacle.and_then(|case| Some(case.reason.as_ref()?.kind.name())));
        details.push(obstacle.and_then(|case| Some(case.reason.as_ref()?.detail.clone())));
        mends.push(obstacle.and_then(mend));
    }
    let without_check = |columns: Columns| {
        let mut arrays = columns.arrays();
        arrays.pop();
        arrays
    };
    let mut arrays = without_check(keys);
    arrays.extend([
        ("metric", text(metrics.into_iter().map(Some))),
        ("value", Arc::new(Float64Array::from(values)) as ArrayRef),
        ("unit", text(units.into_iter().map(Some))),
    ]);
    append(connection, "samples", arrays)?;
    let mut arrays = without_check(states);
    arrays.extend([
        ("works", Arc::new(BooleanArray::from(works)) as ArrayRef),
        ("stage", text(stages.iter().map(Option::as_deref))),
        ("error_kind", text(kinds.iter().map(Option::as_deref))),
        ("detail", text(details.iter().map(Option::as_deref))),
        ("mend", text(mends.into_iter())),
    ]);
    append(connection, "compatibility", arrays)
}

/// What a person can do about a case, by the kind of its reason.
fn mend(case: &CaseRecord) -> Option<&'static str> {
    Some(match case.reason.as_ref()?.kind {
        ReasonKind::MissingDependency => "install the package that the detail names",
        ReasonKind::NotAModel => "none: it is tested as a part of the model that the detail names",
        ReasonKind::PlatformUnavailable => {
            "run it on a machine that has the platform: `assay doctor` says what is here"
        }
        ReasonKind::UnsupportedByBackend => {
            "ask the backend for the operation that the detail names, or use another platform"
        }
        ReasonKind::Deadline => "give it more time with --timeout, or look at what it hangs in",
        ReasonKind::Memory => "give it more with --memory-limit, or run fewer workers",
        ReasonKind::Mock | ReasonKind::Unproven => {
            "find what stands in the model's place: a patched library, a stub, a preload"
        }
        ReasonKind::Signal | ReasonKind::Exit => {
            "run this one case with -v: what the worker printed last tells more"
        }
        ReasonKind::Probe | ReasonKind::Exception => {
            "the exception's frames name the place; report it to the library with the version"
        }
        ReasonKind::Protocol
        | ReasonKind::WrongDevice
        | ReasonKind::Worker
        | ReasonKind::NothingObserved => "report it to Assay, with the run's log",
        ReasonKind::FailFast | ReasonKind::Interrupted => "`assay run --resume` runs it",
        ReasonKind::NoWorker => "`assay doctor` says what is missing",
        ReasonKind::NotRefused
        | ReasonKind::NonFinite
        | ReasonKind::Differs
        | ReasonKind::Unmoved
        | ReasonKind::Incomplete
        | ReasonKind::BrokenPromise => {
            "a bug of the model or its library: `assay list checks` says which kind"
        }
    })
}
