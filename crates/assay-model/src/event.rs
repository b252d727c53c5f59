//! The events of a run's log, in the order in which they may occur.
//!
//! The log is the truth about a run; every report folds it. A line holds one [`Entry`]. `assay-record` says how lines
//! are framed, checked and recovered.

use serde::{Deserialize, Serialize};

use crate::{
    CheckId, Counts, Ending, Evidence, Fingerprint, Measured, Outcome, Plan, Provenance, Reason,
};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 0 without a gap.
    pub seq: u64,
    /// Seconds since the run began, on a monotonic clock.
    pub at: f64,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// First entry.
    RunStarted(Box<Header>),
    /// The whole plan, before the first case runs.
    Planned {
        /// The plan.
        plan: Plan,
    },
    /// A worker took up a unit (again, with what is left of it, if the one before was lost).
    UnitStarted {
        /// Index into [`Plan::units`].
        unit: u32,
        /// Process id of the worker.
        pid: u32,
        /// Why the worker was spawned instead of forked, if it was.
        spawned_because: Option<String>,
    },
    /// A check began.
    CheckStarted {
        /// The unit.
        unit: u32,
        /// The check.
        check: CheckId,
    },
    /// A case came to its end, as seen. It is judged when the worker's evidence is known.
    CaseEnded {
        /// The unit.
        unit: u32,
        /// The check.
        check: CheckId,
        /// How.
        ending: Ending,
        /// Wall-clock seconds, on the runner's clock.
        seconds: f64,
    },
    /// Evidence of the worker, and what the judge makes of it.
    Proven {
        /// The unit.
        unit: u32,
        /// The evidence.
        evidence: Box<Evidence>,
        /// The verdict on it; none if it can't be judged (the forward raised).
        provenance: Option<Provenance>,
        /// Why, in words.
        detail: String,
    },
    /// The verdict on a case. In the log before it is on the screen.
    CaseJudged {
        /// The unit.
        unit: u32,
        /// The check.
        check: CheckId,
        /// The verdict.
        outcome: Outcome,
        /// Why, unless it passed.
        reason: Option<Reason>,
        /// Whether a real model ran.
        provenance: Option<Provenance>,
        /// [`crate::Observation::other_inputs`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other_inputs: Option<String>,
        /// What was measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        measured: Option<Box<Measured>>,
        /// Wall-clock seconds.
        seconds: f64,
    },
    /// The worker of a unit is gone.
    UnitEnded {
        /// The unit.
        unit: u32,
        /// User and system seconds.
        cpu_seconds: f64,
        /// Peak memory above what it shared with the template, in bytes; 0 if it could not say.
        peak_memory_bytes: u64,
        /// What it printed.
        output: Output,
        /// Processes that it left behind and that were killed.
        strays: u32,
    },
    /// Something a person should know that is no verdict.
    Warned {
        /// One line.
        message: String,
    },
    /// An interrupted run was taken up again (`assay run --resume`): what follows belongs to the cases that were left. An end or an
    /// interruption that was recorded before no longer counts.
    Resumed {
        /// When, RFC 3339, UTC.
        started: String,
        /// The command line.
        command: Vec<String>,
        /// Bytes of a torn last line that were taken away.
        dropped_bytes: u64,
    },
    /// A signal asked the run to stop.
    Interrupted {
        /// Its name: `SIGINT`.
        signal: String,
    },
    /// Last entry. A log without it is that of an interrupted run.
    RunFinished {
        /// Cases counted.
        counts: Counts,
        /// Wall-clock seconds.
        wall_seconds: f64,
        /// CPU seconds of the runner and all workers.
        cpu_seconds: f64,
        /// The exit code.
        exit_code: u8,
    },
}

/// What is known before anything runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`crate::SCHEMA_VERSION`].
    pub schema: u32,
    /// Name of the run, and of its folder.
    pub run: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// The command line.
    pub command: Vec<String>,
    /// Where it was given.
    pub folder: String,
    /// Seeds inputs, and the order of nothing else.
    pub seed: u64,
    /// Seeds weights; drawn anew for each run unless `--seed` fixes it (decimal text).
    pub nonce: String,
    /// The other one.
    pub second_nonce: String,
    /// Whether a run without a real case may be green (`--no-tests=pass`).
    pub no_tests_pass: bool,
    /// What the configuration and the command line came to.
    #[serde(default)]
    pub settings: RunSettings,
    /// The runs that this one was made of (`assay merge`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<String>,
    /// Where and with what.
    pub fingerprint: Fingerprint,
}

/// How a run was executed, beside its plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunSettings {
    /// The profile.
    pub profile: String,
    /// The filter.
    pub filter: String,
    /// Units at a time.
    pub workers: u64,
    /// Seconds for one check.
    pub check_seconds: f64,
    /// Memory of a unit in bytes, if it is limited.
    pub memory_bytes: Option<u64>,
    /// Attempts after the first.
    pub retries: u8,
    /// Whether the first failure stops the run.
    pub fail_fast: bool,
}

/// What a worker printed, bounded: the beginning and the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The beginning.
    pub head: String,
    /// The end, if it doesn't touch the beginning.
    pub tail: String,
    /// All bytes that it printed.
    pub total_bytes: u64,
}
