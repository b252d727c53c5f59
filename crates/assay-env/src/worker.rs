use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::variables::PYTHONPATH;

/// The worker's Python sources, carried in the binary so that the two are always of one version.
#[derive(RustEmbed)]
#[folder = "../../python"]
#[include = "assay/*.py"]
#[include = "assay/**/*.py"]
#[include = "assay/**/*.json"]
struct Sources;

/// The worker's sources can't be had.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The cache can't be written.
    #[error("can't unpack the worker's sources into {}: {source}", target.display())]
    CanNotUnpack {
        /// Where they belong.
        target: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `ASSAY_PYTHONPATH` names a folder without them.
    #[error("can't read the worker's sources in {} (ASSAY_PYTHONPATH): {source}", folder.display())]
    Unreadable {
        /// What was named.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl WorkerError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::CanNotUnpack { .. } => "set ASSAY_CACHE_DIR to a folder that can be written",
            Self::Unreadable { .. } => {
                "unset ASSAY_PYTHONPATH, or name the folder that holds `assay/`"
            }
        }
    }
}

/// The worker's sources as a run uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The folder to put on Python's path.
    pub folder: PathBuf,
    /// Digest of the sources, in hex.
    pub digest: String,
}

/// The sources in the folder that `ASSAY_PYTHONPATH` names, or the embedded ones, unpacked into the cache once per version.
///
/// # Errors
/// [`WorkerError`] if the cache can't be written, or the folder that is named can't be read.
pub fn unpack(cache: &Path) -> Result<Worker, WorkerError> {
    match std::env::var_os(PYTHONPATH).filter(|value| !value.is_empty()) {
        Some(folder) => in_folder(folder.into()),
        None => embedded(cache),
    }
}

fn in_folder(folder: PathBuf) -> Result<Worker, WorkerError> {
    match read_sources(&folder.join("assay")) {
        Ok(sources) => Ok(Worker {
            digest: digest(&sources),
            folder,
        }),
        Err(source) => Err(WorkerError::Unreadable { folder, source }),
    }
}

/// Path and content of every source below a folder: Python, and the data that it reads.
fn read_sources(folder: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut sources = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources.append(&mut read_sources(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "py" || extension == "json")
        {
            let content = std::fs::read(&path)?;
            sources.insert(path, content);
        }
    }
    Ok(sources)
}

fn digest(sources: &BTreeMap<PathBuf, Vec<u8>>) -> String {
    let mut digest = Sha256::new();
    for (path, content) in sources {
        digest.update(path.as_os_str().as_encoded_bytes());
        digest.update([0]);
        digest.update(Sha256::digest(content));
    }
    hex(&digest.finalize())[..16].to_owned()
}

fn embedded(cache: &Path) -> Result<Worker, WorkerError> {
    let sources = Sources::iter()
        .filter_map(|name| {
            let content = Sources::get(&name)?.data.into_owned();
            Some((PathBuf::from(name.as_ref()), content))
        })
        .collect();
    let digest = digest(&sources);
    let target = cache.join("worker").join(&digest);
    if !target.exists() {
        let partial = cache
            .join("worker")
            .join(format!(".partial-{}", std::process::id()));
        let write = || {
            for (name, content) in &sources {
                let path = partial.join(name);
                std::fs::create_dir_all(path.parent().unwrap_or(&partial))?;
                std::fs::write(&path, content)?;
            }
            std::fs::rename(&partial, &target)
        };
        if let Err(source) = write() {
            let _ = std::fs::remove_dir_all(&partial);
            // Another process may have been faster.
            if !target.exists() {
                return Err(WorkerError::CanNotUnpack { target, source });
            }
        }
    }
    Ok(Worker {
        folder: target,
        digest,
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_unpacked_whole_and_once() {
        let cache = tempfile::tempdir().unwrap();
        let worker = embedded(cache.path()).unwrap();
        assert!(worker.folder.join("assay/worker/template.py").exists());
        assert!(worker.folder.join("assay/__init__.py").exists());
        assert_eq!(embedded(cache.path()).unwrap(), worker);
    }

    #[test]
    fn a_cache_that_can_not_be_written_is_an_error() {
        let cache = tempfile::tempdir().unwrap();
        std::fs::write(cache.path().join("worker"), "a file").unwrap();
        assert!(embedded(cache.path()).is_err());
    }

    #[test]
    fn sources_that_were_edited_have_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("assay/checks/forward.py");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "x = 1").unwrap();
        let first = in_folder(folder.path().into()).unwrap();
        std::fs::write(&file, "x = 2").unwrap();
        assert_ne!(
            in_folder(folder.path().into()).unwrap().digest,
            first.digest
        );
        assert!(in_folder(folder.path().join("assay/checks/forward.py")).is_err());
    }
}
