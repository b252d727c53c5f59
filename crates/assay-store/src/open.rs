use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use duckdb::{AccessMode, Config, Connection, params};
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use crate::StoreError;
use crate::identity::rename_heads;
use crate::ingest::{LogFile, ingest, known_logs};
use crate::runs::remove;
use crate::sql::shut_in;

/// Name of the store's file.
pub const STORE_FILE: &str = "store.duckdb";

/// Version of the schema.
pub(crate) const VERSION: i32 = 4;

const SCHEMA: &str = include_str!("schema.sql");
const VIEWS: &str = include_str!("views.sql");

/// How long another command that brings the store up to the logs is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something that the user should know about the store.
pub type Notice = String;

/// The store, brought up to the logs, on a connection that can't write.
pub struct Store {
    pub(crate) connection: Connection,
    /// What the user should know: a run that is not in it, a file that was set aside.
    pub notices: Vec<Notice>,
    /// Shared while it is read.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store in a folder and reads the logs that it doesn't hold yet.
    ///
    /// A file that is damaged is moved aside and made anew. If somebody else holds the file, what it held before is read, and a
    /// notice says which runs are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(folder: &Path, runs: &[PathBuf]) -> Result<Self, StoreError> {
        let path = folder.join(STORE_FILE);
        let logs: Vec<LogFile> = runs.iter().filter_map(|run| LogFile::of(run)).collect();
        // Most of the time nothing is new, and any number may read.
        if let Some(store) = Self::current(folder, &logs)? {
            return Ok(store);
        }
        let mut notices = Vec::new();
        let opened = lock(folder, FlockOperation::NonBlockingLockExclusive).and_then(|lock| {
            let told = match bring_up(&path, &logs) {
                Err(error) if is_damage(&error) => {
                    let aside = set_aside(&path)?;
                    notices.push(format!(
                        "the store was damaged and is made anew from the logs; the old one is {} ({})",
                        aside.display(),
                        error.to_string().lines().next().unwrap_or_default()
                    ));
                    bring_up(&path, &logs)?
                }
                told => told?,
            };
            notices.extend(told);
            Ok(lock)
        });
        let lock = match opened {
            Ok(lock) => lock,
            Err(StoreError::Busy { detail, .. }) if path.is_file() => {
                notices.push(format!(
                    "the store is open elsewhere, so runs since it was last brought up to date are not in it ({detail})"
                ));
                lock(folder, FlockOperation::NonBlockingLockShared)?
            }
            Err(error) => return Err(error),
        };
        // From here on others may read at the same time.
        let _ = flock(&lock, FlockOperation::LockShared);
        Ok(Self {
            connection: read_only(&path)?,
            notices,
            _lock: Some(lock),
        })
    }

    /// The store, if it is whole and holds all of these logs.
    fn current(folder: &Path, logs: &[LogFile]) -> Result<Option<Self>, StoreError> {
        let path = folder.join(STORE_FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let lock = lock(folder, FlockOperation::NonBlockingLockShared)?;
        let look = || -> Result<Option<Connection>, StoreError> {
            let connection = read_only(&path)?;
            let version: i32 =
                connection.query_row("SELECT version FROM meta", [], |row| row.get(0))?;
            let whole = version == VERSION && missing(&connection, logs)?.is_empty();
            Ok(whole.then_some(connection))
        };
        // Whatever is wrong is said, and mended, where it is opened for writing.
        Ok(look().ok().flatten().map(|connection| Self {
            connection,
            notices: Vec::new(),
            _lock: Some(lock),
        }))
    }

    /// A store in memory that holds these runs alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn of_runs(runs: &[PathBuf]) -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        make(&connection)?;
        let logs: Vec<LogFile> = runs.iter().filter_map(|run| LogFile::of(run)).collect();
        let notices = ingest(&mut connection, &logs)?;
        shut_in(&connection)?;
        Ok(Self {
            connection,
            notices,
            _lock: None,
        })
    }
}

/// The logs of which the store holds nothing, or something older.
fn missing(connection: &Connection, logs: &[LogFile]) -> Result<Vec<LogFile>, StoreError> {
    let known = known_logs(connection)?;
    let is_new = |log: &&LogFile| {
        known.get(&log.path.display().to_string()) != Some(&(log.bytes, log.modified))
    };
    Ok(logs.iter().filter(is_new).cloned().collect())
}

fn lock(folder: &Path, how: FlockOperation) -> Result<File, StoreError> {
    let path = folder.join("store.lock");
    let failed = |source| StoreError::File {
        path: path.clone(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    let began = Instant::now();
    while let Err(error) = flock(&file, how) {
        if began.elapsed() > PATIENCE {
            return Err(StoreError::Busy {
                path,
                detail: format!(
                    "another command has it since {} s: {error}",
                    PATIENCE.as_secs()
                ),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(file)
}

/// Opens the file for writing, and makes what is missing in it.
fn writable(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_with(path, AccessMode::ReadWrite)?;
    migrate(&connection, path)?;
    Ok(connection)
}

/// Brings the file up to the logs; what is to be told of them.
fn bring_up(path: &Path, logs: &[LogFile]) -> Result<Vec<Notice>, StoreError> {
    let mut connection = writable(path)?;
    let open = missing(&connection, logs)?;
    let told = ingest(&mut connection, &open)?;
    close(connection)?;
    // What DuckDB finds only when it reads.
    missing(&read_only(path)?, logs)?;
    Ok(told)
}

/// Whether the file is to be made anew. A table of our own that is not there is as bad as a file that can't be read.
fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged(_) => true,
        StoreError::Sql(detail) => {
            detail.contains("Catalog Error") || detail.ends_with("could not be found")
        }
        _ => false,
    }
}

fn read_only(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_with(path, AccessMode::ReadOnly)?;
    shut_in(&connection)?;
    Ok(connection)
}

fn open_with(path: &Path, mode: AccessMode) -> Result<Connection, StoreError> {
    let config = Config::default().access_mode(mode)?;
    Connection::open_with_flags(path, config).map_err(|error| {
        let detail = error.to_string();
        // What DuckDB says when another process has the file, by its words: it has no code for it.
        if detail.contains("Could not set lock") || detail.contains("Conflicting lock") {
            StoreError::Busy {
                path: path.into(),
                detail: detail.lines().next().unwrap_or_default().to_owned(),
            }
        } else if detail.contains("version number") {
            StoreError::Format {
                path: path.into(),
                detail,
            }
        } else {
            error.into()
        }
    })
}

fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let aside = (0..)
        .map(|count: u32| {
            path.with_file_name(format!(
                "{STORE_FILE}.{now}{}.old",
                if count == 0 {
                    String::new()
                } else {
                    format!("-{count}")
                }
            ))
        })
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.with_extension("old"));
    let failed = |source| StoreError::File {
        path: path.into(),
        source,
    };
    std::fs::rename(path, &aside).map_err(failed)?;
    // What was not yet in the file itself goes with it.
    let log = path.with_file_name(format!("{STORE_FILE}.wal"));
    if log.exists() {
        let mut name = aside.clone().into_os_string();
        name.push(".wal");
        std::fs::rename(&log, name).map_err(failed)?;
    }
    Ok(aside)
}

fn make(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(&format!(
        "BEGIN; {SCHEMA} {VIEWS} INSERT INTO meta VALUES ({VERSION}, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)); COMMIT;"
    ))?;
    Ok(())
}

/// The step to version 3. Families come with the next run that says them.
const THIRD: &str = "ALTER TABLE subjects ADD COLUMN family VARCHAR; ALTER TABLE compatibility ADD COLUMN state VARCHAR;
    UPDATE compatibility SET state = CASE WHEN works THEN 'works' ELSE 'fails' END;";

/// The step to version 4: what was asked too little of to be said to work.
const FOURTH: &str = "UPDATE compatibility SET state = 'partly_asked', works = false WHERE state = 'works'
    AND platform NOT IN (SELECT platform FROM platforms WHERE name IN ('cpu', 'remote'))
    AND (SELECT count(DISTINCT k.name) FROM cases c JOIN checks k USING (check_id)
        WHERE c.run = compatibility.run AND c.subject = compatibility.subject AND c.platform = compatibility.platform AND c.outcome = 'passed'
            AND k.name IN ('parity.outputs', 'parity.other_inputs', 'parity.executes')) < 3;";

/// Brings an older schema up to ours, step by step.
fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM duckdb_tables()", [], |row| row.get(0))?;
    if tables == 0 {
        return make(connection);
    }
    let found: i32 = connection.query_row("SELECT version FROM meta", [], |row| row.get(0))?;
    if found == VERSION {
        return Ok(());
    }
    if !(1..VERSION).contains(&found) {
        return Err(StoreError::Version {
            path: path.into(),
            found,
            known: VERSION,
        });
    }
    if found < 2 {
        rename_heads(connection)?;
    }
    let third = if found < 3 { THIRD } else { "" };
    connection.execute_batch(&format!(
        "BEGIN; {third} {FOURTH} {VIEWS} UPDATE meta SET version = {VERSION}; COMMIT;"
    ))?;
    Ok(())
}

fn close(connection: Connection) -> Result<(), StoreError> {
    connection.execute_batch("CHECKPOINT")?;
    connection.close().map_err(|(_, error)| error.into())
}

/// What is in the store.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Version of its schema.
    pub version: i32,
    /// Rows.
    pub runs: u64,
    /// Rows.
    pub cases: u64,
    /// Rows.
    pub attempts: u64,
    /// Rows.
    pub samples: u64,
    /// When the oldest run began.
    pub oldest: Option<String>,
    /// When the newest run began.
    pub newest: Option<String>,
    /// Runs whose log is gone: the store is the only place that holds them.
    pub without_log: u64,
}

/// What is in the store, after it was brought up to the logs.
///
/// # Errors
/// [`StoreError`].
pub fn status(folder: &Path, store: &Store) -> Result<Status, StoreError> {
    let count = |table: &str| {
        store
            .connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
    };
    let mut statement = store.connection.prepare("SELECT log FROM runs")?;
    let logs = statement.query_map([], |row| row.get::<_, String>(0))?;
    let logs: Vec<String> = logs.collect::<Result<_, _>>()?;
    let path = folder.join(STORE_FILE);
    let (oldest, newest) = store.connection.query_row(
        "SELECT strftime(min(started), '%Y-%m-%dT%H:%M:%SZ'), strftime(max(started), '%Y-%m-%dT%H:%M:%SZ') FROM runs",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Status {
        bytes: std::fs::metadata(&path).map_or(0, |found| found.len()),
        path,
        version: VERSION,
        runs: count("runs")?,
        cases: count("cases")?,
        attempts: count("attempts")?,
        samples: count("samples")?,
        oldest,
        newest,
        without_log: logs.iter().filter(|log| !Path::new(log).exists()).count() as u64,
    })
}

/// Makes the store anew from the logs. The old one is kept aside, since it may hold runs whose logs are gone; its new path.
///
/// # Errors
/// [`StoreError`].
pub fn rebuild(folder: &Path, runs: &[PathBuf]) -> Result<(Store, Option<PathBuf>), StoreError> {
    let path = folder.join(STORE_FILE);
    let aside = {
        let _lock = lock(folder, FlockOperation::NonBlockingLockExclusive)?;
        if path.exists() {
            Some(set_aside(&path)?)
        } else {
            None
        }
    };
    Ok((Store::open(folder, runs)?, aside))
}

/// Takes runs that began before a time out of the store; their names. Their logs, if there are any, stay, and the next look reads
/// them again: prune those with `assay runs prune`.
///
/// # Errors
/// [`StoreError`].
pub fn prune(
    folder: &Path,
    before: jiff::Timestamp,
    dry_run: bool,
) -> Result<Vec<String>, StoreError> {
    let path = folder.join(STORE_FILE);
    let _lock = lock(folder, FlockOperation::NonBlockingLockExclusive)?;
    let mut connection = writable(&path)?;
    let old = old_runs(&connection, before)?;
    if !dry_run {
        let transaction = connection.transaction()?;
        for (number, _) in &old {
            remove(&transaction, *number)?;
        }
        transaction.commit()?;
    }
    close(connection)?;
    Ok(old.into_iter().map(|(_, name)| name).collect())
}

fn old_runs(
    connection: &Connection,
    before: jiff::Timestamp,
) -> Result<Vec<(i32, String)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT run, name, log FROM runs WHERE started < CAST(? AS TIMESTAMP) ORDER BY started",
    )?;
    let rows = statement.query_map(params![before.to_string()], |row| {
        Ok((
            row.get::<_, i32>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
        ))
    })?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    Ok(rows
        .into_iter()
        .map(|(number, name, _)| (number, name))
        .collect())
}

/// Writes runs that began before a time into a folder, a Parquet file per table, and takes them out of the store; their names.
///
/// # Errors
/// [`StoreError`]; nothing is taken out unless every file is written.
pub fn archive(
    folder: &Path,
    before: jiff::Timestamp,
    target: &Path,
) -> Result<Vec<String>, StoreError> {
    let path = folder.join(STORE_FILE);
    let _lock = lock(folder, FlockOperation::NonBlockingLockExclusive)?;
    let mut connection = writable(&path)?;
    let old = old_runs(&connection, before)?;
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |source| StoreError::File {
        path: target.into(),
        source,
    };
    std::fs::create_dir(target).map_err(failed)?;
    let numbers = old
        .iter()
        .map(|(number, _)| number.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    for (table, of_runs) in [
        ("runs", true),
        ("cases", true),
        ("attempts", true),
        ("samples", true),
        ("compatibility", true),
        ("environments", false),
        ("subjects", false),
        ("platforms", false),
        ("checks", false),
    ] {
        let rows = if of_runs {
            format!(" WHERE run IN ({numbers})")
        } else {
            String::new()
        };
        let file = File::create_new(target.join(format!("{table}.parquet"))).map_err(failed)?;
        crate::sql::write_parquet(&connection, &format!("SELECT * FROM {table}{rows}"), file)?;
    }
    let transaction = connection.transaction()?;
    for (number, _) in &old {
        remove(&transaction, *number)?;
    }
    transaction.commit()?;
    close(connection)?;
    Ok(old.into_iter().map(|(_, name)| name).collect())
}
