use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

/// Why a task ends: in words, for a person.
pub(crate) type Failed = String;

/// This program, as it was named when it started (`main` asks): nextest builds it anew under its name, and from then on the system's
/// word for a running program is a file that is gone.
pub(crate) static OWN: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::current_exe().expect("a running program has a path"));

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
