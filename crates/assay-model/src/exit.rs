/// The exit codes of `assay`, part of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Every planned case passed (skips apart), and at least one real case ran.
    Passed = 0,
    /// At least one case failed, crashed, timed out, ran out of memory or errored, or a planned case is missing.
    Failed = 1,
    /// The command line can't be understood, or names something that does not exist. Nothing was written.
    Usage = 2,
    /// The environment is not fit: no Python, no torch, too old, a checkpoint that is none. Nothing was run.
    Setup = 3,
    /// No real case ran (nothing planned, or all of it skipped) and `--no-tests=pass` was not given.
    NothingRan = 4,
    /// The record could not be written (a full disk, say). What was recorded before is readable.
    Record = 5,
    /// Assay's own fault.
    Internal = 70,
    /// Stopped by SIGINT or SIGTERM; the rest is recorded as not run.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
