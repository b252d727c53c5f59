use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_model::{Fingerprint, Preload, PythonEnvironment};
use sha2::{Digest, Sha256};
use sysinfo::System;

use crate::worker::{Worker, hex};

/// Features of a processor that change numbers: which kernels a library picks, and in which precision it may multiply.
const FEATURES: [&str; 9] = [
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "amx_int8",
    "neon",
];

/// Physical memory in bytes; 0 if the system does not say.
#[must_use]
pub fn physical_memory() -> u64 {
    let Ok(mut system) = System::new() else {
        return 0;
    };
    system.refresh_memory();
    system.total_memory()
}

/// Where and with what a run runs.
///
/// # Errors
/// The file of a preload that can't be read, and why.
pub fn fingerprint(
    python: PythonEnvironment,
    platforms: BTreeMap<String, PythonEnvironment>,
    worker: &Worker,
    preloads: &[PathBuf],
) -> Result<Fingerprint, (PathBuf, std::io::Error)> {
    let (cpu, cpu_features) = processor();
    Ok(Fingerprint {
        assay: env!("CARGO_PKG_VERSION").into(),
        worker_digest: worker.digest.clone(),
        system: System::long_os_version().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        machine: std::env::consts::ARCH.into(),
        cpu,
        cpus: std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
        cpu_features,
        memory_bytes: physical_memory(),
        git_commit: git_commit(),
        python,
        platforms,
        preloads: preloads
            .iter()
            .map(|path| preload(path))
            .collect::<Result<_, _>>()?,
    })
}

fn preload(path: &Path) -> Result<Preload, (PathBuf, std::io::Error)> {
    let failed = |error| (path.to_path_buf(), error);
    let content = std::fs::read(path).map_err(failed)?;
    Ok(Preload {
        path: std::path::absolute(path).map_err(failed)?,
        sha256: hex(&Sha256::digest(content)),
    })
}

/// A digest of all that could change what discovery and probes find.
#[must_use]
pub fn environment_key(fingerprint: &Fingerprint, with_preloads: bool) -> String {
    let mut digest = Sha256::new();
    digest.update(&fingerprint.assay);
    digest.update(&fingerprint.worker_digest);
    digest.update(fingerprint.python.executable.as_os_str().as_encoded_bytes());
    digest.update(&fingerprint.python.version);
    for (name, version) in &fingerprint.python.packages {
        digest.update(format!("{name}={version};"));
    }
    for preload in fingerprint.preloads.iter().filter(|_| with_preloads) {
        digest.update(&preload.sha256);
    }
    hex(&digest.finalize())[..16].to_owned()
}

/// Model of the processor, and those of its features that change numbers.
#[must_use]
pub fn processor() -> (String, Vec<String>) {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |names: &[&str]| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            names
                .contains(&name.trim())
                .then(|| value.trim().to_owned())
        })
    };
    let flags = field(&["flags", "Features"]).unwrap_or_default();
    let has = |name: &&str| flags.split_whitespace().any(|flag| flag == *name);
    (
        field(&["model name"]).unwrap_or_default(),
        FEATURES
            .into_iter()
            .filter(has)
            .map(str::to_owned)
            .collect(),
    )
}

/// The commit of the work tree that this process is in, `-dirty` if tracked files differ from it.
fn git_commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() {
        commit
    } else {
        format!("{commit}-dirty")
    })
}
