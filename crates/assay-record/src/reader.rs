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

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// Those that a fold reads: not what was observed, which is the bulk of a log. The others are checked against their sums all the same.
    Folded,
}

/// Kinds of events that no fold reads.
const NOT_FOLDED: [&str; 3] = ["check_started", "case_ended", "proven"];

/// Where a log ends.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct End {
    /// Number of the next entry.
    pub next_seq: u64,
    /// When the last entry was written, in seconds of the run; a clock that jumped back makes no run shorter than it was.
    pub last_at: f64,
}

/// Reads a log line by line; whatever can't be used is given as damage, and the rest is read.
///
/// # Errors
/// The source's own.
pub fn read(
    source: impl BufRead,
    wanted: Wanted,
    mut entry: impl FnMut(Entry),
    mut damage: impl FnMut(Damage),
) -> io::Result<End> {
    let mut source = source;
    let mut line = Vec::new();
    let mut number = 0;
    let mut end = End::default();
    loop {
        line.clear();
        if source.read_until(b'\n', &mut line)? == 0 {
            return Ok(end);
        }
        number += 1;
        match parse(&line, wanted) {
            Ok(found) => {
                if found.seq != end.next_seq {
                    damage(Damage {
                        line: number,
                        kind: DamageKind::Gap {
                            expected: end.next_seq,
                            found: found.seq,
                        },
                    });
                }
                end.next_seq = found.seq + 1;
                end.last_at = end.last_at.max(found.at);
                if let Some(event) = found.event {
                    entry(Entry {
                        seq: found.seq,
                        at: found.at,
                        event,
                    });
                }
            }
            Err(kind) => {
                // A line that was never finished is no entry: who takes the log up writes it anew.
                end.next_seq += u64::from(!matches!(kind, DamageKind::Torn { .. }));
                damage(Damage { line: number, kind });
            }
        }
    }
}

/// An entry, without its event if that is not wanted.
struct Parsed {
    seq: u64,
    at: f64,
    event: Option<Event>,
}

fn parse(line: &[u8], wanted: Wanted) -> Result<Parsed, DamageKind> {
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
    if wanted == Wanted::Folded
        && let Some(parsed) = passed_over(body)
    {
        return Ok(parsed);
    }
    // Unknown fields are passed over (`crc` is one): a later version of the same schema may add some.
    let entry: Entry =
        serde_json::from_slice(line).map_err(|error| DamageKind::NotAnEntry(error.to_string()))?;
    Ok(Parsed {
        seq: entry.seq,
        at: entry.at,
        event: Some(entry.event),
    })
}

/// Number and time of an entry that no fold reads, from the head of its line; none if it is another one, or written another way.
fn passed_over(body: &[u8]) -> Option<Parsed> {
    // `"seq":3,"at":0.218,"event":{"kind":"check_started",…`: the writer's own order.
    let head = body.get(..body.len().min(120))?;
    let head = std::str::from_utf8(head).unwrap_or_else(|error| {
        std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
    });
    let (seq, rest) = head.strip_prefix("\"seq\":")?.split_once(",\"at\":")?;
    let (at, rest) = rest.split_once(",\"event\":{\"kind\":\"")?;
    let (kind, _) = rest.split_once('"')?;
    NOT_FOLDED.contains(&kind).then_some(())?;
    Some(Parsed {
        seq: seq.parse().ok()?,
        at: at.parse().ok()?,
        event: None,
    })
}

/// A log that was read whole.
pub(crate) struct Log {
    pub(crate) fold: Fold,
    pub(crate) damages: Vec<Damage>,
    /// Length of a last line that has no end.
    pub(crate) torn_bytes: u64,
    pub(crate) end: End,
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
    wanted: Wanted,
    mut entry: impl FnMut(Entry),
    damage: impl FnMut(Damage),
) -> Result<End, ReadError> {
    let unreadable = |source| ReadError::Unreadable {
        path: path.into(),
        source,
    };
    let mut version = None;
    let mut first = None;
    let mut some = false;
    let end = read(
        open(path).map_err(unreadable)?,
        wanted,
        |found| {
            if let Event::RunStarted(header) = &found.event {
                version.get_or_insert(header.schema);
            }
            some = true;
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
        Some(SCHEMA_VERSION) => Ok(end),
        Some(found) => Err(ReadError::Version {
            path: path.into(),
            found,
        }),
        // A version that changed what a header is says so in a line that this version can't read as an entry. A header that is damaged
        // costs what it says, not the rest.
        None => match version_of_first_line(path) {
            Some(found) if found != SCHEMA_VERSION => Err(ReadError::Version {
                path: path.into(),
                found,
            }),
            _ if first.is_some() && some => Ok(end),
            _ => Err(ReadError::NoHeader {
                path: path.into(),
                first,
            }),
        },
    }
}

/// The first line of a log, as it stands there: what tells one run from any other, and stays the same as long as there is a log.
///
/// # Errors
/// The system's own.
pub fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    open(path)?.take(1 << 20).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// The version that a whole first line claims, whatever else it holds.
fn version_of_first_line(path: &Path) -> Option<u32> {
    let mut line = String::new();
    open(path).ok()?.take(1 << 20).read_line(&mut line).ok()?;
    // A line that is damaged claims nothing.
    let is_whole = !matches!(
        parse(line.as_bytes(), Wanted::All),
        Err(DamageKind::Checksum | DamageKind::Torn { .. })
    );
    let value: serde_json::Value = is_whole.then(|| serde_json::from_str(&line).ok())??;
    value.get("event")?.get("schema")?.as_u64()?.try_into().ok()
}

pub(crate) fn read_log(path: &Path) -> Result<Log, ReadError> {
    let mut fold = Fold::default();
    let mut damages = Vec::new();
    let end = read_entries(
        path,
        Wanted::Folded,
        |entry| fold.apply(&entry.event),
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
        end,
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
