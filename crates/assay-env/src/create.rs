use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assay_model::PythonEnvironment;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::worker::hex;

/// The pinned lock: versions and hashes of everything in the environment.
const LOCK: &str = include_str!("../../../python/requirements.lock");

/// The version of `uv` that makes the environment. Its speed is why: 18 s for what takes pip minutes (`FACTS.md`).
const UV_VERSION: &str = "0.13.8";

/// Why no environment could be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A file or folder of the cache.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A command failed.
    #[error("{step} failed: {detail}")]
    Step {
        /// What was being done.
        step: &'static str,
        /// The end of what the command said.
        detail: String,
    },
}

/// A digest of the lock: another lock is another environment.
#[must_use]
pub fn lock_digest() -> String {
    hex(&Sha256::digest(LOCK.as_bytes()))[..12].to_owned()
}

/// The interpreter of the environment that [`create`] made from this binary's lock, if it did.
#[must_use]
pub fn created_python(cache: &Path) -> Option<PathBuf> {
    let python = environment_folder(cache).join("bin/python");
    python.exists().then_some(python)
}

fn environment_folder(cache: &Path) -> PathBuf {
    cache.join("environments").join(lock_digest())
}

/// Makes the environment from the lock, unless it is there. `progress` hears of each step.
///
/// It appears whole or not at all, and two processes don't make it at once.
///
/// # Errors
/// [`CreateError`], with the end of what the failing command said.
pub fn create(
    base: &PythonEnvironment,
    cache: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, CreateError> {
    let environments = cache.join("environments");
    let failed = |path: &Path, source| CreateError::Write {
        path: path.into(),
        source,
    };
    std::fs::create_dir_all(&environments).map_err(|error| failed(&environments, error))?;
    let lock_path = environments.join("lock");
    let guard = File::create(&lock_path).map_err(|error| failed(&lock_path, error))?;
    flock(&guard, FlockOperation::LockExclusive)
        .map_err(|error| failed(&lock_path, error.into()))?;
    if let Some(python) = created_python(cache) {
        return Ok(python);
    }
    let uv = uv(base, cache, progress)?;
    let target = environment_folder(cache);
    // Made in its place, since a virtual environment can't be moved; the interpreter is what shows that it is whole, so it comes last.
    let _ = std::fs::remove_dir_all(&target);
    let making = target.with_extension("making");
    let _ = std::fs::remove_dir_all(&making);
    progress("making a virtual environment");
    run(
        "making a virtual environment",
        Command::new(&uv)
            .args(["venv", "--quiet", "--python"])
            .arg(&base.executable)
            .arg(&making),
    )?;
    let requirements = making.join("requirements.lock");
    std::fs::write(&requirements, LOCK).map_err(|error| failed(&requirements, error))?;
    progress("installing torch, transformers and what they need (about 5 GB)");
    run(
        "installing the packages",
        Command::new(&uv)
            .args(["pip", "install", "--quiet", "--require-hashes", "--python"])
            .arg(making.join("bin/python"))
            .arg("-r")
            .arg(&requirements),
    )?;
    // A link keeps the environment's own path, which its scripts name.
    std::os::unix::fs::symlink(&making, &target).map_err(|error| failed(&target, error))?;
    created_python(cache).ok_or_else(|| failed(&target, io::Error::other("it has no interpreter")))
}

/// The pinned `uv`: on the path, or installed into the cache by pip. `--target` needs no virtual environment and works where the
/// system's Python is managed by the system.
fn uv(
    base: &PythonEnvironment,
    cache: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, CreateError> {
    let version = Command::new("uv")
        .arg("--version")
        .stderr(Stdio::null())
        .output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(UV_VERSION)) {
        return Ok("uv".into());
    }
    let target = cache.join(format!("uv-{UV_VERSION}"));
    let uv = target.join("bin/uv");
    if !uv.exists() {
        progress("installing uv");
        run(
            "installing uv",
            Command::new(&base.executable)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--upgrade",
                    "--target",
                ])
                .arg(&target)
                .arg(format!("uv=={UV_VERSION}")),
        )?;
    }
    Ok(uv)
}

fn run(step: &'static str, command: &mut Command) -> Result<(), CreateError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| CreateError::Step {
        step,
        detail: error.to_string(),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = words
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    Err(CreateError::Step {
        step,
        detail: lines[lines.len().saturating_sub(8)..].join("\n"),
    })
}
