//! Runs the real binary with the real Python, each time in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The command, in a folder. It needs `ASSAY_PYTHON`: a test that runs nothing must not pass.
pub fn assay(folder: &Path) -> Command {
    assert!(
        std::env::var_os("ASSAY_PYTHON").is_some(),
        "set ASSAY_PYTHON, or run `cargo xtask test`"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command
        .current_dir(folder)
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("ASSAY_PYTHONPATH")
        .stdin(Stdio::null());
    command
}

/// The exit code of the command with these words, and what it printed on its two streams.
pub fn say(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let output = assay(folder).args(words).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// What a run came to.
pub struct Ran {
    pub output: Output,
    pub summary: Value,
    pub folder: tempfile::TempDir,
}

/// `assay run` with these words and perhaps a file of `tests/` to preload.
pub fn run(words: &[&str], preload: Option<&str>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command = assay(folder.path());
    command
        .args(["run", "--classes", "base"])
        .args(words)
        .args(["--report-dir", "report"]);
    if let Some(preload) = preload {
        command
            .arg("--preload")
            .arg(root().join("tests").join(preload));
    }
    let output = command.output().unwrap();
    let text = std::fs::read_to_string(folder.path().join("report/summary.json")).unwrap_or_else(
        |error| {
            panic!(
                "no summary ({error}): {}",
                String::from_utf8_lossy(&output.stderr)
            )
        },
    );
    Ran {
        output,
        summary: serde_json::from_str(&text).unwrap(),
        folder,
    }
}

impl Ran {
    /// The exit code.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    /// Every case as (subject, check, row).
    pub fn cases(&self) -> Vec<(&str, &str, &Value)> {
        let rows = self.summary["cases"].as_array().unwrap();
        rows.iter()
            .map(|row| {
                (
                    row["subject"].as_str().unwrap(),
                    row["check"].as_str().unwrap(),
                    row,
                )
            })
            .collect()
    }

    /// The row of a case.
    pub fn case(&self, subject: &str, check: &str) -> &Value {
        let found = self
            .cases()
            .into_iter()
            .find(|(s, c, _)| *s == subject && *c == check);
        found
            .unwrap_or_else(|| panic!("no case {subject} {check}"))
            .2
    }

    /// A count at the top of the summary.
    pub fn count(&self, name: &str) -> u64 {
        self.summary[name].as_u64().unwrap()
    }
}
