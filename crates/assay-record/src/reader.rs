use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use assay_model::SCHEMA_VERSION;
use assay_model::event::{Entry, Event};

use crate::{CRC_HEAD, CRC_TAIL, Fold, LOG_FILE, Run};

/// A line of a log that can't be used. The others are read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DamageKind {
    /// It has no end: the process died, or the disk was full, while it was written.
    Torn,
    /// Its checksum is not that of its content.
    Checksum,
    /// It is none of ours.
    NotAnEntry(String),
    /// Entries are missing before it.
    Gap {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.kind {
            DamageKind::Torn => f.write_str("it has no end"),
            DamageKind::Checksum => f.write_str("its checksum is wrong"),
            DamageKind::NotAnEntry(why) => write!(f, "it is no entry of a log: {why}"),
            DamageKind::Gap { expected, found } => {
                write!(f, "entry {found} where {expected} was due")
            }
        }
    }
}

/// Why a log can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none, or the system refuses it.
    #[error("can't read the record {}: {source}", path.display())]
    Unreadable {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another version of Assay wrote it.
    #[error("the record {} has version {found} of the schema, this version of Assay reads {SCHEMA_VERSION}", path.display())]
    Version {
        /// The log.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It has no beginning that says what it is.
    #[error("the record {} does not begin as one", path.display())]
    NoHeader {
        /// The log.
        path: PathBuf,
    },
}

/// Reads a log line by line; whatever can't be used is given as damage, and the rest is read.
pub fn read(
    source: impl BufRead,
    mut entry: impl FnMut(Entry),
    mut damage: impl FnMut(Damage),
) -> io::Result<()> {
    let mut source = source;
    let mut line = Vec::new();
    let mut number = 0;
    let mut due = 0;
    loop {
        line.clear();
        if source.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        match parse(&line) {
            Ok(found) => {
                if found.seq != due {
                    damage(Damage {
                        line: number,
                        kind: DamageKind::Gap {
                            expected: due,
                            found: found.seq,
                        },
                    });
                }
                due = found.seq + 1;
                entry(found);
            }
            Err(kind) => {
                damage(Damage { line: number, kind });
                due += 1;
            }
        }
    }
}

fn parse(line: &[u8]) -> Result<Entry, DamageKind> {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err(DamageKind::Torn);
    };
    let not = |why: &str| DamageKind::NotAnEntry(why.into());
    let rest = line
        .strip_prefix(CRC_HEAD.as_bytes())
        .ok_or_else(|| not("it has no checksum"))?;
    let (digits, rest) = rest
        .split_at_checked(8)
        .ok_or_else(|| not("it has no checksum"))?;
    let body = rest
        .strip_prefix(CRC_TAIL.as_bytes())
        .ok_or_else(|| not("it has no checksum"))?;
    if format!("{:08x}", crc32fast::hash(body)).as_bytes() != digits {
        return Err(DamageKind::Checksum);
    }
    // Unknown fields are passed over (`crc` is one): a later version of the same schema may add some.
    serde_json::from_slice(line).map_err(|error| DamageKind::NotAnEntry(error.to_string()))
}

/// Reads and folds the log in a run's folder.
///
/// # Errors
/// [`ReadError`]; damage inside the log is no error, it is in [`Run::damages`].
pub fn read_run(folder: &Path) -> Result<Run, ReadError> {
    let path = folder.join(LOG_FILE);
    let unreadable = |source| ReadError::Unreadable {
        path: path.clone(),
        source,
    };
    let file = File::open(&path).map_err(unreadable)?;
    let mut fold = Fold::default();
    let mut damages = Vec::new();
    let mut version = None;
    read(
        BufReader::new(file),
        |entry| {
            if let Event::RunStarted(header) = &entry.event {
                version.get_or_insert(header.schema);
            }
            fold.apply(&entry.event);
        },
        |damage| damages.push(damage),
    )
    .map_err(unreadable)?;
    match version {
        None => Err(ReadError::NoHeader { path }),
        Some(found) if found != SCHEMA_VERSION => Err(ReadError::Version { path, found }),
        Some(_) => Ok(fold.finish(damages)),
    }
}
