//! Endpoints: the fault server is asked by the real command, through the same runner, judge and record as models.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::assay;

const KEY: &str = "sk-of-the-fault-server";

/// A server of `assay api serve-faults`.
struct Server {
    process: Child,
    base: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(folder: &Path, words: &[&str]) -> Server {
    let mut command = assay(folder);
    command.args(["api", "serve-faults"]).args(words);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let base = line.split_whitespace().next().unwrap().to_owned();
    Server { process, base }
}

fn check(folder: &Path, base: &str, words: &[&str]) -> Command {
    let mut command = assay(folder);
    command
        .args(["api", "check", base, "--model", "tiny"])
        .args(["--report-dir", "out"])
        .args(words)
        .env("OPENAI_API_KEY", KEY)
        .env("ANTHROPIC_API_KEY", KEY);
    command
}

fn summary(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("out/summary.json")).unwrap()).unwrap()
}

#[test]
fn a_right_server_passes_and_its_key_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let output = check(folder.path(), &server.base, &[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let summary = summary(folder.path());
    let cases = summary["cases"].as_array().unwrap();
    assert!(cases.len() >= 25, "{summary:#}");
    for case in cases {
        assert_eq!(case["outcome"], "passed", "{case:#}");
        assert_eq!(case["provenance"], "real");
        assert_eq!(case["platform"], "remote");
    }
    for entry in std::fs::read_dir(folder.path().join("out")).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(KEY), "{}", path.display());
    }
    let printed = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&printed).contains(KEY));
}

#[test]
fn a_fault_is_red_and_a_constant_is_a_mock() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(
        folder.path(),
        &["--dialect", "claude", "--fault", "no-first-event"],
    );
    let words = ["--dialect", "claude", "--only", "stream.grammar,response"];
    let output = check(folder.path(), &server.base, &words).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let summary_of = summary(folder.path());
    for case in summary_of["cases"].as_array().unwrap() {
        let is_grammar = case["check"] == "stream.grammar";
        let expected = if is_grammar { "failed" } else { "passed" };
        assert_eq!(case["outcome"], expected, "{case:#}");
    }
    let other = tempfile::tempdir().unwrap();
    let server = serve(other.path(), &["--fault", "canned"]);
    let output = check(other.path(), &server.base, &["--only", "response.schema"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(summary(other.path())["cases"][0]["provenance"], "mock");
}

#[test]
fn who_is_not_there_and_what_is_said_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let output = check(
        folder.path(),
        "http://127.0.0.1:1/v1",
        &["--only", "connection.answers"],
    )
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let case = &summary(folder.path())["cases"][0];
    assert_eq!(case["outcome"], "failed");
    assert!(
        case["reason"]["detail"]
            .as_str()
            .unwrap()
            .starts_with("connection_refused"),
        "{case:#}"
    );
    for (words, told) in [
        (vec!["--dialect", "opnai"], "there is no dialect `opnai`"),
        (
            vec!["--only", "strem"],
            "no check and no group of checks is called `strem`",
        ),
        (
            vec!["--key-variable", "ASSAY_NO_SUCH_KEY"],
            "the variable `ASSAY_NO_SUCH_KEY` is not set",
        ),
    ] {
        let output = check(folder.path(), "http://127.0.0.1:1/v1", &words)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(told) && text.contains("hint:"), "{text}");
    }
    let output = check(folder.path(), "127.0.0.1:1", &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
