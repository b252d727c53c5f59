use std::process::ExitCode;

use crate::setup::{cargo, ready};
use crate::step::Failed;

/// `cargo xtask bench NAME`: the example `bench` of a crate does the work.
pub(crate) fn bench(package: &str) -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let status = cargo()
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            package,
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
