//! Every report of one run that has every outcome and every provenance.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

use assay_model::event::{Event, Header};
use assay_model::{
    CheckId, Counts, Outcome, Plan, PlannedCheck, Platform, Provenance, Reason, ReasonKind, Rule,
    SCHEMA_VERSION, Subject, UnitPlan,
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
    let unit = |name: &str, checks: Vec<u32>| UnitPlan {
        subject: Subject::architecture(name),
        platform: Platform::Cpu,
        checks,
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
        seconds: 0.25,
    };
    let mut events = vec![
        header(),
        Event::Planned {
            plan: Plan { checks, units },
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
