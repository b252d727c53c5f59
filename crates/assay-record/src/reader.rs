use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
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
    Torn {
        /// Its length.
        bytes: u64,
    },
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
            DamageKind::Torn { .. } => f.write_str("it has no end"),
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
    #[error("the record {} does not begin as one: {}", path.display(), first.as_ref().map_or_else(|| "it is empty, or its header is missing".to_owned(), ToString::to_string))]
    NoHeader {
        /// The log.
        path: PathBuf,
        /// What is wrong with its first line.
        first: Option<Damage>,
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
        return Err(DamageKind::Torn {
            bytes: line.len() as u64,
        });
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

/// A log that was read whole.
pub(crate) struct Log {
    pub(crate) fold: Fold,
    pub(crate) damages: Vec<Damage>,
    /// Length of a last line that has no end.
    pub(crate) torn_bytes: u64,
    /// Number of the next entry.
    pub(crate) next_seq: u64,
    /// When the last entry was written, in seconds of the run.
    pub(crate) last_at: f64,
}

/// Ending of a run that `assay runs export` put into one file: the log, compressed with gzip.
pub const EXPORTED: &str = ".assay.gz";

/// Opens a log, as it is or exported.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let file = File::open(path)?;
    if path.to_string_lossy().ends_with(EXPORTED) {
        let whole = flate2::bufread::MultiGzDecoder::new(BufReader::new(file));
        return Ok(Box::new(BufReader::new(whole)));
    }
    Ok(Box::new(BufReader::new(file)))
}

/// Every entry and every damage of a log, in order.
///
/// # Errors
/// [`ReadError`]: no log of a version that is known.
pub fn read_entries(
    path: &Path,
    mut entry: impl FnMut(Entry),
    damage: impl FnMut(Damage),
) -> Result<(), ReadError> {
    let unreadable = |source| ReadError::Unreadable {
        path: path.into(),
        source,
    };
    let mut version = None;
    let mut first = None;
    read(
        open(path).map_err(unreadable)?,
        |found| {
            if let Event::RunStarted(header) = &found.event {
                version.get_or_insert(header.schema);
            }
            entry(found);
        },
        {
            let mut damage = damage;
            let first = &mut first;
            move |found: Damage| {
                if found.line == 1 {
                    *first = Some(found.clone());
                }
                damage(found);
            }
        },
    )
    .map_err(unreadable)?;
    match version {
        Some(SCHEMA_VERSION) => Ok(()),
        Some(found) => Err(ReadError::Version {
            path: path.into(),
            found,
        }),
        // A version that changed what a header is says so in a line that this version can't read as an entry.
        None => Err(match version_of_first_line(path) {
            Some(found) if found != SCHEMA_VERSION => ReadError::Version {
                path: path.into(),
                found,
            },
            _ => ReadError::NoHeader {
                path: path.into(),
                first,
            },
        }),
    }
}

/// The version that the first line claims, whatever else it holds.
fn version_of_first_line(path: &Path) -> Option<u32> {
    let mut line = String::new();
    open(path).ok()?.take(1 << 20).read_line(&mut line).ok()?;
    let value: serde_json::Value = serde_json::from_str(&line).ok()?;
    value.get("event")?.get("schema")?.as_u64()?.try_into().ok()
}

pub(crate) fn read_log(path: &Path) -> Result<Log, ReadError> {
    let mut fold = Fold::default();
    let mut damages = Vec::new();
    let (mut next_seq, mut last_at) = (0, 0.0_f64);
    read_entries(
        path,
        |entry| {
            next_seq = entry.seq + 1;
            // A clock that jumped back must not make a run shorter than it was.
            last_at = last_at.max(entry.at);
            fold.apply(&entry.event);
        },
        |damage| damages.push(damage),
    )?;
    let torn_bytes = match damages.last() {
        Some(Damage {
            kind: DamageKind::Torn { bytes },
            ..
        }) => *bytes,
        _ => 0,
    };
    Ok(Log {
        fold,
        damages,
        torn_bytes,
        next_seq,
        last_at,
    })
}

/// The log of a run: in its folder, or the file itself.
#[must_use]
pub fn log_path(run: &Path) -> PathBuf {
    if run.is_dir() {
        run.join(LOG_FILE)
    } else {
        run.into()
    }
}

/// Reads and folds the log in a run's folder, or a log file.
///
/// # Errors
/// [`ReadError`]; damage inside the log is no error, it is in [`Run::damages`].
pub fn read_run(run: &Path) -> Result<Run, ReadError> {
    let path = log_path(run);
    // Asked first: a run that ends while its log is read is shown as it was before.
    let running = is_locked(&path);
    let log = read_log(&path)?;
    let mut run = log.fold.finish(log.damages);
    run.running = running && !run.finished;
    if run.running {
        // The end of a line that is being written is no damage.
        run.damages
            .retain(|damage| !matches!(damage.kind, DamageKind::Torn { .. }));
    }
    Ok(run)
}

fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared).is_err()
}
