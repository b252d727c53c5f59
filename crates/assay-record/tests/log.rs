//! The log as a whole: written, damaged, read, folded.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

use assay_model::event::{Event, Header};
use assay_model::{
    CheckId, ExitCode, Outcome, Plan, PlannedCheck, Platform, Provenance, Reason, ReasonKind, Rule,
    SCHEMA_VERSION, Subject, UnitPlan,
};
use assay_record::{LOG_FILE, LogWriter, ReadError, RecordError, Run, read_run};
use proptest::prelude::*;

const CHECKS: [&str; 3] = ["load.build", "forward.runs", "forward.finite"];

fn started() -> Event {
    Event::RunStarted(Box::new(Header {
        schema: SCHEMA_VERSION,
        run: "r".into(),
        ..Header::default()
    }))
}

fn planned() -> Event {
    let checks = CHECKS
        .iter()
        .map(|&id| PlannedCheck {
            id: id.into(),
            rule: Rule::Completes,
        })
        .collect();
    let unit = UnitPlan::new(Subject::architecture("bert"), Platform::Cpu, vec![0, 1, 2]);
    Event::Planned {
        plan: Plan {
            checks,
            units: vec![unit],
            ..Plan::default()
        },
    }
}

fn judged(check: &str, outcome: Outcome, provenance: Option<Provenance>) -> Event {
    let reason = (outcome != Outcome::Passed).then(|| Reason {
        kind: ReasonKind::Exception,
        detail: "because".into(),
    });
    Event::CaseJudged {
        unit: 0,
        check: CheckId::from(check),
        outcome,
        reason,
        provenance,
        seconds: 0.5,
    }
}

fn passed(check: &str) -> Event {
    judged(check, Outcome::Passed, Some(Provenance::Real))
}

fn finished() -> Event {
    Event::RunFinished {
        counts: Default::default(),
        wall_seconds: 1.0,
        cpu_seconds: 2.0,
        exit_code: 0,
    }
}

fn log_of(events: &[Event]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogWriter::create(folder.path()).unwrap();
    for event in events {
        log.append(event).unwrap();
    }
    log.finish().unwrap();
    folder
}

fn run_of(events: &[Event]) -> Run {
    read_run(log_of(events).path()).unwrap()
}

fn whole() -> Vec<Event> {
    vec![
        started(),
        planned(),
        passed(CHECKS[0]),
        passed(CHECKS[1]),
        passed(CHECKS[2]),
        finished(),
    ]
}

#[test]
fn a_whole_run_is_green() {
    let run = run_of(&whole());
    assert_eq!(
        (
            run.counts.planned,
            run.counts.recorded,
            run.counts.passed,
            run.counts.real
        ),
        (3, 3, 3, 3)
    );
    assert_eq!(run.exit_code(), ExitCode::Passed);
}

#[test]
fn a_finished_run_that_lacks_a_case_is_red_and_names_it() {
    let mut events = whole();
    events.remove(3);
    let run = run_of(&events);
    assert_eq!(run.missing, ["bert cpu forward.runs"]);
    assert_eq!((run.counts.planned, run.counts.recorded), (3, 2));
    assert_eq!(run.exit_code(), ExitCode::Failed);
}

#[test]
fn a_killed_run_is_interrupted_and_the_rest_of_it_is_not_run() {
    let run = run_of(&whole()[..3]);
    assert!(run.is_interrupted());
    assert_eq!((run.counts.passed, run.counts.not_run), (1, 2));
    assert_eq!(run.exit_code(), ExitCode::Interrupted);
    assert!(run.missing.is_empty());
}

#[test]
fn nothing_but_skips_is_not_green() {
    let skip = |check| judged(check, Outcome::Skipped, None);
    let mut events = vec![
        started(),
        planned(),
        skip(CHECKS[0]),
        skip(CHECKS[1]),
        skip(CHECKS[2]),
        finished(),
    ];
    assert_eq!(run_of(&events).exit_code(), ExitCode::NothingRan);
    events[0] = Event::RunStarted(Box::new(Header {
        schema: SCHEMA_VERSION,
        no_tests_pass: true,
        ..Header::default()
    }));
    assert_eq!(run_of(&events).exit_code(), ExitCode::Passed);
}

#[test]
fn an_empty_plan_is_not_green() {
    let run = run_of(&[
        started(),
        Event::Planned {
            plan: Plan::default(),
        },
        finished(),
    ]);
    assert_eq!(run.exit_code(), ExitCode::NothingRan);
}

#[test]
fn each_kind_of_failure_is_red() {
    for outcome in [
        Outcome::Failed,
        Outcome::Crashed,
        Outcome::TimedOut,
        Outcome::OutOfMemory,
        Outcome::Errored,
    ] {
        let mut events = whole();
        events[3] = judged(CHECKS[1], outcome, Some(Provenance::Real));
        assert_eq!(run_of(&events).exit_code(), ExitCode::Failed, "{outcome}");
    }
}

#[test]
fn a_pass_after_a_failure_is_flaky() {
    let mut events = whole();
    events.insert(
        3,
        judged(CHECKS[1], Outcome::Failed, Some(Provenance::Real)),
    );
    let run = run_of(&events);
    assert_eq!((run.counts.flaky, run.counts.passed), (1, 3));
    assert_eq!(run.cases[1].attempts.len(), 2);
}

#[test]
fn a_record_is_never_overwritten() {
    let folder = log_of(&whole());
    assert!(matches!(
        LogWriter::create(folder.path()),
        Err(RecordError::Exists { .. })
    ));
}

#[test]
fn an_empty_log_and_one_of_another_version_are_refused_with_the_reason() {
    assert!(matches!(
        read_run(log_of(&[]).path()),
        Err(ReadError::NoHeader { .. })
    ));
    let newer = Event::RunStarted(Box::new(Header {
        schema: SCHEMA_VERSION + 1,
        ..Header::default()
    }));
    assert!(matches!(
        read_run(log_of(&[newer]).path()),
        Err(ReadError::Version { .. })
    ));
}

proptest! {
    #[test]
    fn wherever_it_is_cut_the_lines_before_are_read(share in 0.0..1.0_f64) {
        let folder = log_of(&whole());
        let path = folder.path().join(LOG_FILE);
        let bytes = std::fs::read(&path).unwrap();
        let cut = (share * bytes.len() as f64) as usize;
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let lines = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
        match read_run(folder.path()) {
            Ok(run) => {
                prop_assert_eq!(run.counts.recorded as usize, lines.saturating_sub(2).min(3));
                prop_assert_eq!(run.damages.is_empty(), cut == 0 || bytes[cut - 1] == b'\n');
            }
            Err(_) => prop_assert_eq!(lines, 0),
        }
    }

    #[test]
    fn one_flipped_bit_costs_its_line_and_is_named(place in 0.0..1.0_f64, bit in 0_u32..8) {
        let folder = log_of(&whole());
        let path = folder.path().join(LOG_FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = (place * (bytes.len() - 1) as f64) as usize;
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        match read_run(folder.path()) {
            // A run whose record is damaged is never green.
            Ok(run) => {
                prop_assert!(!run.damages.is_empty());
                prop_assert!(run.exit_code() != ExitCode::Passed);
            }
            Err(error) => {
                let headless = matches!(error, ReadError::NoHeader { .. });
                prop_assert!(headless);
            }
        }
    }
}
