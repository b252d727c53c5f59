use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use assay_record::{Run, log_path, read_run};
use duckdb::Connection;

use crate::StoreError;
use crate::cases::write_cases;
use crate::environment::write_environment;
use crate::identity::{Identity, head_of, identify};
use crate::names::Names;
use crate::numbers::next_run;
use crate::runs::write_run;
use crate::units::write_units;

/// Where a run's log is, and what it looked like when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: i64,
}

impl LogFile {
    pub(crate) fn of(run: &Path) -> Option<Self> {
        let path = log_path(run);
        let metadata = std::fs::metadata(&path).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            name: run.file_name()?.to_string_lossy().into_owned(),
            path: std::path::absolute(&path).unwrap_or(path),
            bytes: metadata.len(),
            modified: i64::try_from(modified.as_nanos()).unwrap_or(i64::MAX),
        })
    }
}

/// What the store holds of each log.
pub(crate) fn known_logs(
    connection: &Connection,
) -> Result<HashMap<String, (u64, i64)>, StoreError> {
    let mut statement = connection
        .prepare("SELECT log, log_bytes, log_modified FROM runs WHERE state <> 'running'")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Reads logs into the store, each in a transaction of its own; what is to be told of them.
pub(crate) fn ingest(
    connection: &mut Connection,
    logs: &[LogFile],
) -> Result<Vec<String>, StoreError> {
    let mut told = Vec::new();
    let mut names = Names::read(connection)?;
    for log in logs {
        match read_run(&log.path) {
            Ok(run) => told.extend(one(connection, &mut names, log, &run)?),
            // A log that can't be read stays where it is; the next look tries again.
            Err(error) => told.push(format!("{} is not in the store: {error}", log.name)),
        }
    }
    Ok(told)
}

fn one(
    connection: &mut Connection,
    names: &mut Names,
    log: &LogFile,
    run: &Run,
) -> Result<Option<String>, StoreError> {
    let head = match head_of(&log.path) {
        Ok(head) => head,
        Err(error) => return Ok(Some(format!("{} is not in the store: {error}", log.name))),
    };
    let transaction = connection.transaction()?;
    let told = match identify(&transaction, log, &head, run)? {
        Identity::Held { told } => Some(told),
        Identity::Named { name, told } => {
            let number = next_run(&transaction)?;
            let environment = write_environment(&transaction, run)?;
            write_run(&transaction, number, &name, log, &head, &environment, run)?;
            write_cases(&transaction, names, number, run)?;
            names.write_new(&transaction, run)?;
            write_units(&transaction, names, number, run)?;
            told
        }
    };
    transaction.commit()?;
    Ok(told)
}
