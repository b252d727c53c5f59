use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_model::{PythonEnvironment, Subject};
use sha2::{Digest, Sha256};

use crate::variables::HF_HUB_OFFLINE;

/// Fetches a checkpoint through `huggingface_hub`'s own cache, without weights in pickle form, and prints its folder.
const FETCH: &str = "import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], allow_patterns=['*.json', '*.txt', '*.safetensors', '*.model', '1_Pooling/*'] + sys.argv[2:]))";

/// Endings of files that can run any code when they are loaded.
const PICKLE: [&str; 5] = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

/// Endings of the other files that a library reads of a checkpoint.
const READ: [&str; 6] = [".json", ".txt", ".safetensors", ".model", ".py", ".jinja"];

/// Why a checkpoint is not tested.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// No such folder.
    #[error("there is no folder {}", path.display())]
    NoFolder {
        /// What was named.
        path: PathBuf,
    },
    /// The folder is not a checkpoint.
    #[error("{} is no checkpoint: {detail}", path.display())]
    NotACheckpoint {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Its weights are pickles, which can run any code when they are loaded.
    #[error("{} holds its weights as pickle only, which can run any code when it is loaded", path.display())]
    Pickle {
        /// What was named.
        path: PathBuf,
    },
    /// It wants to run code that it brings along.
    #[error("{} needs code that it brings along", path.display())]
    RemoteCode {
        /// What was named.
        path: PathBuf,
    },
    /// It is not in the cache, and the network is not to be used.
    #[error("{id} is not in the cache of huggingface_hub, and HF_HUB_OFFLINE is set")]
    Offline {
        /// The hub id.
        id: String,
    },
    /// It can't be fetched.
    #[error("{id} can't be fetched: {detail}")]
    Fetch {
        /// The hub id.
        id: String,
        /// The library's own words.
        detail: String,
    },
}

impl CheckpointError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoFolder { .. } => {
                "a folder is written ./name, an architecture name, a hub id organisation/name"
            }
            Self::NotACheckpoint { .. } => {
                "a checkpoint is a folder as `save_pretrained` writes it: config.json and weights"
            }
            Self::Pickle { .. } => {
                "convert them to safetensors, or allow it with --allow-pickle if you trust their source"
            }
            Self::RemoteCode { .. } => {
                "read that code, and allow it with --trust-remote-code if you trust it"
            }
            Self::Offline { .. } => "unset HF_HUB_OFFLINE to fetch it, or name a folder",
            Self::Fetch { .. } => "check the id and the network; a folder can be named instead",
        }
    }
}

/// The checkpoint in a folder as a subject, if it may be loaded. Nothing of it is executed here.
///
/// # Errors
/// [`CheckpointError`].
pub fn inspect_checkpoint(
    name: &str,
    path: &Path,
    trust_remote_code: bool,
    allow_pickle: bool,
) -> Result<Subject, CheckpointError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let not = |detail: String| CheckpointError::NotACheckpoint {
        path: path.clone(),
        detail,
    };
    if !path.is_dir() {
        return Err(CheckpointError::NoFolder { path });
    }
    let text = std::fs::read(path.join("config.json"))
        .map_err(|error| not(format!("config.json: {error}")))?;
    let config: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| not(format!("config.json is not JSON: {error}")))?;
    if config.get("auto_map").is_some() && !trust_remote_code {
        return Err(CheckpointError::RemoteCode { path });
    }
    if !config
        .get("model_type")
        .is_some_and(serde_json::Value::is_string)
    {
        return Err(not("config.json names no model_type".into()));
    }
    let files = std::fs::read_dir(&path).map_err(|error| not(error.to_string()))?;
    let names: Vec<String> = files
        .flatten()
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    let safe = names.iter().any(|name| name.ends_with(".safetensors"));
    let pickle = names
        .iter()
        .any(|name| PICKLE.iter().any(|ending| name.ends_with(ending)) && name.contains("model"));
    match (safe, pickle) {
        (false, true) if !allow_pickle => Err(CheckpointError::Pickle { path }),
        (false, false) => Err(not("it holds no weights".into())),
        _ => Ok(Subject::Checkpoint {
            name: name.into(),
            sha256: digest(&path, allow_pickle).map_err(|error| not(error.to_string()))?,
            path,
            trust_remote_code,
            allow_pickle,
        }),
    }
}

/// SHA-256 of what a library may read of a checkpoint: names and contents of its files in the formats of configurations, tokenizers and
/// weights, in folders, too. Other files (a readme, weights for other frameworks) don't count.
fn digest(root: &Path, allow_pickle: bool) -> io::Result<String> {
    let counts = |name: &str| {
        READ.iter().any(|ending| name.ends_with(ending))
            || (allow_pickle && PICKLE.iter().any(|ending| name.ends_with(ending)))
    };
    let mut digest = Sha256::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let mut paths = std::fs::read_dir(&folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<PathBuf>>>()?;
        paths.sort();
        for path in paths {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            // Caches keep links to files; a link to a folder might lead around in a circle.
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.is_file() && counts(&name) {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                digest.update(relative.to_string_lossy().as_bytes());
                digest.update([0]);
                digest.update(std::fs::metadata(&path)?.len().to_le_bytes());
                let mut file = BufReader::with_capacity(1 << 20, File::open(&path)?);
                loop {
                    let bytes = file.fill_buf()?;
                    if bytes.is_empty() {
                        break;
                    }
                    digest.update(bytes);
                    let count = bytes.len();
                    file.consume(count);
                }
            }
        }
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The folder of a hub id in `huggingface_hub`'s own cache, fetched if need be and if the network may be used.
///
/// # Errors
/// [`CheckpointError::Offline`] and [`CheckpointError::Fetch`].
pub fn folder_of_hub_id(
    id: &str,
    python: &PythonEnvironment,
    allow_pickle: bool,
) -> Result<PathBuf, CheckpointError> {
    let mut command = Command::new(&python.executable);
    command.args(["-c", FETCH, id]);
    if allow_pickle {
        command.arg("*.bin");
    }
    let output = command.output().map_err(|error| CheckpointError::Fetch {
        id: id.into(),
        detail: error.to_string(),
    })?;
    if output.status.success() {
        let stdout = String::from_utf8_lossy(&output.stdout);
        return Ok(stdout.lines().last().unwrap_or_default().into());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let offline =
        std::env::var(HF_HUB_OFFLINE).is_ok_and(|value| !matches!(value.as_str(), "" | "0"));
    if offline && (words.contains("LocalEntryNotFound") || words.contains("OfflineMode")) {
        return Err(CheckpointError::Offline { id: id.into() });
    }
    let last = words
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it says nothing");
    Err(CheckpointError::Fetch {
        id: id.into(),
        detail: last.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"model_type": "bert"}"#;

    fn inspected(
        files: &[(&str, &str)],
        trust: bool,
        pickle: bool,
    ) -> Result<Subject, CheckpointError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        inspect_checkpoint("mine", folder.path(), trust, pickle)
    }

    #[test]
    fn a_checkpoint_has_a_configuration_and_weights() {
        assert!(
            inspected(
                &[("config.json", CONFIG), ("model.safetensors", "")],
                false,
                false
            )
            .is_ok()
        );
        for files in [
            &[][..],
            &[("config.json", CONFIG)],
            &[("config.json", "{"), ("model.safetensors", "")],
            &[("config.json", "{}"), ("model.safetensors", "")],
            &[("model.safetensors", "")],
        ] {
            assert!(
                matches!(
                    inspected(files, false, false),
                    Err(CheckpointError::NotACheckpoint { .. })
                ),
                "{files:?}"
            );
        }
    }

    #[test]
    fn a_checkpoint_is_told_from_another_by_what_a_library_reads_of_it() {
        let of = |files: &[(&str, &str)]| {
            let files: Vec<_> = [("config.json", CONFIG)]
                .iter()
                .chain(files)
                .copied()
                .collect();
            match inspected(&files, false, false).unwrap() {
                Subject::Checkpoint { sha256, .. } => sha256,
                Subject::Architecture { .. } | Subject::Workflow { .. } | Subject::Endpoint(_) => {
                    panic!()
                }
            }
        };
        let one = of(&[("model.safetensors", "one")]);
        assert_eq!(
            one,
            of(&[("model.safetensors", "one"), ("README.md", "words")])
        );
        for other in [
            of(&[("model.safetensors", "two")]),
            of(&[("model-1.safetensors", "one")]),
            of(&[("model.safetensors", "one"), ("tokenizer.json", "{}")]),
            of(&[("model.safetensors", "on"), ("z.txt", "e")]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn no_folder_is_said_to_be_none() {
        let error = inspect_checkpoint("x", Path::new("/nonexistent"), false, false);
        assert!(matches!(error, Err(CheckpointError::NoFolder { .. })));
    }

    #[test]
    fn pickle_and_remote_code_are_refused_unless_allowed() {
        let pickle = [("config.json", CONFIG), ("pytorch_model.bin", "")];
        assert!(matches!(
            inspected(&pickle, false, false),
            Err(CheckpointError::Pickle { .. })
        ));
        assert!(inspected(&pickle, false, true).is_ok());
        let remote = [
            (
                "config.json",
                r#"{"model_type": "mine", "auto_map": {"AutoModel": "modeling.Mine"}}"#,
            ),
            ("model.safetensors", ""),
        ];
        assert!(matches!(
            inspected(&remote, false, false),
            Err(CheckpointError::RemoteCode { .. })
        ));
        assert!(inspected(&remote, true, false).is_ok());
    }
}
