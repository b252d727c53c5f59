//! What the runner and its Python processes say to each other.
//!
//! Two kinds of socket, both Unix stream pairs, both framed alike: four bytes, the length of the message, big-endian;
//! then the message, one JSON value in UTF-8, at most [`MAX_FRAME_BYTES`] long.
//!
//! - *control*: runner ↔ template process, on its standard input, [`ToTemplate`] and [`FromTemplate`]. With each [`ToTemplate::Fork`] travel two
//!   file descriptors (`SCM_RIGHTS`): the child's socket, and the write end of the pipe for its standard output and error.
//! - *child*: runner ↔ one child, [`ToChild`] and [`FromChild`]; for a child that is spawned instead of forked it is its
//!   standard input. **Who speaks is known by the socket, never by a field**: no
//!   message names a unit. A message that is not valid here, or that a child may not send now, ends the child and gives the case it was
//!   in the outcome `errored`.
//!
//! A child's life: `Hello` → (runner sets its limits) `Start` → for each check `CheckStarted`, `Observed` → `Finished` → exit.
//! Between checks it may announce a `Stage` (set-up, evidence) and send `Evidence` once. A probe or a discovery
//! ends with `Answer` instead.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    CheckId, Discovered, Evidence, Observation, Platform, Present, Probed, Recipe, Subject,
};

/// Version of this protocol; the template and each child say theirs first, and another one is refused.
pub const PROTOCOL_VERSION: u32 = 1;

/// Longest message, in bytes.
pub const MAX_FRAME_BYTES: u32 = 64 * 1024 * 1024;

/// Environment variable: JSON list of the files to preload.
pub const PRELOADS: &str = "ASSAY_PRELOADS";

/// Environment variable: JSON list of the platforms whose packages the template imports.
pub const PLATFORMS: &str = "ASSAY_PLATFORMS";

/// Environment variable: the folder of exports that are kept. Without it none are.
pub const EXPORTS: &str = "ASSAY_EXPORTS";

/// Runner → template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToTemplate {
    /// Fork a child; its socket and its output pipe come along as descriptors, in that order.
    Fork {
        /// Number by which the answer names the request.
        ticket: u64,
    },
}

/// Template → runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromTemplate {
    /// Imports are done and requests are awaited.
    Ready {
        /// [`PROTOCOL_VERSION`].
        protocol: u32,
        /// Seconds that the imports took.
        import_seconds: f64,
    },
    /// It can't start: a preload raised, an import failed.
    Failed {
        /// In words, with the file and line where it is a preload's.
        detail: String,
    },
    /// A child was forked.
    Forked {
        /// The request's number.
        ticket: u64,
        /// The child's process id. It is a child of the runner by now (the template forks twice, the runner is a subreaper).
        pid: u32,
    },
    /// It is not safe to fork: the runner spawns a process instead, and the record says so.
    Unsafe {
        /// The request's number.
        ticket: u64,
        /// `3 threads are running`, `/dev/nvidia0 is open`.
        reason: String,
    },
}

/// Runner → child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToChild {
    /// Do this. Sent once.
    Start(Box<Job>),
}

/// What a child is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// List what the installed `transformers` knows.
    Discover,
    /// Find out what a subject is and how to make it small.
    Probe {
        /// The subject.
        subject: Subject,
        /// Where.
        platform: Platform,
        /// Seeds inputs.
        seed: u64,
    },
    /// Find out what this machine has of a platform.
    Detect {
        /// Which.
        platform: Platform,
    },
    /// Run checks.
    Check {
        /// The subject.
        subject: Subject,
        /// Where.
        platform: Platform,
        /// How to make it, from its probe. Null for a subject whose probe failed: then `load.probe` is the one check.
        recipe: Recipe,
        /// Checks, in order.
        checks: Vec<CheckId>,
        /// Seeds inputs.
        seed: u64,
        /// Seeds the weights (decimal text of an unsigned 64-bit number: JSON readers round large numbers).
        nonce: String,
        /// Seeds the weights of the third forward of the evidence.
        second_nonce: String,
        /// Whether evidence must be shown. False in benchmarks of the runner alone.
        evidence: bool,
        /// Names and shapes of the tensors of the expectation that is kept, if there is one: so that renamed ones can be drawn as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_tensors: Option<BTreeMap<String, Vec<u64>>>,
        /// An empty folder, removed afterwards.
        scratch: PathBuf,
    },
}

/// Child → runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromChild {
    /// First message.
    Hello {
        /// [`PROTOCOL_VERSION`].
        protocol: u32,
    },
    /// What it does outside a check, so that a crash there can name it: `building the model`, `showing evidence`.
    Stage {
        /// In words.
        name: String,
    },
    /// A check begins; no other is open.
    CheckStarted {
        /// Its name.
        check: CheckId,
    },
    /// The open check ended.
    Observed {
        /// Its name.
        check: CheckId,
        /// What was seen.
        observation: Box<Observation>,
    },
    /// Evidence that a real model ran; for all checks of this child.
    Evidence(Box<Evidence>),
    /// Answer of [`Job::Discover`].
    Discovered(Box<Discovered>),
    /// Answer of [`Job::Probe`].
    Probed(Box<Probed>),
    /// Answer of [`Job::Detect`].
    Detected(Box<Present>),
    /// All is done; the child exits with status 0 next.
    Finished {
        /// User and system seconds of this child.
        cpu_seconds: f64,
        /// Peak memory of this child above what it shares with the template, in bytes.
        peak_memory_bytes: u64,
    },
}
