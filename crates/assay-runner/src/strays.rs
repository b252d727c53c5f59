//! Processes that workers leave behind. The runner is a subreaper, so an orphan becomes its child, whatever session or group it
//! moved to, and can be found, killed and reaped.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getsid, kill_process, waitpid};

/// Children of this process that somebody looks after: templates and live workers, of all runners.
static KNOWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// How long killed strays are waited for.
const REAP_WAIT: Duration = Duration::from_secs(1);

fn known() -> MutexGuard<'static, BTreeSet<i32>> {
    // A set of numbers is whole whatever a panicking thread did.
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves this child alone from now on.
pub(crate) fn know(pid: Pid) {
    known().insert(pid.as_raw_nonzero().get());
}

/// No longer leaves it alone.
pub(crate) fn forget(pid: Pid) {
    known().remove(&pid.as_raw_nonzero().get());
}

/// Kills and reaps every child of this process that nobody looks after and that is not in the session of one that somebody
/// does; how many there were that still ran.
///
/// No fork may be under way: a child whose number is not known yet would be taken for a stray.
pub(crate) fn sweep() -> u32 {
    let mut killed = 0;
    let begin = Instant::now();
    let mut seen = BTreeSet::new();
    loop {
        let strays: Vec<Pid> = children()
            .into_iter()
            .filter(|pid| is_stray(*pid))
            .collect();
        if strays.is_empty() || begin.elapsed() > REAP_WAIT {
            return killed;
        }
        for pid in strays {
            if matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))) {
                continue;
            }
            if seen.insert(pid.as_raw_nonzero()) {
                killed += 1;
            }
            let _ = kill_process(pid, Signal::KILL);
        }
        // The kernel needs a moment to make a zombie of it; and its own children become ours only then.
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_stray(pid: Pid) -> bool {
    let known = known();
    let looked_after = |pid: Pid| known.contains(&pid.as_raw_nonzero().get());
    !looked_after(pid) && !getsid(Some(pid)).is_ok_and(looked_after)
}

/// Children of every thread of this process.
fn children() -> Vec<Pid> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_ascii_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<i32>>()
        })
        .filter_map(Pid::from_raw)
        .collect()
}
