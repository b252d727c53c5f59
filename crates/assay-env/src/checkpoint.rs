use std::path::{Path, PathBuf};
use std::process::Command;

use assay_model::{PythonEnvironment, Subject};

use crate::variables::HF_HUB_OFFLINE;

/// Fetches a checkpoint through `huggingface_hub`'s own cache, without weights in pickle form, and prints its folder.
const FETCH: &str = "import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], allow_patterns=['*.json', '*.txt', '*.safetensors', '*.model', '1_Pooling/*'] + sys.argv[2:]))";

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
    let pickle = names.iter().any(|name| {
        [".bin", ".pt", ".pth", ".ckpt", ".pkl"]
            .iter()
            .any(|ending| name.ends_with(ending))
            && name.contains("model")
    });
    match (safe, pickle) {
        (false, true) if !allow_pickle => Err(CheckpointError::Pickle { path }),
        (false, false) => Err(not("it holds no weights".into())),
        _ => Ok(Subject::Checkpoint {
            name: name.into(),
            path,
            trust_remote_code,
            allow_pickle,
        }),
    }
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
