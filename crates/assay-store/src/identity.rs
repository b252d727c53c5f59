use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use assay_record::{Run, head};
use duckdb::{Connection, params};

use crate::StoreError;
use crate::digest::digest;
use crate::ingest::LogFile;
use crate::runs::remove;

/// Which run of the store a log is.
pub(crate) enum Identity {
    /// The store has all that can be had of it.
    Held {
        /// What is to be told of it.
        told: String,
    },
    /// To be written under a name that no other run has.
    Named {
        /// The name.
        name: String,
        /// What is to be told of it.
        told: Option<String>,
    },
}

/// The identity of a log: its first line names the run, its time, nonce and place, and never changes: not by being taken up again,
/// nor by being moved.
pub(crate) fn head_of(log: &Path) -> io::Result<String> {
    head(log).map(|line| digest(&[&line]))
}

/// Finds the run that a log is, and makes room: what is read anew, and what another log took the place of, is taken out.
pub(crate) fn identify(
    connection: &Connection,
    log: &LogFile,
    head: &str,
    run: &Run,
) -> Result<Identity, StoreError> {
    let path = log.path.display().to_string();
    let mut of_one_run = all_held(connection, "log_head", head)?;
    // The one that was here before, if there are several.
    of_one_run.sort_by_key(|held| held.log != path);
    if let Some(held) = of_one_run.into_iter().next() {
        match compare(log, head, &held) {
            Relation::Less { is_copy } => {
                let how = if is_copy { "a copy" } else { "an older copy" };
                return Ok(Identity::Held {
                    told: format!(
                        "{path} is {how} of {}, which is in the store already",
                        held.name
                    ),
                });
            }
            Relation::More => {
                remove(connection, held.run)?;
                return Ok(Identity::Named {
                    name: held.name,
                    told: None,
                });
            }
            Relation::Other => {}
        }
    } else if let Some(held) = all_held(connection, "log", &path)?.pop() {
        if run.header.run.is_empty() {
            connection.execute(
                "UPDATE runs SET log_bytes = ?, log_modified = ? WHERE run = ?",
                params![log.bytes, log.modified, held.run],
            )?;
            return Ok(Identity::Held {
                told: format!(
                    "the record {path} was damaged after it was read; the store keeps what it said before as {}",
                    held.name
                ),
            });
        }
        // Another run took its place: the older one is in the store alone from now on.
        connection.execute("UPDATE runs SET log = '' WHERE run = ?", [held.run])?;
    }
    name(connection, log, head, run)
}

/// How a log stands to one of the same head that the store holds.
enum Relation {
    /// It says nothing that the other doesn't.
    Less { is_copy: bool },
    /// The other one, read anew: it grew, it was moved, or it is a copy that was taken up again and goes on where the other ends.
    More,
    /// Two that were taken up on their own are two.
    Other,
}

fn compare(log: &LogFile, head: &str, held: &Held) -> Relation {
    let (path, other) = (log.path.as_path(), Path::new(&held.log));
    let is_copy = log.path.display().to_string() != held.log
        && head_of(other).is_ok_and(|other| other == head);
    let is_less = log.bytes < held.bytes || (is_copy && log.bytes == held.bytes);
    if is_less {
        // A shorter one that is no beginning of the other was taken up on its own, too.
        if !is_copy || begins_with(other, path).unwrap_or(true) {
            return Relation::Less { is_copy };
        }
    } else if !is_copy || begins_with(path, other).unwrap_or(false) {
        return Relation::More;
    }
    Relation::Other
}

/// Whether a log goes on where another one ends.
fn begins_with(log: &Path, other: &Path) -> io::Result<bool> {
    let mut log = BufReader::new(File::open(log)?);
    let mut other = BufReader::new(File::open(other)?);
    loop {
        let (ours, theirs) = (log.fill_buf()?, other.fill_buf()?);
        if theirs.is_empty() {
            return Ok(true);
        }
        let count = ours.len().min(theirs.len());
        if count == 0 || ours[..count] != theirs[..count] {
            return Ok(false);
        }
        log.consume(count);
        other.consume(count);
    }
}

/// The name of a run that is new to the store: its own, marked by its head if another has that.
fn name(
    connection: &Connection,
    log: &LogFile,
    head: &str,
    run: &Run,
) -> Result<Identity, StoreError> {
    // A header that can't be read names nothing; the folder does.
    let own = if run.header.run.is_empty() {
        &log.name
    } else {
        &run.header.run
    };
    let is_taken =
        |name: &str| Ok::<_, StoreError>(!all_held(connection, "name", name)?.is_empty());
    if !is_taken(own)? {
        return Ok(Identity::Named {
            name: own.clone(),
            told: None,
        });
    }
    let tag: String = head.chars().take(8).collect();
    let mut name = format!("{own}~{tag}");
    // Two ends of one run have one head.
    for count in 2.. {
        if !is_taken(&name)? {
            break;
        }
        name = format!("{own}~{tag}-{count}");
    }
    let path = log.path.display();
    let told = format!("two runs are named {own}: {path} is {name} in the store");
    Ok(Identity::Named {
        name,
        told: Some(told),
    })
}

/// Makes the identity of runs anew that an earlier version told apart by other means (schema version 1).
pub(crate) fn rename_heads(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT run, log FROM runs")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i32>(0)?, row.get::<_, String>(1)?))
    })?;
    for (run, log) in rows.collect::<Result<Vec<_>, _>>()? {
        // A run whose log is gone keeps what it has: nothing can come that is the same.
        if let Ok(head) = head_of(Path::new(&log)) {
            connection.execute(
                "UPDATE runs SET log_head = ? WHERE run = ?",
                params![head, run],
            )?;
        }
    }
    Ok(())
}

/// What the store has of a run.
struct Held {
    run: i32,
    name: String,
    log: String,
    bytes: u64,
}

fn all_held(connection: &Connection, column: &str, value: &str) -> Result<Vec<Held>, StoreError> {
    let mut statement = connection.prepare(&format!(
        "SELECT run, name, log, log_bytes FROM runs WHERE {column} = ?"
    ))?;
    let rows = statement.query_map([value], |row| {
        Ok(Held {
            run: row.get(0)?,
            name: row.get(1)?,
            log: row.get(2)?,
            bytes: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
