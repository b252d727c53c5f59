use std::io;
use std::path::PathBuf;

/// What went wrong with the store. The runs' own records are never touched by it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of it can't be made, read or moved.
    #[error("the store {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else has it open for writing and did not let go.
    #[error("the store {} is in use: {detail}", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// What DuckDB says.
        detail: String,
    },
    /// Another version of Assay wrote it.
    #[error("the store {} has version {found}, this version of Assay knows {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// Ours.
        known: i32,
    },
    /// Its content is not what DuckDB wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A DuckDB of another version wrote it, in a format of its own.
    #[error("the store {} can't be read by this version of DuckDB: {detail}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What DuckDB says.
        detail: String,
    },
    /// There is no run of that name in it.
    #[error("there is no run `{name}` in the store")]
    UnknownRun {
        /// As given.
        name: String,
    },
    /// A query took too long.
    #[error("the query was stopped after {seconds} s")]
    Timeout {
        /// How long it may take.
        seconds: f64,
    },
    /// DuckDB refuses a statement.
    #[error("{0}")]
    Sql(String),
    /// What the query gave can't be written.
    #[error("the result can't be written: {0}")]
    Output(String),
}

impl StoreError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "the runs themselves are whole: `assay report RUN` shows each",
            Self::Busy { .. } => {
                "close what has it open; the runs themselves are whole: `assay report RUN` shows each"
            }
            Self::Damaged(_) => {
                "`assay store rebuild` makes it anew from the runs' own records, and keeps the old one aside"
            }
            Self::Version { .. } | Self::Format { .. } => {
                "use the Assay that wrote it, or `assay store rebuild`, which keeps the old one aside"
            }
            Self::UnknownRun { .. } => "`assay runs list` shows them",
            Self::Timeout { .. } => "give it more time with --timeout, or ask for less",
            Self::Sql(_) => "`assay sql` reads; docs/reference/store.md shows the tables",
            Self::Output(_) => "",
        }
    }
}

impl From<duckdb::Error> for StoreError {
    fn from(error: duckdb::Error) -> Self {
        let detail = error.to_string().trim().to_owned();
        if is_damage(&detail) {
            Self::Damaged(detail)
        } else {
            Self::Sql(detail)
        }
    }
}

/// Whether an error of DuckDB means that the file's content is not what it wrote. It has no code for it, only words. Anything else (no space,
/// no permission) is no reason to set a file aside.
fn is_damage(detail: &str) -> bool {
    let detail = detail.to_lowercase();
    [
        "not a valid duckdb database",
        "corrupt",
        "checksum",
        "serialization error",
        "failed to deserialize",
        "could not read enough bytes",
        "internal error",
    ]
    .iter()
    .any(|words| detail.contains(words))
        // DuckDB wraps these in words of damage: the file is sound, the machine is not.
        && ![
            "no space left",
            "permission denied",
            "out of memory",
            "could not write",
            "too many open files",
            "input/output error",
        ]
        .iter()
        .any(|words| detail.contains(words))
}
