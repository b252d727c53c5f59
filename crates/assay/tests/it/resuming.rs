//! Runs in several pieces: taken up again, or in parts that are merged.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{assay, root};

fn output(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let output = assay(folder).args(words).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn summary(folder: &Path, run: &str) -> Value {
    let (_, text, said) = output(folder, &["report", run, "--format", "json"]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// A run over three subjects that was killed, or interrupted, after its first.
fn stopped(folder: &Path, signal: &str, more: &[&str]) {
    let words = [
        "run",
        "bert",
        "gpt2",
        "t5",
        "--workers",
        "1",
        "--checks",
        "forward,batch",
        "--seed",
        "3",
    ];
    let mut child = assay(folder)
        .args(words)
        .args(more)
        .args(["--report-dir", "run"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(" cpu ")));
    let killed = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    // The pipe is read to its end, so that the run is not stopped by it.
    lines.for_each(drop);
    child.wait().unwrap();
}

#[test]
fn a_killed_run_is_finished_by_resume_and_what_was_done_is_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), "-KILL", &[]);
    let before = summary(folder.path(), "run");
    assert_eq!(before["interrupted"], true);
    let done = before["passed"].as_u64().unwrap();
    assert!(
        done > 0 && done < before["planned"].as_u64().unwrap(),
        "{done}"
    );
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 0, "{said}");
    let after = summary(folder.path(), "run");
    assert_eq!(
        (&after["passed"], &after["interrupted"]),
        (&before["planned"], &Value::Bool(false))
    );
    assert_eq!(
        (&after["real"], &after["flaky"]),
        (&before["planned"], &Value::from(0))
    );
    // Each case has one verdict in the log.
    let log = std::fs::read_to_string(folder.path().join("run/events.jsonl")).unwrap();
    let judged = log
        .lines()
        .filter(|line| line.contains("\"case_judged\""))
        .count() as u64;
    assert_eq!(judged, before["planned"].as_u64().unwrap());
    // There is nothing left to do.
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 0);
    assert!(said.contains("nothing is missing"), "{said}");
}

#[test]
fn an_interrupted_run_is_finished_by_resume() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), "-INT", &[]);
    assert_eq!(summary(folder.path(), "run")["interrupted"], true);
    let (code, text, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 0, "{text}{said}");
    assert_eq!(summary(folder.path(), "run")["not_run"], 0);
}

#[test]
fn a_run_is_not_taken_up_in_another_environment() {
    let folder = tempfile::tempdir().unwrap();
    let preload = folder.path().join("preload.py");
    std::fs::write(&preload, "X = 1\n").unwrap();
    stopped(folder.path(), "-KILL", &["--preload", "preload.py"]);
    std::fs::write(&preload, "X = 2\n").unwrap();
    let log = std::fs::read(folder.path().join("run/events.jsonl")).unwrap();
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 2);
    assert!(said.contains("the preloads"), "{said}");
    assert_eq!(
        std::fs::read(folder.path().join("run/events.jsonl")).unwrap(),
        log
    );
}

#[test]
fn parts_are_merged_to_the_run_that_they_were_cut_from_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, words: &[&str]| {
        let (code, _, said) = output(
            folder.path(),
            &[
                &[
                    "run",
                    "bert",
                    "gpt2",
                    "vit",
                    "--seed",
                    "3",
                    "--report-dir",
                    name,
                ],
                words,
            ]
            .concat(),
        );
        assert_eq!(code, 0, "{said}");
    };
    let checks = ["--checks", "forward"];
    run("whole", &checks);
    for part in ["1", "2"] {
        run(
            part,
            &[&checks[..], &["--partition", &format!("slice:{part}/2")]].concat(),
        );
    }
    let merge = |runs: &[&str], part: &str| {
        let (code, _, said) = output(folder.path(), &[&["merge"], runs].concat());
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(part), "{said}");
    };
    merge(&["1"], "parts are missing: slice:2/2");
    merge(&["1", "2", "1"], "are both part 1 of 2");
    merge(&["1", "whole"], "is no part of a larger plan");
    run("other", &["--checks", "batch", "--partition", "slice:2/2"]);
    merge(&["1", "other"], "parts of different plans");
    let (code, _, said) = output(
        folder.path(),
        &[
            "run",
            "bert",
            "gpt2",
            "vit",
            "--seed",
            "4",
            "--report-dir",
            "seed",
            "--checks",
            "forward",
            "--partition",
            "slice:2/2",
        ],
    );
    assert_eq!(code, 0, "{said}");
    merge(&["1", "seed"], "have the seeds 3 and 4");
    let patched = root().join("tests/mutants/null_bert_wrapped.py");
    run(
        "patched",
        &[
            &checks[..],
            &[
                "--partition",
                "slice:2/2",
                "--preload",
                patched.to_str().unwrap(),
            ],
        ]
        .concat(),
    );
    merge(&["1", "patched"], "different environments");
    let log = folder.path().join("2/events.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, text.replacen("\"passed\"", "\"failed\"", 1)).unwrap();
    merge(&["1", "2"], "its record is damaged");
    std::fs::write(&log, text).unwrap();

    let (code, _, said) = output(
        folder.path(),
        &["merge", "2", "1", "--report-dir", "merged"],
    );
    assert_eq!(code, 0, "{said}");
    let (merged, whole) = (
        summary(folder.path(), "merged"),
        summary(folder.path(), "whole"),
    );
    let cases = |summary: &Value| {
        let rows = summary["cases"].as_array().unwrap();
        rows.iter()
            .map(|row| {
                (
                    row["subject"].clone(),
                    row["check"].clone(),
                    row["outcome"].clone(),
                    row["provenance"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(cases(&merged), cases(&whole));
    assert_eq!(merged["planned"], whole["planned"]);
}
