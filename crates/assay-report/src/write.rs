use std::io;
use std::path::{Path, PathBuf};

use assay_record::Run;

use crate::{Summary, junit, markdown};

/// Why a report can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The text is none that XML can hold.
    #[error("can't make junit.xml: {0}")]
    Junit(String),
}

/// Writes `report.md`, `junit.xml` and `summary.json` into the run's folder, each whole or not at all.
///
/// # Errors
/// [`ReportError`].
pub fn write_all(folder: &Path, run: &Run) -> Result<(), ReportError> {
    let mut summary =
        serde_json::to_vec_pretty(&Summary::new(run)).map_err(|error| ReportError::Write {
            path: folder.join("summary.json"),
            source: error.into(),
        })?;
    summary.push(b'\n');
    write(folder, "summary.json", &summary)?;
    write(folder, "report.md", markdown(run).as_bytes())?;
    write(folder, "junit.xml", junit(run)?.as_bytes())
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), ReportError> {
    let path = folder.join(name);
    let partial = folder.join(format!(".{name}.partial"));
    std::fs::write(&partial, content)
        .and_then(|()| std::fs::rename(&partial, &path))
        .map_err(|source| ReportError::Write { path, source })
}

/// Points `latest` beside the runs at the newest one.
///
/// # Errors
/// [`ReportError::Write`].
pub fn point_latest(reports: &Path, run: &str) -> Result<(), ReportError> {
    let path = reports.join("latest");
    let partial = reports.join(format!(".latest.{}", std::process::id()));
    let _ = std::fs::remove_file(&partial);
    std::os::unix::fs::symlink(run, &partial)
        .and_then(|()| std::fs::rename(&partial, &path))
        .map_err(|source| ReportError::Write { path, source })
}
