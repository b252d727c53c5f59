use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where and with what a run ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fingerprint {
    /// Version of Assay.
    pub assay: String,
    /// Digest of Assay's own Python sources.
    pub worker_digest: String,
    /// Operating system and its version.
    pub system: String,
    /// Kernel release.
    pub kernel: String,
    /// `x86_64`, `aarch64`, …
    pub machine: String,
    /// Model of the processor.
    pub cpu: String,
    /// Number of processors that this process may use.
    pub cpus: u64,
    /// Vector extensions of the processor that change numbers: `avx2`, `avx512f`, `amx_bf16`, …
    pub cpu_features: Vec<String>,
    /// Physical memory in bytes.
    pub memory_bytes: u64,
    /// Commit of the git work tree that the command ran in, with `-dirty` if it has changes.
    pub git_commit: Option<String>,
    /// The Python environment.
    pub python: PythonEnvironment,
    /// The files of `--preload`, in order.
    pub preloads: Vec<Preload>,
}

/// A Python interpreter and what is installed for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonEnvironment {
    /// The interpreter.
    pub executable: PathBuf,
    /// Its version: `3.11.7`.
    pub version: String,
    /// Versions of the packages that matter (`torch`, `transformers`, …), those installed only; with ` (editable)` after it
    /// where the package is a work tree (`pip install -e`), whose version doesn't say what is in it.
    pub packages: BTreeMap<String, String>,
}

impl PythonEnvironment {
    /// Whether the versions say all: no package is a work tree that somebody may have edited since.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.packages
            .values()
            .all(|version| !version.ends_with("(editable)"))
    }
}

/// A file that runs in every worker before a model is imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preload {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
}
