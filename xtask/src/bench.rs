use std::process::{Command, ExitCode};

use crate::setup::{cargo, ready};
use crate::step::Failed;

/// `cargo xtask bench NAME`: the example `bench` of a crate does the work.
pub(crate) fn bench(package: &str) -> Result<ExitCode, Failed> {
    let ready = ready()?;
    run(cargo().env("ASSAY_PYTHON", &ready.python), package, &[])
}

/// The same for a crate that needs no Python; of its parts those that are named, or all.
pub(crate) fn without_python(package: &str, parts: &[&str]) -> Result<ExitCode, Failed> {
    run(&mut cargo(), package, parts)
}

fn run(cargo: &mut Command, package: &str, parts: &[&str]) -> Result<ExitCode, Failed> {
    let status = cargo
        .args(["run", "--quiet", "--release", "--package", package])
        .args(["--example", "bench", "--"])
        .args(parts)
        .status()
        .map_err(|error| error.to_string())?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
