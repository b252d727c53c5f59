//! The domain of Assay: the words every other crate speaks, and the schema of what crosses a process or a disk.
//!
//! Data flows one way, and each step has its type here:
//!
//! | step | type |
//! | --- | --- |
//! | what can be tested | [`Subject`], [`Architecture`], [`CheckSpec`], [`Facts`] |
//! | what will be tested | [`Plan`], [`UnitPlan`] |
//! | what a worker is asked and says | [`protocol`] |
//! | what was seen | [`Observation`], [`Evidence`], [`Ending`] |
//! | what it means | [`Outcome`], [`Reason`], [`Provenance`], [`CaseRecord`] |
//! | what is kept | [`event`] |
//!
//! Everything here is data: no input or output, no clocks, no processes. All types are serialised as JSON; field names
//! and variant names are part of a versioned schema ([`SCHEMA_VERSION`], [`protocol::PROTOCOL_VERSION`]).

mod case;
mod catalog;
mod check;
pub mod event;
mod evidence;
mod exit;
mod fingerprint;
mod golden;
mod matrix;
mod observation;
mod outcome;
mod plan;

mod platform;
pub mod protocol;
mod subject;

pub use case::{Attempt, CaseRecord, Counts, Known, KnownState, Measured};
pub use catalog::{Architecture, Discovered, Workflow};
pub use check::{CheckId, CheckSpec, Group, Profile, Rule};
pub use evidence::{CapturedLayer, Evidence, Exchange, LayerKind, Sketch};
pub use exit::ExitCode;
pub use fingerprint::{Fingerprint, Preload, PythonEnvironment};
pub use golden::{Golden, GoldenTensor};
pub use matrix::{Cell, Figures, State};
pub use observation::{
    Call, Comparison, Ending, Explained, Lacking, Observation, OracleErrors, Origin, OutputFact,
    Raised, Series, Tally, Unavailable,
};
pub use outcome::{Outcome, Provenance, Reason, ReasonKind, Verdict};
pub use plan::{KnownIssue, Part, Plan, PlannedCheck, UnitLimits, UnitPlan};
pub use platform::{
    Backend, Capabilities, Device, Dtype, Place, Platform, Present, UnknownPlatform,
};
pub use subject::{
    BASE, ConfigChange, ENDPOINT, Endpoint, Facts, Family, InputFact, Peer, Probed, Reach, Recipe,
    Subject, WORKFLOW,
};

/// Version of the event log, of `summary.json` and of the types in this crate that they hold.
pub const SCHEMA_VERSION: u32 = 1;
