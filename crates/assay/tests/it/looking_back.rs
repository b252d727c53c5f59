//! Runs that were: shown, replayed, exported, pruned, compared, asked.

use std::path::Path;

use serde_json::Value;

use crate::support::{assay, root, say};

fn json(folder: &Path, words: &[&str]) -> Value {
    let (_, text, said) = say(folder, &[words, &["--format", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}: {text}{said}"))
}

/// Two runs of `bert`: whole, and with the mask dropped.
fn two_runs(folder: &Path) -> (String, String) {
    let mutant = root().join("tests/mutants/bert_mask_dropped.py");
    let words = [
        "run",
        "--classes",
        "base",
        "bert",
        "--checks",
        "forward.runs,batch",
        "--seed",
        "1",
    ];
    assert_eq!(say(folder, &words).0, 0);
    assert_eq!(
        say(
            folder,
            &[&words[..], &["--preload", mutant.to_str().unwrap()]].concat()
        )
        .0,
        1
    );
    let runs = json(folder, &["runs", "list"]);
    let name = |index: usize| runs[index]["run"].as_str().unwrap().to_owned();
    assert_eq!(
        (&runs[0]["state"], &runs[1]["state"]),
        (&"failed".into(), &"passed".into())
    );
    (name(1), name(0))
}

#[test]
fn what_was_can_be_seen_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (before, after) = two_runs(folder);

    // A difference, from the store, and from two files elsewhere.
    let difference = json(folder, &["diff", &before, &after]);
    let failures = difference["new_failures"].as_array().unwrap();
    assert!(
        failures
            .iter()
            .any(|case| case["check"] == "batch.right_padding"),
        "{difference:#}"
    );
    assert_eq!(say(folder, &["diff", &before, &after]).0, 1);
    let (code, text, _) = say(folder, &["diff", &after, &before]);
    assert!(code == 0 && text.contains("fixed: "), "{text}");
    let elsewhere = tempfile::tempdir().unwrap();
    for run in [&before, &after] {
        let file = elsewhere.path().join(format!("{run}.assay.gz"));
        let file = file.to_str().unwrap();
        assert_eq!(say(folder, &["runs", "export", run, "--output", file]).0, 0);
        assert_eq!(say(folder, &["runs", "export", run, "--output", file]).0, 2);
    }
    let files = [format!("{before}.assay.gz"), format!("{after}.assay.gz")];
    assert_eq!(
        json(elsewhere.path(), &["diff", &files[0], &files[1]])["new_failures"],
        difference["new_failures"]
    );
    let (code, text, _) = say(elsewhere.path(), &["replay", &files[1]]);
    assert!(
        code == 1 && text.contains("failed batch.right_padding"),
        "{text}"
    );
    assert_eq!(
        json(elsewhere.path(), &["runs", "show", &files[0]])["run"],
        before.as_str()
    );
    assert_eq!(
        json(elsewhere.path(), &["report", &files[0]])["passed"],
        json(folder, &["report", &before])["passed"]
    );

    // History, and SQL.
    let history = json(folder, &["history", "bert"]);
    assert_eq!(
        (&history[0]["run"], &history[1]["failed"]),
        (&after.as_str().into(), &0.into())
    );
    let (code, _, said) = say(folder, &["history", "bret"]);
    assert!(code == 2 && said.contains("did you mean bert?"), "{said}");
    let rows = json(
        folder,
        &["sql", "SELECT works, stage FROM compatibility_matrix"],
    );
    assert_eq!(
        rows,
        serde_json::json!([{"works": false, "stage": "batch"}])
    );
    assert_eq!(say(folder, &["sql", "DROP TABLE runs"]).0, 2);
    let (code, _, said) = say(
        folder,
        &[
            "sql",
            "SELECT count(*) FROM range(100000000000) a, range(100000000000) b WHERE a.range + b.range < 0",
            "--timeout",
            "300ms",
        ],
    );
    assert!(code == 2 && said.contains("stopped after"), "{said}");

    // A store that is gone, damaged or not writable hides no run.
    std::fs::write(folder.join(".assay/store.duckdb"), "damage").unwrap();
    let (code, text, said) = say(folder, &["history", "bert"]);
    assert!(
        code == 0 && text.contains(&before) && said.contains("made anew"),
        "{said}"
    );
    assert_eq!(json(folder, &["store", "status"])["runs"], 2);
    assert_eq!(say(folder, &["store", "rebuild"]).0, 0);

    // Runs go only as far as is asked; what the store holds of them stays.
    let removed = |words: &[&str]| {
        say(folder, &[&["runs", "prune"], words].concat())
            .1
            .lines()
            .count()
    };
    assert_eq!(say(folder, &["runs", "prune"]).0, 2);
    assert_eq!(removed(&["--older-than", "1d"]), 0);
    assert_eq!(removed(&["--keep", "1", "--dry-run"]), 1);
    assert_eq!(removed(&["--keep", "1"]), 1);
    assert_eq!(removed(&["--keep", "0"]), 0, "the newest stays");
    assert_eq!(json(folder, &["runs", "list"]).as_array().unwrap().len(), 1);
    let status = json(folder, &["store", "status"]);
    assert_eq!(
        (&status["runs"], &status["without_log"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_full_disk_under_a_result_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(".assay/reports")).unwrap();
    std::fs::write(folder.path().join(".assay/store.duckdb"), "").unwrap();
    let ask = |output: &str| {
        assay(folder.path())
            .args(["sql", "SELECT 1 AS one"])
            .stdout(std::fs::File::create(output).unwrap())
            .output()
            .unwrap()
    };
    assert_eq!(ask("/dev/null").status.code(), Some(0));
    let full = ask("/dev/full");
    assert_ne!(full.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&full.stderr).contains("can't be written"));
}

#[test]
fn two_runs_at_once_in_one_folder_are_both_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "run",
        "--classes",
        "base",
        "bert",
        "--checks",
        "forward.runs",
    ];
    let children: Vec<_> = (0..2)
        .map(|_| assay(folder.path()).args(words).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(json(folder.path(), &["store", "status"])["runs"], 2);
    assert_eq!(
        json(folder.path(), &["history", "bert"])
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn logs_that_are_damaged_or_of_another_version_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_, _, said) = say(folder, &["runs", "list"]);
    assert!(said.contains("there are no runs"), "{said}");
    assert_eq!(say(folder, &["history", "bert"]).0, 2);
    for (name, text, part) in [
        ("empty", "", "it is empty"),
        ("garbage", "not a log\n", "it has no checksum"),
    ] {
        std::fs::create_dir_all(folder.join(".assay/reports").join(name)).unwrap();
        std::fs::write(
            folder
                .join(".assay/reports")
                .join(name)
                .join("events.jsonl"),
            text,
        )
        .unwrap();
        for words in [
            &["report", name][..],
            &["replay", name],
            &["merge", name],
            &["run", "--resume", name],
            &["runs", "show", name],
        ] {
            let (code, _, said) = say(folder, words);
            assert!(
                code == 5 && said.contains(part),
                "{words:?}: {code}: {said}"
            );
        }
    }
    let runs = json(folder, &["runs", "list"]);
    assert!(
        runs.as_array()
            .unwrap()
            .iter()
            .all(|run| run["state"] == "unreadable")
    );
}
