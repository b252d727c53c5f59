//! Which run a log is: copies, namesakes, and logs that were moved, damaged or taken up again.

use std::path::Path;

use assay_model::Outcome::Passed;
use assay_record::LOG_FILE;
use assay_store::status;

use crate::runs::{first_lines, put, run, state_of, two_runs};

#[test]
fn two_runs_of_one_name_are_two_and_a_copy_is_one() {
    let mut home = two_runs();
    let other = home.path().join("elsewhere");
    home.runs.push(run(
        &other,
        "a",
        "2026-01-03T00:00:00Z",
        &[("bert", &[Passed])],
    ));
    let copy = home.path().join("copy/b");
    let log = std::fs::read_to_string(home.runs[1].join(LOG_FILE)).unwrap();
    put(&copy, &log);
    home.runs.push(copy);
    let store = home.open();
    let runs = store.runs().unwrap();
    assert_eq!(
        (runs.len(), runs[0].as_str(), runs[1].as_str()),
        (3, "a", "b")
    );
    assert!(runs[2].starts_with("a~"), "{runs:?}");
    assert!(
        store.notices[0].contains("two runs are named a"),
        "{:?}",
        store.notices
    );
    assert!(
        store.notices[1].contains("is a copy of"),
        "{:?}",
        store.notices
    );
}

/// Changes bytes of a log's first line.
fn damage_header(run: &Path) {
    let path = run.join(LOG_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replacen("started\":\"2026", "started\":\"2O26", 1),
    )
    .unwrap();
}

#[test]
fn two_runs_without_a_header_are_two() {
    let home = two_runs();
    home.runs.iter().for_each(|run| damage_header(run));
    let store = home.open();
    assert_eq!(store.runs().unwrap().len(), 2, "{:?}", store.notices);
    assert_eq!(status(home.path(), &store).unwrap().cases, 8);
}

#[test]
fn a_header_that_is_damaged_later_makes_no_second_run() {
    let home = two_runs();
    drop(home.open());
    damage_header(&home.runs[0]);
    let store = home.open();
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
    assert!(
        store.notices[0].contains("was damaged after it was read"),
        "{:?}",
        store.notices
    );
    drop(store);
    assert!(home.open().notices.is_empty());
}

#[test]
fn a_run_in_the_place_of_another_leaves_that_one_in() {
    let home = two_runs();
    drop(home.open());
    std::fs::remove_dir_all(&home.runs[0]).unwrap();
    let other = home.path().join("other");
    let new = run(&other, "c", "2026-01-03T00:00:00Z", &[("bert", &[Passed])]);
    std::fs::rename(new, &home.runs[0]).unwrap();
    let store = home.open();
    assert_eq!(store.runs().unwrap(), ["a", "b", "c"]);
    assert_eq!(status(home.path(), &store).unwrap().without_log, 1);
}

#[test]
fn a_namesake_that_is_moved_is_the_same_run() {
    let mut home = two_runs();
    let other = home.path().join("elsewhere");
    home.runs.push(run(
        &other,
        "a",
        "2026-01-03T00:00:00Z",
        &[("bert", &[Passed])],
    ));
    let before = home.open().runs().unwrap();
    let moved = home.path().join("moved");
    std::fs::rename(&home.runs[2], &moved).unwrap();
    home.runs[2] = moved;
    let store = home.open();
    assert_eq!(store.runs().unwrap(), before);
    assert_eq!(status(home.path(), &store).unwrap().without_log, 0);
}

#[test]
fn a_copy_that_was_taken_up_again_counts_for_the_run() {
    let mut home = two_runs();
    // The original is cut short, as if it was killed; its copy went on to the end.
    let log = home.runs[1].join(LOG_FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, first_lines(&text, 4)).unwrap();
    drop(home.open());
    let copy = home.path().join("copy/b");
    put(&copy, &text);
    home.runs.push(copy);
    for _ in 0..2 {
        let store = home.open();
        assert_eq!(store.runs().unwrap(), ["a", "b"]);
        assert_eq!(state_of(&store, "b"), "failed");
    }
}

#[test]
fn an_older_copy_takes_nothing_back_and_two_that_were_taken_up_on_their_own_are_two() {
    let mut home = two_runs();
    drop(home.open());
    let original = home.runs[1].clone();
    let text = std::fs::read_to_string(original.join(LOG_FILE)).unwrap();
    let short = first_lines(&text, 4);
    let copy = home.path().join("copy/b");
    put(&copy, &short);
    std::fs::remove_dir_all(&home.runs[1]).unwrap();
    home.runs[1] = copy.clone();
    let store = home.open();
    assert_eq!(state_of(&store, "b"), "failed");
    assert!(
        store.notices[0].contains("an older copy"),
        "{:?}",
        store.notices
    );
    drop(store);
    // Another end than the one that the store knows, and longer.
    put(&original, &text);
    home.runs.push(original);
    drop(home.open());
    let tail = text.lines().last().unwrap().repeat(9);
    put(&copy, &format!("{short}{tail}\n"));
    let runs = home.open().runs().unwrap();
    assert_eq!(runs.len(), 3, "{runs:?}");
    // A third end, shorter than both: it may hold the failure.
    let third = home.path().join("third/b");
    put(&third, &format!("{short}another end\n"));
    home.runs.push(third);
    for _ in 0..2 {
        let runs = home.open().runs().unwrap();
        assert_eq!(runs.len(), 4, "{runs:?}");
    }
}
