use std::process::ExitCode;

use crate::setup::{cargo, ready};
use crate::step::Failed;

/// `cargo xtask bench runner`: the example of `assay-runner` does the work.
pub(crate) fn runner() -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let status = cargo()
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "assay-runner",
            "--example",
            "bench",
        ])
        .env("ASSAY_PYTHON", &ready.python)
        .status()
        .map_err(|error| error.to_string())?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
