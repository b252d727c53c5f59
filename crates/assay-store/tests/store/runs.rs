//! Runs for the tests to hold against the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_model::Outcome::{Crashed, Failed, Passed, Skipped};
use assay_model::event::{Event, Header};
use assay_model::{
    CheckId, Outcome, Plan, PlannedCheck, Platform, Provenance, Reason, ReasonKind, Rule,
    SCHEMA_VERSION, Subject, UnitPlan,
};
use assay_record::{LOG_FILE, LogWriter};
use assay_store::{SqlFormat, Store, StoreError, query};

const CHECKS: [&str; 3] = ["load.build", "forward.runs", "batch.rows"];

/// Writes the log of a run: per subject the outcomes of its checks.
pub fn run(home: &Path, name: &str, started: &str, subjects: &[(&str, &[Outcome])]) -> PathBuf {
    run_on(home, name, started, (Platform::CPU, &CHECKS), subjects)
}

/// The same on another platform, with other checks.
pub fn run_on(
    home: &Path,
    name: &str,
    started: &str,
    (platform, names): (Platform, &[&str]),
    subjects: &[(&str, &[Outcome])],
) -> PathBuf {
    let folder = home.join("reports").join(name);
    let mut log = LogWriter::create(&folder).unwrap();
    let mut append = |event: Event| log.append(&event).unwrap();
    append(Event::RunStarted(Box::new(Header {
        schema: SCHEMA_VERSION,
        run: name.into(),
        started: started.into(),
        nonce: name.len().to_string(),
        ..Header::default()
    })));
    let checks = names
        .iter()
        .map(|&id| PlannedCheck {
            id: id.into(),
            rule: Rule::Completes,
        })
        .collect();
    let units = subjects.iter().map(|(subject, outcomes)| {
        let checks = (0..u32::try_from(outcomes.len()).unwrap()).collect();
        UnitPlan::new(Subject::architecture(*subject), platform, checks)
    });
    append(Event::Planned {
        plan: Plan {
            checks,
            units: units.collect(),
            ..Plan::default()
        },
    });
    for (unit, (_, outcomes)) in (0..).zip(subjects) {
        for (check, &outcome) in names.iter().zip(*outcomes) {
            append(Event::CaseJudged {
                unit,
                check: CheckId::from(*check),
                outcome,
                reason: (outcome != Outcome::Passed).then(|| Reason {
                    kind: ReasonKind::Differs,
                    detail: "it's \"different\", here".into(),
                }),
                provenance: Some(Provenance::Real),
                other_inputs: None,
                measured: None,
                seconds: 0.5,
            });
        }
    }
    append(Event::RunFinished {
        counts: assay_model::Counts::default(),
        wall_seconds: 3.0,
        cpu_seconds: 2.0,
        exit_code: 0,
    });
    log.finish().unwrap();
    folder
}

pub struct Home {
    folder: tempfile::TempDir,
    pub runs: Vec<PathBuf>,
}

/// Two runs: in the second `bert` fails a check that it passed, mends one, and has lost one; `vit` is gone, `t5` new.
pub fn two_runs() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let runs = vec![
        run(
            home,
            "a",
            "2026-01-01T00:00:00Z",
            &[("bert", &[Passed, Failed, Passed]), ("vit", &[Passed])],
        ),
        run(
            home,
            "b",
            "2026-01-02T00:00:00Z",
            &[("bert", &[Crashed, Passed]), ("t5", &[Passed, Skipped])],
        ),
    ];
    Home { folder, runs }
}

impl Home {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn open(&self) -> Store {
        Store::open(self.path(), &self.runs).unwrap()
    }
}

pub fn ask(store: &Store, sql: &str, format: SqlFormat) -> Result<String, StoreError> {
    let mut output = Vec::new();
    query(store, sql, format, Duration::from_secs(20), &mut output)?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// The state of a run, as the store has it.
pub fn state_of(store: &Store, run: &str) -> String {
    let sql = format!("SELECT state FROM runs WHERE name = '{run}'");
    let answer = ask(store, &sql, SqlFormat::Csv).unwrap();
    answer.lines().last().unwrap().to_owned()
}

/// The first lines of a log: what a run that was killed leaves.
pub fn first_lines(log: &str, count: usize) -> String {
    log.split_inclusive('\n').take(count).collect()
}

/// Writes the log of a run into a folder that may not be there yet.
pub fn put(folder: &Path, log: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(LOG_FILE), log).unwrap();
}
