use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Why a task ends: in words, for a person.
pub(crate) type Failed = String;

/// Runs a command quietly as a named step: a line with its time, and what it said if it fails.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<(), Failed> {
    let began = Instant::now();
    eprint!("{name} … ");
    let _ = std::io::stderr().flush();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        eprintln!("ok, {:.1} s", began.elapsed().as_secs_f64());
        return Ok(());
    }
    eprintln!("failed, {:.1} s", began.elapsed().as_secs_f64());
    let _ = std::io::stderr().write_all(&output.stdout);
    let _ = std::io::stderr().write_all(&output.stderr);
    Err(format!("{name} failed"))
}

/// Runs a command that speaks for itself.
pub(crate) fn loud(name: &str, command: &mut Command) -> Result<(), Failed> {
    let began = Instant::now();
    eprintln!("{name}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    eprintln!(
        "{name}: {}, {:.1} s",
        if status.success() { "ok" } else { "failed" },
        began.elapsed().as_secs_f64()
    );
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} failed"))
    }
}
