//! The log as a whole: written, damaged, read, folded.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

use assay_model::event::{Event, Header};
use assay_model::{
    CheckId, Ending, ExitCode, KnownIssue, KnownState, Outcome, Plan, PlannedCheck, Platform,
    Provenance, Reason, ReasonKind, Rule, SCHEMA_VERSION, Subject, UnitPlan,
};
use assay_record::{
    DamageKind, Fold, LOG_FILE, LogWriter, ReadError, RecordError, Run, Wanted, read_entries,
    read_run,
};
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
    let unit = UnitPlan::new(Subject::architecture("bert"), Platform::CPU, vec![0, 1, 2]);
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
        other_inputs: None,
        measured: None,
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

/// A run of one case that fails, with a known issue that is believed to the end of 2026.
fn with_known_issue(shows_as: ReasonKind, started: &str, resumed: Option<&str>) -> Run {
    let issue = KnownIssue {
        filter: "all()".into(),
        reason: "known".into(),
        reference: "a link".into(),
        shows_as: vec![shows_as],
        expires: "2026-12-31".into(),
        sometimes: false,
    };
    let mut unit = UnitPlan::new(Subject::architecture("bert"), Platform::CPU, vec![0]);
    unit.known = vec![(0, 0)];
    let plan = Plan {
        checks: vec![PlannedCheck {
            id: CHECKS[0].into(),
            rule: Rule::Completes,
        }],
        units: vec![unit],
        known_issues: vec![issue],
        part: None,
    };
    let header = Header {
        schema: SCHEMA_VERSION,
        started: started.into(),
        ..Header::default()
    };
    let mut events = vec![
        Event::RunStarted(Box::new(header)),
        Event::Planned { plan },
        judged(CHECKS[0], Outcome::Failed, Some(Provenance::Real)),
    ];
    events.extend(resumed.map(|started| Event::Resumed {
        started: started.into(),
        command: vec![],
        dropped_bytes: 0,
    }));
    events.push(finished());
    run_of(&events)
}

#[test]
fn a_known_issue_is_believed_to_its_last_day_by_the_last_start() {
    let of = |kind, started, resumed| with_known_issue(kind, started, resumed);
    let code = |started, resumed| of(ReasonKind::Exception, started, resumed).exit_code();
    assert_eq!(code("2026-12-31T23:59:59Z", None), ExitCode::Passed);
    assert_eq!(code("2027-01-01T00:00:00Z", None), ExitCode::Failed);
    assert_eq!(code("no date", None), ExitCode::Failed);
    assert_eq!(code("", None), ExitCode::Failed);
    let before = "2026-12-31T23:59:59Z";
    assert_eq!(code(before, Some(before)), ExitCode::Passed);
    assert_eq!(code(before, Some("2027-01-01T00:00:00Z")), ExitCode::Failed);
    let another = of(ReasonKind::Differs, before, None);
    assert_eq!(another.exit_code(), ExitCode::Failed);
    let state = another.cases[0].known_issue.as_ref().unwrap().state;
    assert_eq!(state, KnownState::Different);
}

#[test]
fn a_case_that_was_judged_with_other_inputs_says_so() {
    let of = |attempts: &[Option<&str>]| {
        let judged = attempts.iter().map(|why| {
            let mut event = judged(CHECKS[0], Outcome::Failed, Some(Provenance::Real));
            if let Event::CaseJudged { other_inputs, .. } = &mut event {
                *other_inputs = why.map(str::to_owned);
            }
            event
        });
        let mut events = vec![started(), planned()];
        events.extend(judged);
        let run = run_of(&events);
        (run.counts.other_inputs, run.cases[0].other_inputs.clone())
    };
    assert_eq!(of(&[None, Some("states")]), (1, Some("states".to_owned())));
    assert_eq!(of(&[Some("states"), None]), (0, None));
}

#[test]
fn a_finished_run_with_a_case_that_nobody_ran_is_red() {
    let mut events = whole();
    events[4] = judged(CHECKS[2], Outcome::NotRun, None);
    assert_eq!(run_of(&events).exit_code(), ExitCode::Failed);
}

#[test]
fn a_finished_run_without_a_plan_is_red() {
    let header = Header {
        schema: SCHEMA_VERSION,
        no_tests_pass: true,
        ..Header::default()
    };
    let run = run_of(&[Event::RunStarted(Box::new(header)), finished()]);
    assert_eq!(run.exit_code(), ExitCode::Failed);
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

/// A log as the first version with a log wrote it: later fields are missing.
const OLDEST: [&str; 4] = [
    r#"{"kind":"run_started","schema":1,"run":"old","started":"2026-11-01T00:00:00Z","command":["assay","run"],"folder":"/","seed":1,"nonce":"2","second_nonce":"3","no_tests_pass":false,"fingerprint":{"assay":"0.1.0","python":{"executable":"/python","version":"3.11.7","packages":{"torch":"2.15.0"}}}}"#,
    r#"{"kind":"planned","plan":{"checks":[{"id":"forward.runs","rule":"completes"}],"units":[{"subject":{"kind":"architecture","name":"bert","auto_class":"AutoModel"},"platform":"cpu","checks":[0]}]}}"#,
    r#"{"kind":"case_judged","unit":0,"check":"forward.runs","outcome":"passed","reason":null,"provenance":"real","seconds":0.5}"#,
    r#"{"kind":"run_finished","counts":{"planned":1,"recorded":1,"passed":1,"failed":0,"flaky":0,"skipped":0,"crashed":0,"timed_out":0,"out_of_memory":0,"not_run":0,"errored":0,"real":1,"mock":0},"wall_seconds":2.0,"cpu_seconds":1.0,"exit_code":0}"#,
];

#[test]
fn a_run_of_the_oldest_version_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let line = |(seq, event): (usize, &str)| {
        let body = format!("\"seq\":{seq},\"at\":{seq}.5,\"event\":{event}}}");
        format!(
            "{{\"crc\":\"{:08x}\",{body}\n",
            crc32fast::hash(body.as_bytes())
        )
    };
    let text: String = OLDEST.into_iter().enumerate().map(line).collect();
    std::fs::write(folder.path().join(LOG_FILE), text).unwrap();
    let run = read_run(folder.path()).unwrap();
    assert_eq!(
        (run.damages.len(), run.counts.passed, run.counts.real),
        (0, 1, 1)
    );
    assert_eq!(run.exit_code(), ExitCode::Passed);
}

#[test]
fn a_header_that_is_damaged_costs_no_verdict() {
    let folder = log_of(&whole());
    let path = folder.path().join(LOG_FILE);
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replacen("\"schema\":1", "\"schema\":7", 1);
    std::fs::write(&path, text).unwrap();
    let run = read_run(folder.path()).unwrap();
    assert_eq!((run.damages.len(), run.counts.passed), (1, 3));
    assert_eq!(run.exit_code(), ExitCode::Failed);
}

#[test]
fn lines_of_two_logs_mixed_are_named_and_read() {
    let (one, two) = (log_of(&whole()), log_of(&whole()));
    let text =
        |folder: &tempfile::TempDir| std::fs::read_to_string(folder.path().join(LOG_FILE)).unwrap();
    let mixed: Vec<String> = text(&one)
        .lines()
        .zip(text(&two).lines())
        .flat_map(|(a, b)| [a.to_owned(), b.to_owned()])
        .collect();
    std::fs::write(one.path().join(LOG_FILE), mixed.join("\n") + "\n").unwrap();
    let run = read_run(one.path()).unwrap();
    assert_eq!(run.cases.len(), 3);
    assert!(
        run.damages
            .iter()
            .any(|damage| matches!(damage.kind, DamageKind::Gap { .. }))
    );
    assert_ne!(run.exit_code(), ExitCode::Passed);
}

#[test]
fn an_interrupted_run_is_taken_up_where_it_was() {
    let mut events = whole();
    events.truncate(3);
    let folder = log_of(&events);
    let path = folder.path().join(LOG_FILE);
    let torn = b"{\"crc\":\"0000";
    std::fs::write(
        &path,
        [std::fs::read(&path).unwrap().as_slice(), torn].concat(),
    )
    .unwrap();

    let (mut log, fold, dropped) = LogWriter::resume(folder.path()).unwrap();
    assert_eq!(dropped, torn.len() as u64);
    let open = fold.open_cases();
    assert_eq!(
        open,
        [(0, vec![CheckId::from(CHECKS[1]), CheckId::from(CHECKS[2])])]
    );
    // Nobody else may write meanwhile, and who reads is told that it goes on.
    assert!(matches!(
        LogWriter::resume(folder.path()),
        Err(RecordError::Busy { .. })
    ));
    assert!(read_run(folder.path()).unwrap().running);
    log.append(&Event::Resumed {
        started: "later".into(),
        command: vec![],
        dropped_bytes: dropped,
    })
    .unwrap();
    for event in [passed(CHECKS[1]), passed(CHECKS[2]), finished()] {
        log.append(&event).unwrap();
    }
    log.finish().unwrap();
    let run = read_run(folder.path()).unwrap();
    assert_eq!(
        (
            run.damages.len(),
            run.resumed,
            run.counts.passed,
            run.counts.flaky
        ),
        (0, 1, 3, 0)
    );
    assert_eq!(run.exit_code(), ExitCode::Passed);
    assert!(!run.running);
}

#[test]
fn a_run_that_was_stopped_and_taken_up_has_no_trace_of_not_run() {
    let mut events = whole();
    events.truncate(3);
    events.push(Event::Interrupted {
        signal: "SIGINT".into(),
    });
    for check in &CHECKS[1..] {
        events.push(judged(check, Outcome::NotRun, None));
    }
    events.push(finished());
    assert_eq!(run_of(&events).exit_code(), ExitCode::Interrupted);
    events.push(Event::Resumed {
        started: String::new(),
        command: vec![],
        dropped_bytes: 0,
    });
    assert!(run_of(&events).is_interrupted());
    events.extend([passed(CHECKS[1]), passed(CHECKS[2]), finished()]);
    let run = run_of(&events);
    assert_eq!(
        (run.exit_code(), run.counts.not_run, run.counts.flaky),
        (ExitCode::Passed, 0, 0)
    );
    assert!(run.cases.iter().all(|case| case.attempts.len() == 1));
}

#[test]
fn a_retry_that_did_not_happen_takes_no_failure_back() {
    let mut events = whole();
    events[3] = judged(CHECKS[1], Outcome::Failed, Some(Provenance::Real));
    events.insert(5, judged(CHECKS[1], Outcome::NotRun, None));
    let run = run_of(&events);
    assert_eq!((run.counts.failed, run.counts.not_run), (1, 0));
    assert_eq!(run.exit_code(), ExitCode::Failed);
}

#[test]
fn a_clock_that_jumps_back_takes_no_time_from_a_run() {
    let folder = log_of(&whole()[..3]);
    let path = folder.path().join(LOG_FILE);
    let line = |seq: u64, at: f64| {
        let body = format!(
            "\"seq\":{seq},\"at\":{at:?},\"event\":{{\"kind\":\"warned\",\"message\":\"m\"}}}}"
        );
        format!(
            "{{\"crc\":\"{:08x}\",{body}\n",
            crc32fast::hash(body.as_bytes())
        )
    };
    let text = std::fs::read_to_string(&path).unwrap() + &line(3, 1e6) + &line(4, -5.0);
    std::fs::write(&path, text).unwrap();
    let (log, _, _) = LogWriter::resume(folder.path()).unwrap();
    assert!(log.elapsed() >= 1e6);
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
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    /// What a fold passes over is checked all the same, and reading all of it gives the same run.
    #[test]
    fn a_fold_needs_no_observation(place in 0.0..1.0_f64) {
        let mut events = whole();
        for check in CHECKS {
            events.insert(2, Event::CaseEnded {
                unit: 0,
                check: check.into(),
                ending: Ending::Observed(Box::default()),
                seconds: 0.5,
            });
            events.insert(2, Event::CheckStarted { unit: 0, check: check.into() });
        }
        let folder = log_of(&events);
        let path = folder.path().join(LOG_FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        let folded = |wanted| {
            let (mut fold, mut damages) = (Fold::default(), vec![]);
            let end = read_entries(&path, wanted, |entry| fold.apply(&entry.event), |damage| damages.push(damage)).unwrap();
            (format!("{:?}", fold.finish(vec![])), damages, end)
        };
        prop_assert_eq!(folded(Wanted::All), folded(Wanted::Folded));
        let at = (place * (bytes.len() - 1) as f64) as usize;
        bytes[at] ^= 4;
        std::fs::write(&path, &bytes).unwrap();
        prop_assert_eq!(folded(Wanted::All), folded(Wanted::Folded));
        prop_assert!(!folded(Wanted::Folded).1.is_empty());
    }
}
