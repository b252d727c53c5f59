use std::path::PathBuf;

use assay_model::{Discovered, Probed};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What discovery and probes found in one environment, one file each, so that a second run starts at once.
///
/// Nothing depends on it: a file that is missing, damaged or can't be written means that the work is done again.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache of the environment that `key` names: a digest of all that could change an answer (interpreter, versions, worker
    /// sources, preloads).
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, key: &str) -> Self {
        Self {
            folder: root.into().join("catalog").join(key),
        }
    }

    /// What discovery found.
    #[must_use]
    pub fn discovered(&self) -> Option<Discovered> {
        self.read("discovered")
    }

    /// Keeps what discovery found.
    pub fn keep_discovered(&self, discovered: &Discovered) {
        self.write("discovered", discovered);
    }

    /// The probe of an architecture.
    #[must_use]
    pub fn probed(&self, name: &str) -> Option<Probed> {
        self.read(&format!("probe-{name}"))
    }

    /// Keeps what a probe answered. What failed is tried again by the case that stands for it, so that a failure is not believed for ever; a
    /// package that is missing may come without changing the key.
    pub fn keep_probed(&self, name: &str, probed: &Probed) {
        if !matches!(probed, Probed::MissingDependency { .. }) {
            self.write(&format!("probe-{name}"), probed);
        }
    }

    /// Seconds that the unit of a subject took when it last ran whole.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<f64> {
        self.read(&format!("seconds-{name}"))
    }

    /// Keeps how long a unit took.
    pub fn keep_seconds(&self, name: &str, seconds: f64) {
        self.write(&format!("seconds-{name}"), &seconds);
    }

    fn path(&self, name: &str) -> PathBuf {
        // Names of architectures are Python identifiers with dashes; anything else must not leave the folder.
        let safe: String = name
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || "-_.:".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        self.folder.join(format!("{safe}.json"))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.path(name)).ok()?).ok()
    }

    /// Atomic (another process may read at the same time); failure is silent because the cache is only an economy.
    fn write<T: Serialize>(&self, name: &str, value: &T) {
        let path = self.path(name);
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.folder)?;
            std::fs::write(&partial, serde_json::to_vec(value)?)?;
            std::fs::rename(&partial, &path)
        };
        if write().is_err() {
            let _ = std::fs::remove_file(&partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_under_its_key_only() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), "a");
        cache.keep_seconds("bert", 1.25);
        assert_eq!(cache.seconds("bert"), Some(1.25));
        assert_eq!(cache.seconds("../bert"), None);
        assert_eq!(Cache::new(root.path(), "b").seconds("bert"), None);
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), "a");
        cache.keep_seconds("bert", 1.25);
        std::fs::write(cache.path("seconds-bert"), "{").unwrap();
        assert_eq!(cache.seconds("bert"), None);
    }

    #[test]
    fn a_missing_package_is_looked_for_again() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path(), "a");
        cache.keep_probed(
            "bert",
            &Probed::MissingDependency {
                package: "timm".into(),
            },
        );
        assert_eq!(cache.probed("bert"), None);
    }
}
