use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::gap::{Gap, Lack};
use super::rows::{Peer, Source};
use crate::npm;
use crate::setup::{Ready, cache, root, uv};
use crate::step::{Failed, step};

/// What runs the script of a peer.
pub(super) struct Installed {
    pub(super) program: PathBuf,
    pub(super) variables: Vec<(&'static str, PathBuf)>,
    pub(super) version: String,
}

/// Installs what is missing.
pub(super) fn install(peer: &Peer, ready: &Ready) -> Result<Installed, Gap> {
    match &peer.source {
        Source::Python { package, is_beside } => {
            let made = python(peer.name, package, ready, *is_beside);
            made.map_err(|words| Lack::Packages.because(words))
        }
        Source::Npm(package) => {
            let program = npm::node().map_err(|words| Lack::Npm.because(words))?;
            let folder = package_of_npm(peer.name, package);
            let folder = folder.map_err(|words| Lack::Packages.because(words))?;
            let version = package.name.rsplit('@').next().unwrap_or_default();
            Ok(Installed {
                program,
                variables: vec![("ASSAY_PEER_PACKAGE", folder)],
                version: version.into(),
            })
        }
    }
}

fn package_of_npm(name: &str, package: &npm::Package) -> Result<PathBuf, Failed> {
    let version = package.name.rsplit('@').next().unwrap_or_default();
    let folder = cache()?.join(format!("peer-{name}-{version}"));
    if !folder.exists() {
        npm::fetch(package, &folder)?;
    }
    Ok(folder)
}

/// An environment that the lock's content names.
fn python(name: &str, package: &str, ready: &Ready, is_beside: bool) -> Result<Installed, Failed> {
    let lock = root().join(format!("tests/peers/locks/{name}.lock"));
    let text =
        std::fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let cache = cache()?;
    let folder = cache.join(format!("peer-{name}-{:016x}", hasher.finish()));
    if !folder.exists() {
        make(name, &lock, &folder, ready, &uv(&cache)?)?;
    }
    let program = folder.join("bin/python");
    let mut variables = Vec::new();
    if is_beside {
        let words = "import sysconfig; print(sysconfig.get_path('purelib'))";
        variables.push(("PYTHONPATH", said(&ready.python, words)?.into()));
    }
    let version = match pinned(&text, package) {
        Some(version) => version.to_owned(),
        None => said(
            &ready.python,
            &format!("import importlib.metadata; print(importlib.metadata.version('{package}'))"),
        )?,
    };
    Ok(Installed {
        program,
        variables,
        version,
    })
}

fn make(name: &str, lock: &Path, folder: &Path, ready: &Ready, uv: &Path) -> Result<(), Failed> {
    let making = folder.with_extension("making");
    let _ = std::fs::remove_dir_all(&making);
    step(
        &format!("an environment for {name}"),
        Command::new(uv)
            .args(["venv", "--quiet", "--relocatable", "--python"])
            .arg(&ready.python)
            .arg(&making),
    )?;
    step(
        &format!("installing {name}"),
        Command::new(uv)
            .args(["pip", "install", "--quiet", "--no-deps", "--require-hashes"])
            .arg("--python")
            .arg(making.join("bin/python"))
            .arg("-r")
            .arg(lock),
    )?;
    std::fs::rename(&making, folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// What a Python prints.
fn said(python: &Path, words: &str) -> Result<String, Failed> {
    let output = Command::new(python).args(["-c", words]).output();
    let output = output.map_err(|error| format!("{}: {error}", python.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of a package in a lock.
fn pinned<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let line = lock
        .lines()
        .find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
    line?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_that_of_the_package_and_of_no_other_whose_name_begins_so() {
        let lock = "litellm-enterprise==0.1 \\\n    --hash=sha256:00\nlitellm==1.106.2 \\\n    --hash=sha256:11\n";
        assert_eq!(pinned(lock, "litellm"), Some("1.106.2"));
        assert_eq!(pinned(lock, "lite"), None);
    }
}
