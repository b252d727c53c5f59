//! The event log of a run: the truth, from which everything else is folded.
//!
//! `events.jsonl` in the run's folder holds one JSON object a line, an [`assay_model::event::Entry`] whose first field is a checksum:
//!
//! ```text
//! {"crc":"5c0e41d2","seq":3,"at":0.218,"event":{"kind":"check_started","unit":0,"check":"forward.runs"}}
//! ```
//!
//! `crc` is the CRC-32 (as in zlib) of the bytes that follow `{"crc":"5c0e41d2",` up to the end of the line. So it stays plain
//! JSON Lines, and a torn or flipped line is told from a whole one.
//!
//! **Promise.** Each entry is handed to the kernel with one `write` before anybody is told of it: it survives the death of the
//! process (`kill -9`). It is flushed to the disk when the run ends: a loss of power can cost the end of a running log.

mod fold;
mod reader;
mod writer;

pub use fold::{Fold, Run, UnitFacts};
pub use reader::{
    Damage, DamageKind, EXPORTED, End, ReadError, Wanted, head, log_path, read, read_entries,
    read_run,
};
pub use writer::{LogWriter, RecordError};

/// Name of the log in the run's folder.
pub const LOG_FILE: &str = "events.jsonl";

/// What every line begins with, before eight hexadecimal digits.
const CRC_HEAD: &str = "{\"crc\":\"";

/// What follows the digits.
const CRC_TAIL: &str = "\",";
