use assay_record::Run;
use duckdb::{Connection, params};

use crate::StoreError;
use crate::ingest::LogFile;

/// Writes the one row of a run in `runs`.
pub(crate) fn write_run(
    connection: &Connection,
    number: i32,
    name: &str,
    log: &LogFile,
    head: &str,
    environment: &str,
    run: &Run,
) -> Result<(), StoreError> {
    let (header, counts) = (&run.header, &run.counts);
    // A header whose time is none keeps its run; the time is left open.
    let started = header
        .started
        .parse::<jiff::Timestamp>()
        .ok()
        .map(|time| time.to_string());
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            number, name, log.path.display().to_string(), log.bytes, log.modified, head, started, run.state(), run.exit_code() as i32,
            environment, header.seed, header.command.join(" "), header.settings.profile, header.settings.filter,
            header.fingerprint.git_commit, run.part.as_ref().map(|part| part.partition.clone()), counts.planned, counts.recorded,
            counts.passed, counts.failed, counts.flaky, counts.skipped, counts.crashed, counts.timed_out, counts.out_of_memory, counts.not_run,
            counts.errored, counts.real, counts.mock, counts.known_issues, run.wall_seconds, run.cpu_seconds,
            i32::try_from(run.damages.len()).unwrap_or(i32::MAX)
        ],
    )?;
    Ok(())
}

/// Takes a run out of every table.
pub(crate) fn remove(connection: &Connection, run: i32) -> Result<(), StoreError> {
    for table in ["cases", "attempts", "samples", "compatibility", "runs"] {
        connection.execute(&format!("DELETE FROM {table} WHERE run = ?"), [run])?;
    }
    Ok(())
}
