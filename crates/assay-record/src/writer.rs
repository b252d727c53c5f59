use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use assay_model::event::Event;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use crate::reader::read_log;
use crate::{CRC_HEAD, CRC_TAIL, Fold, LOG_FILE, ReadError};

/// Why the record can't be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The run's folder or its log can't be made.
    #[error("can't make the record {}: {source}", path.display())]
    Create {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a log already.
    #[error("there is a record in {} already", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Somebody else writes to it.
    #[error("the run in {} is still going on", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// It can't be taken up again, because it can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An entry can't be written.
    #[error("can't write to the record {}: {source}; what was recorded before is whole", path.display())]
    Write {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Appends to the log of one run. Holds an advisory lock on it.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    path: PathBuf,
    began: Instant,
    /// Seconds of the run before `began`.
    before: f64,
    seq: u64,
    length: u64,
}

#[derive(Serialize)]
struct EntryRef<'a> {
    seq: u64,
    at: f64,
    event: &'a Event,
}

impl LogWriter {
    /// Makes the run's folder and an empty log in it.
    ///
    /// # Errors
    /// [`RecordError::Exists`] if the folder holds a log already: a record is never overwritten. [`RecordError::Create`].
    pub fn create(folder: &Path) -> Result<Self, RecordError> {
        let path = folder.join(LOG_FILE);
        let failed = |source| RecordError::Create {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = match OpenOptions::new().append(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(RecordError::Exists {
                    path: folder.into(),
                });
            }
            opened => opened.map_err(failed)?,
        };
        // Only somebody who looks whether the run goes on can have it, for a moment.
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        Ok(Self {
            file,
            path,
            began: Instant::now(),
            before: 0.0,
            seq: 0,
            length: 0,
        })
    }

    /// Takes up the log of a run that was interrupted, to append to it: the writer, what the log says so far, and the number of bytes of
    /// a torn last line that were taken away. Other damage stays, and the run stays red for it.
    ///
    /// # Errors
    /// [`RecordError::Busy`] if the run still goes on, [`RecordError::Read`], [`RecordError::Write`].
    pub fn resume(folder: &Path) -> Result<(Self, Fold, u64), RecordError> {
        let path = folder.join(LOG_FILE);
        let failed = |source| RecordError::Write {
            path: path.clone(),
            source,
        };
        let unreadable = |source| {
            RecordError::Read(ReadError::Unreadable {
                path: path.clone(),
                source,
            })
        };
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(&path)
            .map_err(unreadable)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(RecordError::Busy {
                path: folder.into(),
            });
        }
        let log = read_log(&path)?;
        let length = file.metadata().map_err(failed)?.len();
        file.set_len(length - log.torn_bytes).map_err(failed)?;
        let writer = Self {
            file,
            path,
            began: Instant::now(),
            before: log.end.last_at,
            seq: log.end.next_seq,
            length: length - log.torn_bytes,
        };
        Ok((writer, log.fold, log.torn_bytes))
    }

    /// Seconds since the run began, without the time between an interruption and its resumption.
    #[must_use]
    pub fn elapsed(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    /// Appends one event; its number.
    ///
    /// # Errors
    /// [`RecordError::Write`], on a full disk say: then a line that was begun is taken back, so that the log stays whole.
    pub fn append(&mut self, event: &Event) -> Result<u64, RecordError> {
        let entry = EntryRef {
            seq: self.seq,
            at: self.elapsed(),
            event,
        };
        let failed = |source| RecordError::Write {
            path: self.path.clone(),
            source,
        };
        let body = serde_json::to_string(&entry).map_err(|error| failed(error.into()))?;
        let body = body.strip_prefix('{').unwrap_or_default();
        let line = format!(
            "{CRC_HEAD}{:08x}{CRC_TAIL}{body}\n",
            crc32fast::hash(body.as_bytes())
        );
        if let Err(source) = self.file.write_all(line.as_bytes()) {
            let _ = self.file.set_len(self.length);
            return Err(failed(source));
        }
        self.length += line.len() as u64;
        self.seq += 1;
        Ok(self.seq - 1)
    }

    /// Flushes the log to the disk and closes it.
    ///
    /// # Errors
    /// [`RecordError::Write`] if the disk refuses.
    pub fn finish(self) -> Result<(), RecordError> {
        self.file.sync_all().map_err(|source| RecordError::Write {
            path: self.path.clone(),
            source,
        })
    }
}
