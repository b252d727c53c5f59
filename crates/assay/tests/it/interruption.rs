//! Runs that don't come to their end: a signal, `kill -9`, a full disk.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A verbose run: every judged case is a line on standard error.
fn spawn(folder: &Path, subjects: &[&str], preload: Option<&str>) -> Child {
    let mut command = crate::support::assay(folder);
    command
        .args(["run", "--classes", "base"])
        .args(subjects)
        .args(["--profile", "quick", "--report-dir", "report", "-v"]);
    if let Some(preload) = preload {
        command
            .arg("--preload")
            .arg(crate::support::root().join("tests").join(preload));
    }
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(pid: u32, signal: &str) {
    assert!(
        Command::new("kill")
            .args([signal, &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// What `assay report` says of a folder: exit code and summary.
fn reported(folder: &Path) -> (i32, Value) {
    let output = crate::support::assay(folder)
        .args(["report", "report", "--format", "json"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let summary = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code().unwrap(), summary)
}

/// Kills a run with SIGKILL once it has shown so many lines; asserts that each of them is in the record. False if it ended before.
fn killed_after(lines: usize) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut child = spawn(folder.path(), &["bert", "llama"], None);
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut shown: Vec<String> = stderr.by_ref().take(lines).map(Result::unwrap).collect();
    signal(child.id(), "-KILL");
    // What was already in the pipe was shown as well.
    shown.extend(stderr.map_while(Result::ok));
    let killed = child.wait().unwrap().code().is_none();
    let (code, summary) = reported(folder.path());
    assert_eq!(code, if killed { 130 } else { 0 }, "{summary:#}");
    assert_eq!(summary["interrupted"], killed);
    let mut subject = String::new();
    for line in &shown {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (line.starts_with(' '), words.as_slice()) {
            (true, [outcome, check, ..]) => {
                let rows = summary["cases"].as_array().unwrap();
                let check = check.trim_end_matches(':');
                let row = rows
                    .iter()
                    .find(|row| row["subject"] == subject.as_str() && row["check"] == check)
                    .unwrap();
                assert_eq!(row["outcome"], *outcome, "shown and lost: {line}");
            }
            (false, [name, "cpu", ..]) => subject = (*name).to_owned(),
            _ => {}
        }
    }
    killed
}

#[test]
fn what_was_shown_survives_kill_9_at_fifty_moments() {
    // Each run shows a line at its start, two of units and 35 or so of cases; after the last there is nothing left to kill, so some moments come twice.
    // Two at a time: nearly all of it is the imports of each run.
    let moments = std::sync::atomic::AtomicUsize::new(0);
    let killed: usize = std::thread::scope(|scope| {
        let kills = || {
            let next = || moments.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let mine = std::iter::repeat_with(next).take_while(|moment| *moment < 50);
            mine.filter(|moment| killed_after(2 + moment % 35)).count()
        };
        let threads = [scope.spawn(kills), scope.spawn(kills)];
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert!(
        killed >= 30,
        "only {killed} of 50 runs were killed before their end"
    );
}

#[test]
fn one_sigint_stops_cleanly_and_reports() {
    let folder = tempfile::tempdir().unwrap();
    // A check that hangs, so that the run can't be over before the signal comes.
    let subjects = [
        "bert",
        "distilbert",
        "--workers",
        "1",
        "--checks",
        "forward.runs,fault.it,fault.after",
    ];
    let mut child = spawn(folder.path(), &subjects, Some("faults/hangs_in_c.py"));
    // The log says when the hanging check has begun.
    let log = folder.path().join("report/events.jsonl");
    while !std::fs::read_to_string(&log)
        .is_ok_and(|text| text.contains("\"check_started\",\"unit\":0,\"check\":\"fault.it\""))
    {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    signal(child.id(), "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let (code, summary) = reported(folder.path());
    assert_eq!(code, 130);
    assert_eq!(summary["planned"], summary["recorded"]);
    assert!(summary["not_run"].as_u64().unwrap() >= 2, "{summary:#}");
    assert!(folder.path().join("report/report.md").exists());
}

#[test]
fn a_full_disk_is_a_clear_error_and_what_was_recorded_is_readable() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    // A mount namespace of its own, so that the small disk goes with the process. The report is read inside it.
    let script = "mount -t tmpfs -o size=48k tmpfs small
        \"$ASSAY\" run bert --report-dir small/report; echo \"code $?\"
        \"$ASSAY\" report small/report --format json; echo \"code $?\"";
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .current_dir(folder.path());
    let output = command
        .env("ASSAY", env!("CARGO_BIN_EXE_assay"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(stdout.starts_with("code 5\n"), "{stdout}{stderr}");
    assert!(
        stderr.contains("can't write to the record") && stderr.contains("hint: make room"),
        "{stderr}"
    );
    assert!(stdout.ends_with("code 130\n"), "{stdout}");
    let json = stdout
        .trim_start_matches("code 5\n")
        .trim_end_matches("code 130\n");
    let summary: Value = serde_json::from_str(json).unwrap();
    assert!(summary["planned"].as_u64().unwrap() > 20);
    assert_eq!(summary["interrupted"], true);
}
