use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// How long and how large a unit may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for one check, and for each stage outside a check.
    pub check: Duration,
    /// Time for a unit, from its first worker's start.
    pub unit: Duration,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Memory above what a worker has when it is forked, in bytes.
    pub memory_bytes: Option<u64>,
}

/// How often resident memory is looked at. The hard limit on data doesn't need this; mappings that it doesn't count do.
pub(crate) const MEMORY_POLL: Duration = Duration::from_millis(200);

/// Puts the kernel's own limits on a process: private writable memory (`RLIMIT_DATA`), no file larger than that (what a unit saves it held
/// before), and no core dumps.
pub(crate) fn restrict(pid: Pid, limits: &Limits) -> std::io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    prlimit(Some(pid), Resource::Core, none)?;
    if let Some(bytes) = limits.memory_bytes {
        prlimit(
            Some(pid),
            Resource::Fsize,
            Rlimit {
                current: Some(bytes),
                maximum: Some(bytes),
            },
        )?;
        let limit = Some(field_bytes(pid, "VmData:").unwrap_or(0) + bytes);
        prlimit(
            Some(pid),
            Resource::Data,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        )?;
    }
    Ok(())
}

/// Resident memory of a process in bytes.
pub(crate) fn resident_bytes(pid: Pid) -> Option<u64> {
    field_bytes(pid, "VmRSS:")
}

/// A field of `/proc/PID/status` that is given in kB.
fn field_bytes(pid: Pid, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}
