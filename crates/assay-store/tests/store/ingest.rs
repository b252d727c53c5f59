//! What the logs say is in the store, once.

use assay_model::Outcome::{NotRun, Passed};
use assay_record::LOG_FILE;
use assay_store::{SqlFormat, status};

use crate::runs::{ask, first_lines, put, run, state_of, two_runs};

#[test]
fn every_case_of_every_log_is_in_it_once_however_often_it_is_opened() {
    let home = two_runs();
    for _ in 0..3 {
        let store = home.open();
        assert_eq!(store.notices, Vec::<String>::new());
        let status = status(home.path(), &store).unwrap();
        assert_eq!((status.runs, status.cases, status.without_log), (2, 8, 0));
    }
}

#[test]
fn a_log_that_grew_is_read_again() {
    let home = two_runs();
    let log = home.runs[1].join(LOG_FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    // Without its end and its last verdict the run is an interrupted one.
    std::fs::write(&log, first_lines(&text, text.lines().count() - 2)).unwrap();
    let store = home.open();
    let states = ask(
        &store,
        "SELECT state, passed FROM runs ORDER BY name",
        SqlFormat::Csv,
    )
    .unwrap();
    assert_eq!(states, "state,passed\r\nfailed,3\r\ninterrupted,2\r\n");
    drop(store);
    std::fs::write(&log, text).unwrap();
    let store = home.open();
    assert_eq!(status(home.path(), &store).unwrap().cases, 8);
    assert_eq!(state_of(&store, "b"), "failed");
}

#[test]
fn a_run_that_was_read_while_it_went_on_is_read_again() {
    let home = two_runs();
    let log = home.runs[1].join(LOG_FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, first_lines(&text, 4)).unwrap();
    // Somebody who holds the lock is somebody who writes.
    let writer = std::fs::File::open(&log).unwrap();
    writer.lock().unwrap();
    assert_eq!(state_of(&home.open(), "b"), "running");
    // Killed: the log is what it was, to the byte.
    writer.unlock().unwrap();
    assert_eq!(state_of(&home.open(), "b"), "interrupted");
}

#[test]
fn a_log_that_can_not_be_read_is_named_and_the_others_are_in() {
    let mut home = two_runs();
    let broken = home.path().join("reports/c");
    put(&broken, "");
    home.runs.push(broken);
    let store = home.open();
    assert!(
        store.notices[0].starts_with("c is not in the store"),
        "{:?}",
        store.notices
    );
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
}

#[test]
fn clocks_that_jump_leave_every_run_in() {
    let mut home = two_runs();
    for (name, started) in [
        ("c", "1969-01-01T00:00:00Z"),
        ("d", "9999-01-01T00:00:00Z"),
        ("e", "yesterday"),
    ] {
        home.runs
            .push(run(home.path(), name, started, &[("bert", &[Passed])]));
    }
    let store = home.open();
    assert_eq!(store.history("bert", 10).unwrap().len(), 5);
    assert_eq!(store.diff("d", "c").unwrap().same, 1);
}

#[test]
fn a_unit_of_which_a_part_was_not_run_is_not_said_to_work() {
    let mut home = two_runs();
    let outcomes = [Passed, NotRun];
    let run = run(
        home.path(),
        "c",
        "2026-01-03T00:00:00Z",
        &[("gpt2", &outcomes)],
    );
    home.runs.push(run);
    let rows = ask(
        &home.open(),
        "SELECT count(*) AS n FROM compatibility_matrix WHERE subject = 'gpt2'",
        SqlFormat::Csv,
    );
    assert_eq!(rows.unwrap(), "n\r\n0\r\n");
}
