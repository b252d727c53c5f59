use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_model::PythonEnvironment;

use crate::create::created_python;
use crate::variables::{PYTHON, VIRTUAL_ENV};

/// The oldest Python: transformers 5 needs 3.11 (`FACTS.md`; its package metadata).
pub const MINIMUM_PYTHON: (u32, u32) = (3, 11);

/// The oldest transformers: the first whose modelling code has the shape that the worker knows.
pub const MINIMUM_TRANSFORMERS: u32 = 5;

/// Packages whose versions a person asks for.
const PACKAGES: [&str; 20] = [
    "torch",
    "transformers",
    "safetensors",
    "tokenizers",
    "huggingface-hub",
    "numpy",
    "pillow",
    "scipy",
    "accelerate",
    "timm",
    "torchvision",
    "torchaudio",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "openvino",
    "executorch",
    "nncf",
    "torchao",
    "sentencepiece",
];

/// What an interpreter says of itself. Metadata only: importing torch takes seconds.
const INSPECT: &str = "import importlib.metadata as m, json, sys
def version(name):
    try: found = m.distribution(name)
    except m.PackageNotFoundError: return None
    source = json.loads(found.read_text('direct_url.json') or '{}')
    return found.version + (' (editable)' if source.get('dir_info', {}).get('editable') else '')
names = sys.argv[1:]
print(json.dumps({'version': '.'.join(map(str, sys.version_info[:3])), 'packages': {n: version(n) for n in names}}))";

/// Why there is no Python to work with.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// None was named and none is there.
    #[error("there is no Python environment")]
    None,
    /// It can't be executed, or is no Python.
    #[error("{} is not a Python that runs: {detail}", path.display())]
    NotPython {
        /// What was named.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// It is too old.
    #[error("{} is Python {found}, and {}.{} is the oldest that works", path.display(), MINIMUM_PYTHON.0, MINIMUM_PYTHON.1)]
    TooOld {
        /// What was named.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// A package is missing.
    #[error("{} has no {package}", path.display())]
    Lacks {
        /// What was named.
        path: PathBuf,
        /// The package.
        package: &'static str,
    },
    /// Transformers is too old.
    #[error("{} has transformers {found}, and {MINIMUM_TRANSFORMERS} is the oldest that works", path.display())]
    OldTransformers {
        /// What was named.
        path: PathBuf,
        /// Its version.
        found: String,
    },
}

impl PythonError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::None => {
                "`assay env create` makes one; `--python PATH` or ASSAY_PYTHON names another".into()
            }
            Self::NotPython { .. } => "name a Python interpreter, like venv/bin/python".into(),
            Self::TooOld { .. } => {
                "`assay env create --python PATH` makes an environment from a newer Python".into()
            }
            Self::Lacks { path, package } => {
                format!(
                    "`{} -m pip install {package}`, or `assay env create` for an environment of Assay's own",
                    path.display()
                )
            }
            Self::OldTransformers { path, .. } => {
                format!("`{} -m pip install -U transformers`", path.display())
            }
        }
    }
}

/// The Python to work with: the one named, `ASSAY_PYTHON`, the active virtual environment, or the one that `assay env create` made.
///
/// # Errors
/// [`PythonError`] if there is none or the one found is not fit; a named one that is not fit is never passed over.
pub fn find(named: Option<&Path>, cache: Option<&Path>) -> Result<PythonEnvironment, PythonError> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let path = named
        .map(Path::to_path_buf)
        .or_else(|| set(PYTHON))
        .or_else(|| set(VIRTUAL_ENV).map(|folder| folder.join("bin/python")))
        .or_else(|| created_python(cache?))
        .ok_or(PythonError::None)?;
    let environment = inspect(&path)?;
    fit(&environment)?;
    Ok(environment)
}

fn fit(environment: &PythonEnvironment) -> Result<(), PythonError> {
    let path = environment.executable.clone();
    for package in ["torch", "transformers", "safetensors", "numpy"] {
        if !environment.packages.contains_key(package) {
            return Err(PythonError::Lacks { path, package });
        }
    }
    let found = &environment.packages["transformers"];
    match found
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok())
    {
        Some(major) if major < MINIMUM_TRANSFORMERS => Err(PythonError::OldTransformers {
            path,
            found: found.clone(),
        }),
        _ => Ok(()),
    }
}

/// Version and packages of an interpreter.
///
/// # Errors
/// [`PythonError::NotPython`] and [`PythonError::TooOld`].
pub fn inspect(path: &Path) -> Result<PythonEnvironment, PythonError> {
    let not = |detail: String| PythonError::NotPython {
        path: path.into(),
        detail,
    };
    let output = Command::new(path)
        .args(["-I", "-c", INSPECT])
        .args(PACKAGES)
        .output();
    let output = output.map_err(|error| not(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().last().unwrap_or("it says nothing").to_owned();
        return Err(not(last));
    }
    #[derive(serde::Deserialize)]
    struct Said {
        version: String,
        packages: BTreeMap<String, Option<String>>,
    }
    let said: Said = serde_json::from_slice(&output.stdout)
        .map_err(|_| not("it does not answer as a Python interpreter does".into()))?;
    let mut parts = said
        .version
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < MINIMUM_PYTHON {
        return Err(PythonError::TooOld {
            path: path.into(),
            found: said.version,
        });
    }
    let packages = said
        .packages
        .into_iter()
        .filter_map(|(name, version)| Some((name, version?)))
        .collect();
    // Where the interpreter lies, not what a link points to: a virtual environment is known by its own path.
    let executable = std::path::absolute(path).unwrap_or_else(|_| path.into());
    Ok(PythonEnvironment {
        executable,
        version: said.version,
        packages,
    })
}

/// A Python from which an environment can be made: the one named, or the newest that is on the path and new enough.
///
/// # Errors
/// [`PythonError`] of the one named, or [`PythonError::None`].
pub fn base_python(named: Option<&Path>) -> Result<PythonEnvironment, PythonError> {
    if let Some(path) = named {
        return inspect(path);
    }
    let folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let names = [
        "python3",
        "python3.14",
        "python3.13",
        "python3.12",
        "python3.11",
        "python",
    ];
    let mut refused = PythonError::None;
    for path in names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
    {
        if path.is_file() {
            match inspect(&path) {
                Ok(environment) => return Ok(environment),
                Err(error) => refused = error,
            }
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program that answers as an interpreter would.
    fn fake(folder: &Path, version: &str, packages: &str) -> PathBuf {
        let path = folder.join("python");
        let answer = format!("{{\"version\": \"{version}\", \"packages\": {{{packages}}}}}");
        std::fs::write(&path, format!("#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    const ALL: &str = r#""torch": "2.15.0", "transformers": "5.23.0", "safetensors": "0.6", "numpy": "2.3", "timm": null"#;

    fn found(version: &str, packages: &str) -> Result<PythonEnvironment, PythonError> {
        let folder = tempfile::tempdir().unwrap();
        find(Some(&fake(folder.path(), version, packages)), None)
    }

    #[test]
    fn a_fit_one_is_taken_with_what_is_installed() {
        let environment = found("3.12.1", ALL).unwrap();
        assert_eq!(environment.packages["torch"], "2.15.0");
        assert!(!environment.packages.contains_key("timm"));
    }

    #[test]
    fn one_that_is_not_fit_is_refused_with_the_reason() {
        assert!(matches!(
            found("3.10.9", ALL),
            Err(PythonError::TooOld { .. })
        ));
        assert!(matches!(
            found("3.11.0", r#""torch": null"#),
            Err(PythonError::Lacks {
                package: "torch",
                ..
            })
        ));
        let old = ALL.replace("5.23.0", "4.57.1");
        assert!(matches!(
            found("3.11.0", &old),
            Err(PythonError::OldTransformers { .. })
        ));
    }

    #[test]
    fn what_is_no_python_is_refused() {
        for path in ["/nonexistent/python", "/bin/false", "/bin/echo", "/"] {
            assert!(
                matches!(
                    find(Some(Path::new(path)), None),
                    Err(PythonError::NotPython { .. })
                ),
                "{path}"
            );
        }
    }
}
