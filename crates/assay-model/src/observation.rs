use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a worker saw while it ran one check: facts only, no verdict, and enough of them to be judged again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Observation {
    /// Wall-clock seconds, as the worker measured them.
    pub seconds: f64,
    /// The exception that ended the check early, if one did.
    pub raised: Option<Raised>,
    /// Tensors against tensors.
    pub comparisons: Vec<Comparison>,
    /// How many of how many.
    pub tallies: Vec<Tally>,
    /// Calls that were made to see how they end.
    pub calls: Vec<Call>,
    /// What was measured call after call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// The outputs of a forward.
    pub outputs: Vec<OutputFact>,
    /// The inputs of that forward, for the promises about shapes.
    pub inputs: Vec<crate::InputFact>,
    /// Types of device on which parameters, inputs and outputs were seen.
    pub devices: Vec<String>,
    /// Figures that are no verdict, by name: `parameter_tensors`, `visible_parameter_tensors`, and the silent ones by kind of reason
    /// (`unreached_parameter_tensors`, …).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
    /// In the backend's own words, why it can't do what the check asks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsupported: Option<String>,
    /// What differed with the first inputs, where that was a choice that rounding turned, so that the rest is of other inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_inputs: Option<String>,
    /// The same comparisons under settings by which the platform rounds no more than it was asked to, where it had others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<Box<Explained>>,
    /// What was collected to be compared with an expectation, by the group `golden`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub golden: Option<Box<crate::Golden>>,
    /// Remarks for a reader: which inputs, which variant, a near-tie of a router.
    pub notes: Vec<String>,
}

/// What a setting of a platform does to a difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    /// The setting, and what it was: `INFERENCE_PRECISION_HINT: bfloat16, OpenVINO's own choice`.
    pub setting: String,
    /// What was compared with it turned off.
    pub comparisons: Vec<Comparison>,
}

/// Whose code raised an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The code under test: a call into the model, its configuration or its library.
    Subject,
    /// Assay's worker (or a check that a preload registered).
    Worker,
}

/// A Python exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// Class of the exception, with its module unless it is a builtin: `ValueError`, `torch.OutOfMemoryError`.
    pub exception: String,
    /// Its message, at most 2,000 characters.
    pub message: String,
    /// `file:line in function` of the innermost frames, innermost last, at most 5.
    pub frames: Vec<String>,
    /// Whose code raised it.
    pub origin: Origin,
    /// It says that memory could not be had.
    #[serde(default)]
    pub out_of_memory: bool,
    /// The package that is missing, when that is what it says.
    #[serde(default)]
    pub missing_package: Option<String>,
    /// Why the subject is no model that can be run by itself, when that is what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_a_model: Option<String>,
    /// The stage of a platform in which it was raised: `export`, `compile`, `load`, `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What this machine lacks of a platform, when that is what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Unavailable>,
}

/// Why a machine has no such platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unavailable {
    /// What is lacking.
    pub kind: Lacking,
    /// In words, for a person.
    pub words: String,
    /// The command that mends it, if there is one.
    pub mend: Option<String>,
}

/// What a machine may lack of a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lacking {
    /// There is no such device.
    NoDevice,
    /// There is one, and nothing that drives it.
    NoDriver,
    /// A Python package is not installed.
    PackageMissing,
    /// A Python package or a driver is older than what is needed.
    VersionTooOld,
    /// Neither the operating system nor the processor can have it.
    NotSupportedHere,
    /// It is not made for this model: one without a plan for tensor parallelism.
    ModelUnsupported,
    /// Assay itself can't drive it yet.
    NotYet,
    /// The environment variable that would hold an endpoint's key is not set.
    NoKey,
    /// A key goes to nobody beyond this machine unless the user says so (`--live`).
    NotLive,
    /// It is there, and does not work: a driver that crashes, a small computation that comes out wrong.
    Broken,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDevice => "no device",
            Self::NoDriver => "no driver",
            Self::PackageMissing => "package missing",
            Self::VersionTooOld => "version too old",
            Self::NotSupportedHere => "not supported here",
            Self::ModelUnsupported => "not for this model",
            Self::NotYet => "not yet",
            Self::NoKey => "no key",
            Self::NotLive => "not live",
            Self::Broken => "broken",
        })
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.words)?;
        match &self.mend {
            Some(mend) => write!(f, " ({mend})"),
            None => Ok(()),
        }
    }
}

/// Difference of a result and its reference: tensors of one shape, compared element by element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// What was compared: `last_hidden_state, row 1`.
    pub label: String,
    /// `torch` type of the result without the prefix; `qint8` where weights are held in eight bits.
    pub dtype: String,
    /// Shape of both; if the shapes differ, `elements` is 0 and `shape_mismatch` says how.
    pub shape: Vec<u64>,
    /// Both shapes (or both types) in words, if they are not the same.
    #[serde(default)]
    pub shape_mismatch: Option<String>,
    /// Number of elements compared.
    pub elements: u64,
    /// Number of elements whose bits differ (two NaN are the same).
    pub differing: u64,
    /// Largest absolute difference where both are finite.
    pub max_difference: f64,
    /// Root mean square of the difference where both are finite.
    pub rms_difference: f64,
    /// Largest absolute value of the reference, where finite.
    pub max_reference: f64,
    /// Root mean square of the reference, where finite.
    pub rms_reference: f64,
    /// Number of elements that are finite in one and not in the other, or are different non-finite values.
    pub non_finite_mismatch: u64,
    /// Index of the largest difference.
    pub worst_index: Vec<u64>,
    /// Errors against a float64 run of the same, where the check made one.
    #[serde(default)]
    pub oracle: Option<OracleErrors>,
}

/// Root mean square errors against the float64 run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleErrors {
    /// rms(result − float64).
    pub result: f64,
    /// rms(reference − float64).
    pub reference: f64,
}

/// How many of how many have a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// What is counted: `finite elements of last_hidden_state`.
    pub label: String,
    /// How many have the property.
    pub have: u64,
    /// How many there are.
    pub of: u64,
    /// Names of those that lack it, at most 20.
    #[serde(default)]
    pub lacking: Vec<String>,
}

/// One call, made to see how it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What was wrong with it: `input_ids of rank 1`.
    pub label: String,
    /// The exception, if it raised one.
    pub raised: Option<Raised>,
    /// Number of floating-point output elements, if it answered.
    pub elements: u64,
    /// How many of them are not finite.
    pub non_finite: u64,
}

/// A quantity after each of some calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What is measured: `live bytes after each call`.
    pub label: String,
    /// In what: `bytes`.
    pub unit: String,
    /// The values, in the order of the calls.
    pub values: Vec<f64>,
}

/// One output of a forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputFact {
    /// Its name in the model's output; positions of tuples are `name.0`, `name.1`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its `torch` type without the prefix.
    pub dtype: String,
    /// Widths that the configuration names, of which one is among its dimensions; empty if it names none.
    #[serde(default)]
    pub widths: Vec<u64>,
}

/// How one case came to its end, as the runner saw it: what a worker said, or why it said nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The worker reported.
    Observed(Box<Observation>),
    /// The worker died: of a signal, or by leaving with a status.
    Crashed {
        /// The signal's number, if one killed it.
        signal: Option<i32>,
        /// The exit status, if it left by itself.
        status: Option<i32>,
        /// In words, with the stage: `killed by SIGSEGV while building the model`.
        detail: String,
    },
    /// A deadline passed and the worker was killed.
    TimedOut {
        /// The limit in seconds.
        limit_seconds: f64,
        /// `check` or `unit`.
        scope: String,
    },
    /// The memory cap was passed and the worker was killed.
    OutOfMemory {
        /// The cap in bytes.
        limit_bytes: u64,
    },
    /// What the worker said is not the protocol, or not for it to say.
    ProtocolBroken {
        /// What was wrong.
        detail: String,
    },
    /// The run stopped before it came to this case.
    NotRun {
        /// `fail-fast`, `interrupted`, `worker could not be started: …`.
        why: String,
    },
}

/// How it ended, in words for a person.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observed(_) => write!(f, "the worker reported"),
            Self::Crashed { detail, .. } | Self::ProtocolBroken { detail } => write!(f, "{detail}"),
            Self::TimedOut {
                limit_seconds,
                scope,
            } => write!(f, "the deadline of the {scope}, {limit_seconds} s, passed"),
            Self::OutOfMemory { limit_bytes } => {
                let mebibytes = limit_bytes / (1024 * 1024);
                write!(f, "the memory cap of {mebibytes} MiB was passed")
            }
            Self::NotRun { why } => write!(f, "{why}"),
        }
    }
}

impl Ending {
    /// What differed with the first inputs, where others were taken.
    #[must_use]
    pub fn other_inputs(&self) -> Option<&str> {
        match self {
            Self::Observed(observation) => observation.other_inputs.as_deref(),
            _ => None,
        }
    }
}
