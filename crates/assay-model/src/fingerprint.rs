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
    /// Those of platforms that run in one of their own, by the name of the backend.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, PythonEnvironment>,
    /// The files of `--preload`, in order.
    pub preloads: Vec<Preload>,
}

impl Fingerprint {
    /// What differs between two environments in a way that can change a result, in words; empty if results of both belong together.
    /// Paths, the kernel, the amount of memory and the commit of the folder do not count.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, here: &str, there: &str| {
            if here != there {
                found.push(format!("{what} {here} and {there}"));
            }
        };
        compare("assay", &self.assay, &other.assay);
        compare("worker sources", &self.worker_digest, &other.worker_digest);
        compare("machine", &self.machine, &other.machine);
        compare("cpu", &self.cpu, &other.cpu);
        compare(
            "cpu features",
            &self.cpu_features.join(" "),
            &other.cpu_features.join(" "),
        );
        let none = PythonEnvironment::default();
        let pythons = |print: &'_ Self| {
            let own = print.platforms.clone().into_iter();
            BTreeMap::from_iter(std::iter::once((String::new(), print.python.clone())).chain(own))
        };
        let (ours, theirs) = (pythons(self), pythons(other));
        for platform in ours
            .keys()
            .chain(theirs.keys().filter(|its| !ours.contains_key(*its)))
        {
            let of = if platform.is_empty() {
                String::new()
            } else {
                format!("{platform}'s ")
            };
            let (ours, theirs) = (
                ours.get(platform).unwrap_or(&none),
                theirs.get(platform).unwrap_or(&none),
            );
            compare(&format!("{of}python"), ours.said(), theirs.said());
            for name in ours.packages.keys().chain(
                theirs
                    .packages
                    .keys()
                    .filter(|name| !ours.packages.contains_key(*name)),
            ) {
                let version = |python: &PythonEnvironment| {
                    python
                        .packages
                        .get(name)
                        .cloned()
                        .unwrap_or_else(|| "(not installed)".into())
                };
                compare(&format!("{of}{name}"), &version(ours), &version(theirs));
            }
        }
        let digests = |preloads: &[Preload]| {
            preloads
                .iter()
                .map(|preload| preload.sha256.clone())
                .collect::<Vec<_>>()
                .join(" ")
        };
        if digests(&self.preloads) != digests(&other.preloads) {
            found.push("the preloads, or what is in them".into());
        }
        found
    }
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
    /// Its version, or that there is none.
    fn said(&self) -> &str {
        if self.version.is_empty() {
            "(none of its own)"
        } else {
            &self.version
        }
    }

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
