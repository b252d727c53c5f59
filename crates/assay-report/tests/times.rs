//! Where the time of a run went, as the terminal tells it.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

use assay_model::event::{Event, Header};
use assay_model::{
    Counts, Fingerprint, Outcome, Plan, PlannedCheck, Platform, Provenance, Rule, Subject, UnitPlan,
};
use assay_record::Fold;
use assay_report::{Look, terminal};

const CHECKS: [&str; 4] = ["load.config", "load.build", "forward.runs", "batch.rows"];

/// Seconds of the four checks of a subject.
type Seconds = [f64; 4];

/// The report of a run of subjects `a0`, `a1`, …, whose last entry, if it has one, says these seconds of wall and processors.
fn report(subjects: &[Seconds], cpus: u64, end: Option<(f64, f64)>) -> String {
    let check = |id: &str| PlannedCheck {
        id: id.into(),
        rule: Rule::Completes,
    };
    let unit = |index| {
        let subject = Subject::architecture(format!("a{index}"));
        UnitPlan::new(subject, Platform::CPU, vec![0, 1, 2, 3])
    };
    let plan = Plan {
        checks: CHECKS.map(check).to_vec(),
        units: (0..subjects.len()).map(unit).collect(),
        ..Plan::default()
    };
    let header = Header {
        fingerprint: Fingerprint {
            cpus,
            ..Fingerprint::default()
        },
        ..Header::default()
    };
    let mut fold = Fold::default();
    fold.apply(&Event::RunStarted(Box::new(header)));
    fold.apply(&Event::Planned { plan });
    for (unit, seconds) in (0..).zip(subjects) {
        for (check, &seconds) in CHECKS.iter().zip(seconds) {
            fold.apply(&Event::CaseJudged {
                unit,
                check: (*check).into(),
                outcome: Outcome::Passed,
                reason: None,
                provenance: Some(Provenance::Real),
                other_inputs: None,
                measured: None,
                seconds,
            });
        }
    }
    if let Some((wall_seconds, cpu_seconds)) = end {
        fold.apply(&Event::RunFinished {
            counts: Counts::default(),
            wall_seconds,
            cpu_seconds,
            exit_code: 0,
        });
    }
    let look = Look {
        color: false,
        pictures: false,
    };
    terminal(&fold.finish(vec![]), look)
}

/// The lines below the heading of the slowest subjects, up to the empty one.
fn slowest(report: &str) -> Option<Vec<&str>> {
    let below = report
        .lines()
        .skip_while(|line| !line.starts_with("slowest"));
    let rows: Vec<&str> = below.take_while(|line| !line.is_empty()).collect();
    rows.split_first().map(|(_, rows)| rows.to_vec())
}

#[test]
fn the_share_of_the_cores_is_that_of_wall_time_on_all_of_them() {
    let last = |cpus, end| {
        let report = report(&[[1.0; 4]], cpus, end);
        report.lines().last().unwrap().to_owned()
    };
    assert!(last(2, Some((2.5, 4.0))).ends_with(" · 2.5 s wall, 4.0 s cpu (80 % of 2 cores)"));
    assert!(last(4, Some((2.5, 4.0))).ends_with("(40 % of 4 cores)"));
    assert!(last(2, Some((2.5, 0.0))).ends_with("(0 % of 2 cores)"));
}

#[test]
fn a_share_that_can_not_be_had_is_not_told() {
    for (what, cpus, end) in [
        ("no wall time", 2, Some((0.0, 4.0))),
        ("unknown processors", 0, Some((2.5, 4.0))),
        ("no end", 2, None),
    ] {
        let report = report(&[[1.0; 4]], cpus, end);
        assert!(!report.contains("cores"), "{what}: {report}");
        assert!(report.contains(" s cpu"), "{what}: {report}");
    }
}

#[test]
fn the_ten_slowest_of_twenty_are_told_with_what_they_spent_it_on() {
    let subjects: Vec<Seconds> = (0..20)
        .map(|index| [0.125, f64::from(index), 0.5, 0.25 * f64::from(index % 2)])
        .collect();
    let report = report(&subjects, 2, Some((9.0, 9.0)));
    let rows = slowest(&report).unwrap();
    let names: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.split_whitespace().next())
        .collect();
    assert_eq!(
        names,
        [
            "a19", "a18", "a17", "a16", "a15", "a14", "a13", "a12", "a11", "a10"
        ]
    );
    let columns = |row: &str| {
        row.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        columns(rows[0]),
        ["a19", "19.88", "0.12", "19.00", "0.50", "0.25"]
    );
    assert_eq!(
        columns(rows[1]),
        ["a18", "18.62", "0.12", "18.00", "0.50", "0.00"]
    );
}

#[test]
fn subjects_that_took_equally_long_stay_in_the_order_of_the_plan() {
    let report = report(&[[0.0; 4]; 20], 2, Some((0.0, 0.0)));
    let rows = slowest(&report).unwrap();
    assert!(rows[0].starts_with("a0 ") && rows[9].starts_with("a9 "));
    assert!(rows.iter().all(|row| !row.contains('-')), "{rows:?}");
}

#[test]
fn a_short_run_and_one_without_units_have_no_slowest() {
    for count in [0, 1, 19] {
        let report = report(&vec![[1.0; 4]; count], 2, Some((9.0, 9.0)));
        assert_eq!(slowest(&report), None, "{report}");
    }
}
