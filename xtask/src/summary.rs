use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::setup::{Ready, root};
use crate::step::Failed;

/// What is read of `summary.json`.
#[derive(Deserialize)]
pub(crate) struct Summary {
    pub(crate) started: String,
    pub(crate) seed: u64,
    pub(crate) planned: u64,
    recorded: u64,
    pub(crate) wall_seconds: Option<f64>,
    pub(crate) cpu_seconds: f64,
    pub(crate) environment: Environment,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Environment {
    pub(crate) cpu: String,
    pub(crate) cpus: u64,
    pub(crate) worker_digest: String,
    python: Python,
}

#[derive(Deserialize)]
struct Python {
    packages: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Case {
    pub(crate) subject: String,
    /// With its device and numbers.
    #[serde(default, skip_serializing)]
    pub(crate) platform: String,
    pub(crate) check: String,
    pub(crate) outcome: String,
    pub(crate) provenance: Option<String>,
    pub(crate) reason: Option<Reason>,
    pub(crate) seconds: f64,
    pub(crate) other_inputs: Option<String>,
    pub(crate) known_issue: Option<Known>,
}

/// What a known issue means for a case.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Known {
    pub(crate) reference: String,
    pub(crate) state: String,
}

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Reason {
    pub(crate) kind: String,
    pub(crate) detail: String,
}

impl Case {
    /// Whether a known issue excuses its failure.
    pub(crate) fn is_excused(&self) -> bool {
        self.known_issue
            .as_ref()
            .is_some_and(|known| known.state == "excuses")
    }

    /// Whether the run is red because of it: a failure that nothing excuses, or a known issue that is gone.
    pub(crate) fn is_red(&self) -> bool {
        let is_stale = self
            .known_issue
            .as_ref()
            .is_some_and(|known| known.state == "stale");
        is_stale || !matches!(self.outcome.as_str(), "passed" | "skipped") && !self.is_excused()
    }
}

/// The known issues of upstream, each with its script.
const FINDINGS: &str = "docs/findings/assay.toml";
/// Seconds for one check: what is asked is the verdict, on however slow a machine.
const CHECK_SECONDS: &str = "300";

/// `assay run --all` with these words, its report in a folder of that name. Red or green: whoever asks counts every case.
pub(crate) fn run_all(ready: &Ready, folder: &Path, words: &[&str]) -> Result<PathBuf, Failed> {
    let _ = std::fs::remove_dir_all(folder);
    let _ = Command::new(&ready.assay)
        .current_dir(root())
        .args(["run", "--all"])
        .args(words)
        .args(["--timeout", CHECK_SECONDS, "--config", FINDINGS])
        .arg("--report-dir")
        .arg(folder)
        .env("ASSAY_PYTHON", &ready.python)
        .env("HF_HUB_OFFLINE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{}: {error}", ready.assay.display()))?;
    Ok(folder.join("summary.json"))
}

impl Summary {
    /// That of a whole run.
    pub(crate) fn read(path: &Path) -> Result<Self, Failed> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read(path).map_err(|error| failed(&error))?;
        let summary: Self = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
        if summary.planned == summary.recorded {
            Ok(summary)
        } else {
            Err(failed(&"the run is not whole"))
        }
    }

    /// Day on which it began.
    pub(crate) fn day(&self) -> &str {
        self.started.get(..10).unwrap_or_default()
    }

    /// Version of a Python package.
    pub(crate) fn version(&self, package: &str) -> &str {
        self.environment
            .python
            .packages
            .get(package)
            .map_or("-", String::as_str)
    }
}

#[cfg(test)]
impl Summary {
    /// That of a run of these cases.
    pub(crate) fn of(cases: Vec<Case>) -> Self {
        let environment = Environment {
            cpu: String::new(),
            cpus: 2,
            worker_digest: String::new(),
            python: Python {
                packages: BTreeMap::new(),
            },
        };
        Self {
            started: "2026-11-21T19:02:22Z".into(),
            seed: 1,
            planned: 0,
            recorded: 0,
            wall_seconds: Some(1.0),
            cpu_seconds: 1.0,
            environment,
            cases,
        }
    }
}
