use std::fmt;

use serde::{Deserialize, Serialize};

/// The verdict on a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A real model ran, was checked, and holds.
    Passed,
    /// It does not hold, or it could not be shown that a real model ran.
    Failed,
    /// It applies and can't run here; the reason says why.
    Skipped,
    /// A deadline passed.
    TimedOut,
    /// The worker died.
    Crashed,
    /// The memory cap was passed, or memory could not be had.
    OutOfMemory,
    /// The run stopped before it came to this case.
    NotRun,
    /// Assay's own fault, or a worker that can't be trusted.
    Errored,
}

impl Outcome {
    /// Every outcome, in the order of the reports.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Failed,
        Self::Skipped,
        Self::TimedOut,
        Self::Crashed,
        Self::OutOfMemory,
        Self::NotRun,
        Self::Errored,
    ];

    /// The name in the log and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
            Self::Crashed => "crashed",
            Self::OutOfMemory => "out_of_memory",
            Self::NotRun => "not_run",
            Self::Errored => "errored",
        }
    }

    /// Whether the run is red because of it. A skip and a case that was not run are neither red nor a pass.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::TimedOut | Self::Crashed | Self::OutOfMemory | Self::Errored
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a real model ran, by evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The judge recomputed layers of its forward from the nonce.
    Real,
    /// Something answered, and it is not the model.
    Mock,
}

impl Provenance {
    /// The name in the log and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Mock => "mock",
        }
    }

    /// The mark on a terminal that shows pictures; [`Provenance::name`] is its twin in plain text.
    #[must_use]
    pub fn mark(self) -> &'static str {
        match self {
            Self::Real => "🚀",
            Self::Mock => "🔷",
        }
    }
}

/// The kind of a [`Reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Skipped: a package that the subject needs is not installed.
    MissingDependency,
    /// Skipped: it is no model that can be run by itself: a part of another one, or driven by something that is no tensor.
    NotAModel,
    /// Skipped: this machine lacks the platform.
    PlatformUnavailable,
    /// Skipped: the backend says that it can't.
    UnsupportedByBackend,
    /// Failed: the model or its library raised an exception.
    Exception,
    /// Failed: what should have been refused was accepted.
    NotRefused,
    /// Failed: values are not finite.
    NonFinite,
    /// Failed: results that must be equal are not.
    Differs,
    /// Failed: results that must differ are the same.
    Unmoved,
    /// Failed: something that must be there is missing.
    Incomplete,
    /// Failed: a shape, type or name is not as promised.
    BrokenPromise,
    /// Failed: what must stay level grows.
    Grows,
    /// Failed: something else executed the model than the backend that was asked for.
    FellBack,
    /// Failed: results differ, and with a setting of the platform turned off by which it rounds more than it was asked to they do not.
    Setting,
    /// Failed: something answered that is not the model.
    Mock,
    /// Failed: it holds, but no forward came to its end, so it could not be shown that a real model ran.
    Unproven,
    /// Failed: the probe could not make a model that runs.
    Probe,
    /// Crashed: killed by a signal.
    Signal,
    /// Crashed: left without a word.
    Exit,
    /// Timed out: the check's or the unit's deadline.
    Deadline,
    /// Out of memory: the cap, or the allocator's own word.
    Memory,
    /// Not run: stopped at the first failure.
    FailFast,
    /// Not run: stopped by a signal, or the runner died.
    Interrupted,
    /// Not run: no worker could be started.
    NoWorker,
    /// Errored: what the worker said is not the protocol.
    Protocol,
    /// Errored: the worker says it ran where it was not asked to.
    WrongDevice,
    /// Errored: Assay's own code raised an exception.
    Worker,
    /// Errored: nothing was observed that the rule could judge.
    NothingObserved,
}

impl ReasonKind {
    /// Those that a known issue can excuse: failures of the code under test.
    pub const EXCUSABLE: [Self; 16] = [
        Self::Exception,
        Self::NotRefused,
        Self::NonFinite,
        Self::Differs,
        Self::Unmoved,
        Self::Incomplete,
        Self::BrokenPromise,
        Self::Grows,
        Self::FellBack,
        Self::Setting,
        Self::Unproven,
        Self::Probe,
        Self::Signal,
        Self::Exit,
        Self::Deadline,
        Self::Memory,
    ];

    /// The name in the log and in the reports.
    #[must_use]
    pub fn name(self) -> String {
        // The serialised name is the one name: a second table here could only disagree with it.
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => format!("{self:?}"),
        }
    }
}

/// Why a case is not a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its kind.
    pub kind: ReasonKind,
    /// In words, for a person, one line, no full stop.
    pub detail: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

/// An outcome with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// Why, unless it passed.
    pub reason: Option<Reason>,
}

impl Verdict {
    /// A pass.
    #[must_use]
    pub fn passed() -> Self {
        Self {
            outcome: Outcome::Passed,
            reason: None,
        }
    }

    /// Whether all that is wrong is that no forward came to its end, so that it could not be shown that a real model ran.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.reason
            .as_ref()
            .is_some_and(|reason| reason.kind == ReasonKind::Unproven)
    }

    /// Anything else.
    #[must_use]
    pub fn new(outcome: Outcome, kind: ReasonKind, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: Some(Reason {
                kind,
                detail: detail.into(),
            }),
        }
    }
}
