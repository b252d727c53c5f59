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
        "--classes",
        "base",
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
                    "--classes",
                    "base",
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
            "--classes",
            "base",
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

/// Takes everything out of a log that follows the first line with these words: what a kill at that moment leaves.
fn cut_after(folder: &Path, words: &[&str]) {
    let path = folder.join("run/events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let last = text
        .lines()
        .position(|line| words.iter().all(|word| line.contains(word)))
        .unwrap_or_else(|| panic!("no line with {words:?} in {text}"));
    let kept: String = text
        .lines()
        .take(last + 1)
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&path, kept).unwrap();
}

/// A check that crashes its worker the first time that it is run in a folder, and a check after it.
fn crashes_once(folder: &Path) {
    let marker = folder.join("crashed");
    std::fs::write(
        folder.join("once.py"),
        format!(
            "import ctypes, os, assay\n\n\n\
             @assay.check(\"fault.it\", asserts=\"crashes once\", bug=\"planted\", rule=\"completes\")\n\
             def it(unit):\n    if not os.path.exists({marker:?}):\n        open({marker:?}, \"w\").close()\n        ctypes.string_at(0)\n\n\n\
             @assay.check(\"fault.after\", asserts=\"runs\", bug=\"planted\", rule=\"completes\")\n\
             def after(unit):\n    unit.forward(unit.inputs)\n"
        ),
    )
    .unwrap();
}

const WITH_FAULT: [&str; 12] = [
    "run",
    "--classes",
    "base",
    "bert",
    "--checks",
    "forward.runs,fault",
    "--seed",
    "3",
    "--preload",
    "once.py",
    "--report-dir",
    "run",
];

#[test]
fn a_crash_that_was_seen_before_the_runner_died_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    crashes_once(folder.path());
    let (code, _, said) = output(folder.path(), &WITH_FAULT);
    assert_eq!(code, 1, "{said}");
    cut_after(folder.path(), &["case_ended", "fault.it"]);
    assert_eq!(summary(folder.path(), "run")["crashed"], 0);
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 1, "{said}");
    let after = summary(folder.path(), "run");
    assert_eq!(
        (&after["crashed"], &after["passed"], &after["recorded"]),
        (&Value::from(1), &Value::from(2), &Value::from(3))
    );
}

#[test]
fn a_failure_is_tried_again_after_resume_as_often_as_the_run_said_and_stays_flaky() {
    let folder = tempfile::tempdir().unwrap();
    crashes_once(folder.path());
    let (code, _, said) = output(
        folder.path(),
        &[&WITH_FAULT[..], &["--retries", "1"]].concat(),
    );
    assert_eq!(code, 0, "{said}");
    // Killed after the first round, before the second.
    cut_after(folder.path(), &["case_judged", "fault.after"]);
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 0, "{said}");
    let after = summary(folder.path(), "run");
    assert_eq!(
        (&after["flaky"], &after["passed"], &after["real"]),
        (&Value::from(1), &Value::from(3), &Value::from(3))
    );
    let attempts = |summary: &Value| {
        let rows = summary["cases"].as_array().unwrap().iter();
        rows.map(|row| row["attempts"].as_array().unwrap().len())
            .sum::<usize>()
    };
    assert_eq!(attempts(&after), 4);
}

#[test]
fn a_run_that_was_killed_after_its_last_case_is_finished_by_resume() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "run",
        "--classes",
        "base",
        "bert",
        "--checks",
        "forward.runs",
        "--report-dir",
        "run",
    ];
    assert_eq!(output(folder.path(), &words).0, 0);
    cut_after(folder.path(), &["case_judged"]);
    assert_eq!(summary(folder.path(), "run")["interrupted"], true);
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 0, "{said}");
    let after = summary(folder.path(), "run");
    assert_eq!(
        (&after["interrupted"], &after["passed"]),
        (&Value::Bool(false), &Value::from(1))
    );
}

#[test]
fn a_damaged_record_is_not_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), "-KILL", &[]);
    let path = folder.path().join("run/events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let flipped = text.replacen("\"passed\"", "\"fassed\"", 1);
    assert_ne!(text, flipped);
    std::fs::write(&path, &flipped).unwrap();
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_ne!(code, 0);
    assert!(said.contains("its record is damaged: line"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), flipped);
}

#[test]
fn a_checkpoint_that_changed_is_not_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = std::env::var("ASSAY_TEST_CHECKPOINT")
        .expect("set ASSAY_TEST_CHECKPOINT, or run `cargo xtask test`");
    let mine = folder.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    for file in std::fs::read_dir(checkpoint).unwrap().flatten() {
        if file.path().is_file() {
            std::fs::copy(file.path(), mine.join(file.file_name())).unwrap();
        }
    }
    let words = [
        "run",
        "--classes",
        "base",
        "./mine",
        "--checks",
        "forward.runs",
        "--report-dir",
        "run",
    ];
    let (code, _, said) = output(folder.path(), &words);
    assert_eq!(code, 0, "{said}");
    cut_after(folder.path(), &["unit_started"]);
    let config = mine.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n")).unwrap();
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("is not what the run began with"), "{said}");
    std::fs::write(&config, text).unwrap();
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_model_that_is_made_in_another_way_is_not_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let say = |words: &[&str]| {
        let output = assay(folder.path())
            .args(words)
            .env("ASSAY_CACHE_DIR", &cache)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let words = [
        "run",
        "--classes",
        "base",
        "bert",
        "--checks",
        "forward.runs",
        "--report-dir",
        "run",
    ];
    let (code, said) = say(&words);
    assert_eq!(code, 0, "{said}");
    cut_after(folder.path(), &["unit_started"]);
    let environment = std::fs::read_dir(cache.join("catalog"))
        .unwrap()
        .flatten()
        .next()
        .unwrap();
    let probe = environment.path().join("probe-bert.json");
    let mut kept: Value = serde_json::from_str(&std::fs::read_to_string(&probe).unwrap()).unwrap();
    let recipe = kept.pointer_mut("/ready/recipe").unwrap();
    recipe["another"] = Value::from(1);
    std::fs::write(&probe, kept.to_string()).unwrap();
    let (code, said) = say(&["run", "--resume", "run"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("bert is made in another way"), "{said}");
}

#[test]
fn parts_under_other_limits_of_memory_are_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    for (part, limit) in [("1", "1GiB"), ("2", "2GiB")] {
        let partition = format!("slice:{part}/2");
        let words = [
            "run",
            "--classes",
            "base",
            "bert",
            "gpt2",
            "--checks",
            "forward.runs",
            "--seed",
            "3",
            "--memory-limit",
            limit,
            "--partition",
            &partition,
            "--report-dir",
            part,
        ];
        let (code, _, said) = output(folder.path(), &words);
        assert_eq!(code, 0, "{said}");
    }
    let (code, _, said) = output(folder.path(), &["merge", "1", "2"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("different limits of memory"), "{said}");
}

#[test]
fn a_run_that_ended_before_its_plan_is_not_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "run",
        "--classes",
        "base",
        "bert",
        "--checks",
        "forward.runs",
        "--no-tests",
        "pass",
        "--report-dir",
        "run",
    ];
    assert_eq!(output(folder.path(), &words).0, 0);
    cut_after(folder.path(), &["run_started"]);
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("ended before its plan was recorded"),
        "{said}"
    );
}

#[test]
fn a_mock_that_was_proven_before_the_runner_died_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("mocked");
    // The first worker computes nothing; the ones after it are real.
    std::fs::write(
        folder.path().join("once.py"),
        format!(
            "import os, torch\nfrom transformers.models.bert import modeling_bert\n\n\
             real = modeling_bert.BertModel.forward\n\n\n\
             def forward(self, *args, **kwargs):\n\
             \u{20}   if os.path.exists({marker:?}) and open({marker:?}).read() != str(os.getpid()):\n\
             \u{20}       return real(self, *args, **kwargs)\n\
             \u{20}   open({marker:?}, \"w\").write(str(os.getpid()))\n\
             \u{20}   return {{\"last_hidden_state\": torch.ones(2, 12, 64)}}\n\n\n\
             modeling_bert.BertModel.forward = forward\n"
        ),
    )
    .unwrap();
    let words = [
        "run",
        "--classes",
        "base",
        "bert",
        "--checks",
        "forward.runs",
        "--preload",
        "once.py",
        "--report-dir",
        "run",
    ];
    assert_eq!(output(folder.path(), &words).0, 1);
    cut_after(folder.path(), &["\"proven\""]);
    let (code, _, said) = output(folder.path(), &["run", "--resume", "run"]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(summary(folder.path(), "run")["mock"], 1);
}
