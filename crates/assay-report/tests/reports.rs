//! Every report of one run that has every outcome and every provenance.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

use assay_model::event::{Event, Header};
use assay_model::{
    CheckId, Counts, KnownIssue, Outcome, Plan, PlannedCheck, Platform, Provenance, Reason,
    ReasonKind, Rule, SCHEMA_VERSION, Subject, UnitPlan,
};
use assay_record::{Fold, Run};
use assay_report::{Look, Summary, junit, markdown, terminal};

const CHECKS: [&str; 8] = [
    "load.build",
    "forward.runs",
    "forward.finite",
    "forward.shapes",
    "batch.rows",
    "batch.order",
    "save_load.keys",
    "negative.wrong_rank",
];

fn header() -> Event {
    Event::RunStarted(Box::new(Header {
        schema: SCHEMA_VERSION,
        run: "20260101-000000-abcd".into(),
        started: "2026-01-01T00:00:00Z".into(),
        command: vec!["assay".into(), "run".into(), "bert".into()],
        seed: 7,
        ..Header::default()
    }))
}

/// `bert` has one case of each outcome; `mocked` is a mock; `vit` is whole.
fn events() -> Vec<Event> {
    let checks = CHECKS
        .iter()
        .map(|&id| PlannedCheck {
            id: id.into(),
            rule: Rule::Completes,
        })
        .collect();
    let unit = |name: &str, checks: Vec<u32>| {
        UnitPlan::new(Subject::architecture(name), Platform::CPU, checks)
    };
    let units = vec![
        unit("bert", (0..8).collect()),
        unit("mocked", vec![1]),
        unit("vit", vec![0, 1]),
    ];
    let reasons = [
        ReasonKind::Exception,
        ReasonKind::Differs,
        ReasonKind::MissingDependency,
        ReasonKind::Deadline,
        ReasonKind::Signal,
        ReasonKind::Memory,
        ReasonKind::Interrupted,
        ReasonKind::Protocol,
    ];
    let judged = |unit, check: &str, outcome, kind, provenance| Event::CaseJudged {
        unit,
        check: CheckId::from(check),
        outcome,
        reason: (outcome != Outcome::Passed).then(|| Reason {
            kind,
            detail: "why <it> | is so".into(),
        }),
        provenance,
        other_inputs: None,
        measured: None,
        seconds: 0.25,
    };
    let mut events = vec![
        header(),
        Event::Planned {
            plan: Plan {
                checks,
                units,
                ..Plan::default()
            },
        },
    ];
    for ((outcome, check), kind) in Outcome::ALL.into_iter().zip(CHECKS).zip(reasons) {
        let real = !matches!(outcome, Outcome::Skipped | Outcome::NotRun);
        events.push(judged(
            0,
            check,
            outcome,
            kind,
            real.then_some(Provenance::Real),
        ));
    }
    events.push(judged(
        1,
        CHECKS[1],
        Outcome::Failed,
        ReasonKind::Mock,
        Some(Provenance::Mock),
    ));
    for check in &CHECKS[..2] {
        events.push(judged(
            2,
            check,
            Outcome::Passed,
            ReasonKind::Exception,
            Some(Provenance::Real),
        ));
    }
    events.push(Event::RunFinished {
        counts: Counts::default(),
        wall_seconds: 2.5,
        cpu_seconds: 4.0,
        exit_code: 1,
    });
    events
}

fn fold(events: &[Event]) -> Run {
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.apply(event));
    fold.finish(vec![])
}

const PLAIN: Look = Look {
    color: false,
    pictures: false,
};

#[test]
fn the_terminal_shows_every_outcome() {
    insta::assert_snapshot!(terminal(&fold(&events()), PLAIN));
}

#[test]
fn pictures_have_a_twin_in_words() {
    let run = fold(&events());
    let pictures = terminal(
        &run,
        Look {
            color: false,
            pictures: true,
        },
    );
    assert!(pictures.contains("🚀") && pictures.contains("🔷"));
    let words = terminal(&run, PLAIN);
    assert!(
        words.contains(" real ") && words.contains(" mock ") && words.is_ascii()
            || !words.contains('🚀')
    );
}

#[test]
fn markdown_shows_every_outcome_and_keeps_its_cells() {
    insta::assert_snapshot!(markdown(&fold(&events())));
}

#[test]
fn junit_tells_failures_errors_and_skips_apart() {
    insta::assert_snapshot!(junit(&fold(&events())).unwrap());
}

#[test]
fn the_summary_has_its_counts_at_the_top() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&Summary::new(&fold(&events()))).unwrap());
}

#[test]
fn an_interrupted_run_an_empty_one_and_a_missing_case_are_said_loudly() {
    let mut cut = events();
    cut.truncate(4);
    assert!(terminal(&fold(&cut), PLAIN).contains("interrupted"));
    let empty = [
        header(),
        Event::Planned {
            plan: Plan::default(),
        },
    ];
    assert!(terminal(&fold(&empty), PLAIN).contains("nothing was planned"));
    let mut missing = events();
    missing.remove(2);
    assert!(
        terminal(&fold(&missing), PLAIN).contains("planned but not recorded: bert cpu load.build")
    );
}

/// `bert` with a case for each thing that a known issue can mean, and one that passed on its second attempt.
fn with_known_issues() -> Run {
    let outcomes = [
        ("load.build", &[Outcome::Failed][..], Some(0)),
        ("forward.runs", &[Outcome::Passed], Some(0)),
        ("forward.finite", &[Outcome::Failed], Some(1)),
        ("forward.shapes", &[Outcome::Errored], Some(0)),
        ("batch.rows", &[Outcome::Failed, Outcome::Passed], None),
    ];
    let issue = |expires: &str| KnownIssue {
        filter: "all()".into(),
        reason: "the library forgets a row".into(),
        reference: "https://example.org/1".into(),
        shows_as: vec![ReasonKind::Differs],
        expires: expires.into(),
        sometimes: false,
    };
    let mut unit = UnitPlan::new(
        Subject::architecture("bert"),
        Platform::CPU,
        (0..5).collect(),
    );
    let mut plan = Plan {
        known_issues: vec![issue("2026-01-01"), issue("2025-12-31")],
        ..Plan::default()
    };
    let mut events = Vec::new();
    for (index, (check, attempts, known)) in (0..).zip(outcomes) {
        plan.checks.push(PlannedCheck {
            id: check.into(),
            rule: Rule::Completes,
        });
        unit.known.extend(known.map(|known| (index, known)));
        events.extend(attempts.iter().map(|&outcome| Event::CaseJudged {
            unit: 0,
            check: check.into(),
            outcome,
            reason: (outcome != Outcome::Passed).then(|| Reason {
                kind: ReasonKind::Differs,
                detail: "it differs".into(),
            }),
            provenance: Some(Provenance::Real),
            other_inputs: None,
            measured: None,
            seconds: 0.5,
        }));
    }
    plan.units.push(unit);
    events.insert(0, Event::Planned { plan });
    events.insert(0, header());
    events.push(Event::RunFinished {
        counts: Counts::default(),
        wall_seconds: 1.0,
        cpu_seconds: 1.0,
        exit_code: 1,
    });
    fold(&events)
}

#[test]
fn known_issues_and_retries_are_shown_and_only_the_first_kind_excuses() {
    let run = with_known_issues();
    let red: Vec<&str> = run
        .cases
        .iter()
        .filter(|case| case.is_red())
        .map(|case| case.check.as_str())
        .collect();
    assert_eq!(red, ["forward.runs", "forward.finite", "forward.shapes"]);
    assert_eq!(
        (run.counts.known_issues, run.counts.failed, run.counts.flaky),
        (1, 2, 1)
    );
    insta::assert_snapshot!(terminal(&run, PLAIN));
    insta::assert_snapshot!(junit(&run).unwrap());
}
