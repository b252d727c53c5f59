use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::strays;

/// How long a process that got SIGKILL is waited for. It dies at once unless the kernel itself holds it.
const KILLED_WAIT: Duration = Duration::from_secs(5);

/// A worker that was just started, and the runner's ends of what connects the two.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Its process; none for a scripted worker in a test.
    pub(crate) process: Option<Process>,
    pub(crate) socket: UnixStream,
    /// Standard output and error.
    pub(crate) output: pipe::Receiver,
    /// Why it was spawned instead of forked, if it was.
    pub(crate) spawned_because: Option<String>,
}

/// A process that is a child of this one, by a descriptor that can't come to mean another one.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    descriptor: AsyncFd<OwnedFd>,
}

/// How a process left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) signal: Option<i32>,
    pub(crate) status: Option<i32>,
}

impl Process {
    /// Takes charge of a child process: from now on [`strays::sweep`] leaves it alone.
    pub(crate) fn adopt(pid: Pid) -> io::Result<Self> {
        let descriptor = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` stays open and gives the same descriptor for as long as the `AsyncFd` owns it.
        let descriptor = unsafe { AsyncFd::register(descriptor) }?;
        strays::know(pid);
        Ok(Self { pid, descriptor })
    }

    /// Comes back when it has left; it stays a zombie, so its number and its group stay its own.
    pub(crate) async fn left(&self) {
        let _ = self.descriptor.readable().await;
    }

    /// Sends a signal to it and to its group. Either may be gone: that is what the signal is for.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(self.descriptor.as_fd(), signal);
        let _ = kill_process_group(self.pid, signal);
    }

    /// Kills whatever is left of the group and takes the exit status.
    pub(crate) async fn end(&self) -> Exit {
        self.signal(Signal::KILL);
        let _ = tokio::time::timeout(KILLED_WAIT, self.left()).await;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let status = waitid(WaitId::PidFd(self.descriptor.as_fd()), options)
            .ok()
            .flatten();
        Exit {
            signal: status
                .as_ref()
                .and_then(|status| status.terminating_signal()),
            status: status.as_ref().and_then(|status| status.exit_status()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        strays::forget(self.pid);
    }
}
