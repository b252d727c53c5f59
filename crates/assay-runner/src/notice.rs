use assay_model::event::Output;
use assay_model::protocol::Job;
use assay_model::{CheckId, Discovered, Ending, Evidence, Present, Probed};

use crate::Limits;

/// A unit of work; its number is its index in the list that [`crate::Runner::run`] gets.
#[derive(Debug, Clone)]
pub struct Task {
    /// What to do. The runner fills in the scratch folder.
    pub job: Job,
    /// How long it is expected to take, if that is known.
    pub estimate_seconds: Option<f64>,
    /// What it may take, if not what [`crate::Settings`] says.
    pub limits: Option<Limits>,
    /// Which of the runner's Python environments, by its index in the list that [`crate::Runner::start`] got.
    pub environment: usize,
    /// Checks that ask nothing but what all others of the task begin with: where the worker is lost in one, the others are not run.
    pub gates: Vec<CheckId>,
    /// A group of tasks, and how many of it may run at a time.
    pub group: Option<(u32, usize)>,
}

impl Task {
    /// A task of unknown length under the limits of all.
    #[must_use]
    pub fn new(job: Job) -> Self {
        Self {
            job,
            estimate_seconds: None,
            limits: None,
            environment: 0,
            gates: Vec::new(),
            group: None,
        }
    }
}

/// Something that happened. Notices of one unit come in order; those of several are interleaved.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A worker took up a unit, or what is left of it.
    UnitStarted {
        /// The unit.
        unit: u32,
        /// Process id of the worker.
        pid: u32,
        /// Why it was spawned instead of forked, if it was.
        spawned_because: Option<String>,
    },
    /// A check began.
    CheckStarted {
        /// The unit.
        unit: u32,
        /// The check.
        check: CheckId,
    },
    /// A case came to its end: exactly once per planned check.
    CaseEnded {
        /// The unit.
        unit: u32,
        /// The check.
        check: CheckId,
        /// How.
        ending: Ending,
        /// Wall-clock seconds.
        seconds: f64,
    },
    /// A worker's evidence.
    Evidence {
        /// The unit.
        unit: u32,
        /// The evidence.
        evidence: Box<Evidence>,
    },
    /// Answer of [`Job::Discover`].
    Discovered {
        /// The answer.
        discovered: Box<Discovered>,
    },
    /// Answer of [`Job::Probe`].
    Probed {
        /// The unit.
        unit: u32,
        /// The answer.
        probed: Box<Probed>,
    },
    /// Answer of [`Job::Detect`].
    Detected {
        /// The unit.
        unit: u32,
        /// The answer.
        present: Box<Present>,
    },
    /// The worker of a unit is gone, with all that it started.
    UnitEnded {
        /// The unit.
        unit: u32,
        /// Why it was lost, if it was.
        lost: Option<Ending>,
        /// User and system seconds; 0 if it could not say.
        cpu_seconds: f64,
        /// Peak memory above what it shared with the template, in bytes; 0 if it could not say.
        peak_memory_bytes: u64,
        /// What it printed.
        output: Output,
        /// Processes that it left behind and that were killed.
        strays: u32,
    },
    /// A signal asked the run to stop.
    Interrupted {
        /// Its name.
        signal: String,
    },
    /// Something a person should know.
    Warned {
        /// One line.
        message: String,
    },
}

/// What the taker of a notice wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop cleanly: end what runs, and report the rest as not run for this reason.
    Stop(String),
}
