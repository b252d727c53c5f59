//! What is asked across runs: history, differences, compatibility.

use assay_store::{SqlFormat, StoreError};

use assay_model::{Backend, Outcome, Platform, State};

use crate::runs::{ask, run_on, two_runs};

/// Per run the checks that it asked of bert on torch-export, and what came of them: the state that is shown after the last one, of which
/// run, and by whose word.
fn shown(runs: &[&[(&str, Outcome)]]) -> (State, String, Option<String>) {
    let home = tempfile::tempdir().unwrap();
    let runs: Vec<_> = (1..)
        .zip(runs)
        .map(|(day, cases)| {
            let (checks, outcomes): (Vec<&str>, Vec<Outcome>) = cases.iter().copied().unzip();
            run_on(
                home.path(),
                &format!("run-{day}"),
                &format!("2026-01-0{day}T00:00:00Z"),
                (Platform::of(Backend::TorchExport), &checks),
                &[("bert", &outcomes)],
            )
        })
        .collect();
    let store = assay_store::Store::open(home.path(), &runs).unwrap();
    let [cell] = store.matrix(None).unwrap().try_into().unwrap();
    (cell.state, cell.run, cell.provenance)
}

#[test]
fn a_run_that_asked_less_hides_no_failure_and_nothing_that_works() {
    use Outcome::{Failed, Passed, Skipped};
    let all = |outputs| {
        [
            ("parity.prepares", Passed),
            ("parity.outputs", outputs),
            ("parity.other_inputs", Passed),
            ("parity.executes", Passed),
        ]
    };
    let (works, fails) = (all(Passed), all(Failed));
    let prepares = |outcome| [("parity.prepares", outcome)];
    let state = |runs: &[&[(&str, Outcome)]]| {
        let (state, run, _) = shown(runs);
        (state, run)
    };
    let is = |state, run: &str| (state, run.to_owned());
    use State::{Fails, PartlyAsked, Works};
    assert_eq!(state(&[&prepares(Passed)]), is(PartlyAsked, "run-1"));
    assert_eq!(state(&[&fails, &prepares(Passed)]), is(Fails, "run-1"));
    assert_eq!(state(&[&fails, &prepares(Skipped)]), is(Fails, "run-1"));
    assert_eq!(state(&[&works, &prepares(Passed)]), is(Works, "run-1"));
    assert_eq!(state(&[&works, &prepares(Failed)]), is(Fails, "run-2"));
    assert_eq!(state(&[&fails, &works]), is(Works, "run-2"));
    let by_parts = [("parity.outputs", Passed)];
    assert_eq!(
        state(&[&works, &prepares(Failed), &by_parts]),
        is(Fails, "run-2")
    );
}

#[test]
fn where_all_was_skipped_nothing_ran() {
    use Outcome::{Passed, Skipped};
    let of = |outcomes: [Outcome; 2]| {
        let checks = ["parity.prepares", "parity.outputs"];
        let cases: Vec<_> = checks.into_iter().zip(outcomes).collect();
        shown(&[&cases]).2
    };
    assert_eq!(of([Skipped, Skipped]), None);
    assert_eq!(of([Passed, Skipped]).as_deref(), Some("real"));
}

#[test]
fn history_is_the_newest_first() {
    let rows = two_runs().open().history("bert", 10).unwrap();
    let short: Vec<_> = rows
        .iter()
        .map(|row| (row.run.as_str(), row.cases, row.passed, row.failed))
        .collect();
    assert_eq!(short, [("b", 2, 1, 1), ("a", 3, 2, 1)]);
    assert_eq!(
        rows[0].first_failure.as_deref(),
        Some("load.build: differs: it's \"different\", here")
    );
    assert_eq!(rows[1].started.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert!(two_runs().open().history("nobody", 10).unwrap().is_empty());
}

#[test]
fn a_difference_names_each_kind_of_change() {
    let home = two_runs();
    let difference = home.open().diff("a", "b").unwrap();
    let names = |list: &[assay_store::Changed]| {
        list.iter()
            .map(|case| format!("{} {}", case.subject, case.check))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&difference.new_failures), ["bert load.build"]);
    assert_eq!(names(&difference.fixed), ["bert forward.runs"]);
    assert_eq!(names(&difference.ceased), ["bert batch.rows"]);
    assert_eq!(difference.subjects_gone, ["vit cpu"]);
    assert_eq!(difference.subjects_new, ["t5 cpu"]);
    assert_eq!(
        (
            difference.same,
            difference.began.len(),
            difference.changed.len()
        ),
        (0, 0, 0)
    );
    assert_eq!(difference.common_seconds, (1.0, 1.0));
    assert!(matches!(
        home.open().diff("a", "x"),
        Err(StoreError::UnknownRun { .. })
    ));
    let itself = home.open().diff("a", "a").unwrap();
    assert_eq!((itself.same, itself.new_failures.len()), (4, 0));
}

#[test]
fn compatibility_says_stage_kind_and_mend() {
    let store = two_runs().open();
    let matrix = ask(&store, "SELECT subject, works, stage, error_kind, mend IS NOT NULL AS mend FROM compatibility_matrix ORDER BY subject", SqlFormat::Csv).unwrap();
    assert_eq!(
        matrix,
        "subject,works,stage,error_kind,mend\r\nbert,false,load,differs,true\r\nt5,false,forward,differs,true\r\nvit,true,,,false\r\n"
    );
}

#[test]
fn a_matrix_has_the_newest_of_each_subject_or_what_one_run_says() {
    let home = two_runs();
    let store = home.open();
    let of = |run: Option<&str>| -> Vec<(String, String, assay_model::State, u64)> {
        let cells = store.matrix(run).unwrap();
        let row = |cell: assay_model::Cell| (cell.subject, cell.run, cell.state, cell.passed);
        cells.into_iter().map(row).collect()
    };
    let row = |subject: &str, run: &str, state, passed| {
        (subject.to_owned(), run.to_owned(), state, passed)
    };
    use assay_model::State::{Fails, Works};
    assert_eq!(
        of(None),
        [
            row("bert", "b", Fails, 1),
            row("t5", "b", Works, 1),
            row("vit", "a", Works, 1)
        ],
        "a skip beside what passed takes nothing away"
    );
    assert_eq!(
        of(Some("a")),
        [row("bert", "a", Fails, 2), row("vit", "a", Works, 1)]
    );
    assert!(matches!(
        store.matrix(Some("x")),
        Err(StoreError::UnknownRun { .. })
    ));
    let cells = store.matrix(None).unwrap();
    assert_eq!(cells[0].stage.as_deref(), Some("load"));
    assert!(cells[0].detail.is_some() && cells[2].stage.is_none());
    assert_eq!(
        cells[0].figures,
        assay_model::Figures::default(),
        "nothing was measured"
    );
}
