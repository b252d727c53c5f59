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
struct Sources;

/// The sources can't be unpacked.
#[derive(Debug, thiserror::Error)]
#[error("can't unpack the worker's sources into {}: {source}", path.display())]
pub struct WorkerError {
    path: PathBuf,
    source: io::Error,
}

/// Digest of the embedded sources, in hex.
#[must_use]
pub fn worker_digest() -> String {
    let mut names: Vec<_> = Sources::iter().collect();
    names.sort();
    let mut digest = Sha256::new();
    for name in names {
        if let Some(file) = Sources::get(&name) {
            digest.update(name.as_bytes());
            digest.update([0]);
            digest.update(file.metadata.sha256_hash());
        }
    }
    hex(&digest.finalize())[..16].to_owned()
}

/// The folder to put on Python's path: the one that `ASSAY_PYTHONPATH` names, or the embedded sources, unpacked into the cache
/// once per version.
///
/// # Errors
/// [`WorkerError`] if the cache can't be written.
pub fn unpack(cache: &Path) -> Result<PathBuf, WorkerError> {
    if let Some(folder) = std::env::var_os(PYTHONPATH).filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    let target = cache.join("worker").join(worker_digest());
    let failed = |source| WorkerError {
        path: target.clone(),
        source,
    };
    if !target.exists() {
        let partial = cache
            .join("worker")
            .join(format!(".partial-{}", std::process::id()));
        for name in Sources::iter() {
            let Some(file) = Sources::get(&name) else {
                continue;
            };
            let path = partial.join(name.as_ref());
            std::fs::create_dir_all(path.parent().unwrap_or(&partial)).map_err(failed)?;
            std::fs::write(&path, &file.data).map_err(failed)?;
        }
        if let Err(error) = std::fs::rename(&partial, &target) {
            let _ = std::fs::remove_dir_all(&partial);
            // Another process may have been faster.
            if !target.exists() {
                return Err(failed(error));
            }
        }
    }
    Ok(target)
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
        let folder = unpack(cache.path()).unwrap();
        assert!(folder.join("assay/worker/template.py").exists());
        assert!(folder.join("assay/__init__.py").exists());
        assert_eq!(unpack(cache.path()).unwrap(), folder);
    }

    #[test]
    fn a_cache_that_can_not_be_written_is_an_error() {
        let cache = tempfile::tempdir().unwrap();
        std::fs::write(cache.path().join("worker"), "a file").unwrap();
        assert!(unpack(cache.path()).is_err());
    }
}
