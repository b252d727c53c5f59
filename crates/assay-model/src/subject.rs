use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Raised;

/// The auto class of base models.
pub const BASE: &str = "AutoModel";

/// What is put to the test.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// A `transformers` model type, made tiny and filled with weights drawn from the run's nonce.
    Architecture {
        /// The model type: `bert`, `llama`, …
        name: String,
        /// The auto class that builds it: `AutoModel`, `AutoModelForCausalLM`, …
        auto_class: String,
    },
    /// Weights that exist: a folder in the layout of `save_pretrained`.
    Checkpoint {
        /// What the user called it: the path or hub id as given.
        name: String,
        /// The folder that holds `config.json` and the weights.
        path: PathBuf,
        /// SHA-256 in hex of its configuration, tokenizer and weights, names and contents.
        #[serde(default)]
        sha256: String,
        /// Whether code inside the checkpoint may run (`--trust-remote-code`).
        trust_remote_code: bool,
        /// Whether weights in pickle form may be loaded (`--allow-pickle`).
        allow_pickle: bool,
    },
    /// Several models in a chain, each fed by what the one before gives out.
    Workflow {
        /// Its name: `draft_verify`.
        name: String,
        /// The model of each link, as it would be shown by itself: `draft` → `llama:AutoModelForCausalLM`. Each has to be proven.
        links: BTreeMap<String, String>,
    },
    /// A server that is asked over HTTP.
    Endpoint(Endpoint),
}

/// A server, and how it is asked. Which key it gets is known by the name of an environment variable: the key itself is in no record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// What the user calls it.
    pub name: String,
    /// The dialect that it speaks: `openai`, `claude`, …
    pub dialect: String,
    /// Its address, to which the dialect's routes are added.
    pub base: String,
    /// The model that is asked for.
    pub model: String,
    /// The environment variable that holds its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_variable: Option<String>,
    /// What stands behind the address.
    #[serde(default)]
    pub peer: Peer,
}

/// What stands behind an endpoint's address: what holds of a stand-in does not hold of the product.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// Nobody has said.
    #[default]
    Unknown,
    /// The product itself.
    Product,
    /// Another program that speaks its dialect.
    StandIn,
    /// A server that was written to be tested.
    SelfWritten,
}

impl Peer {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::Unknown,
        Self::Product,
        Self::StandIn,
        Self::SelfWritten,
    ];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Product => "product",
            Self::StandIn => "stand-in",
            Self::SelfWritten => "self-written",
        }
    }
}

/// What the name of an endpoint begins with in the record; and the fact that its checks need.
pub const ENDPOINT: &str = "api";

/// What the name of a workflow begins with on the command line and in the record; and the fact that its checks need.
pub const WORKFLOW: &str = "workflow";

impl Subject {
    /// The base class of an architecture.
    #[must_use]
    pub fn architecture(name: impl Into<String>) -> Self {
        Self::Architecture {
            name: name.into(),
            auto_class: BASE.into(),
        }
    }
}

/// The name shown and recorded; the auto class is named where it isn't the base one.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture { name, auto_class } if auto_class == BASE => f.write_str(name),
            Self::Architecture { name, auto_class } => write!(f, "{name}:{auto_class}"),
            Self::Checkpoint { name, .. } => f.write_str(name),
            Self::Workflow { name, .. } => write!(f, "{WORKFLOW}:{name}"),
            Self::Endpoint(endpoint) => write!(f, "{ENDPOINT}:{}", endpoint.name),
        }
    }
}

/// The kind of model an architecture is, found from the auto mappings and the configuration class of the installed
/// `transformers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Family {
    EncoderOnly,
    DecoderOnly,
    EncoderDecoder,
    Vision,
    Audio,
    Multimodal,
    MixtureOfExperts,
    StateSpace,
    TimeSeries,
    /// None of the above could be shown.
    Other,
}

impl Family {
    /// Every family, in the order of the reports.
    pub const ALL: [Self; 10] = [
        Self::EncoderOnly,
        Self::DecoderOnly,
        Self::EncoderDecoder,
        Self::Vision,
        Self::Audio,
        Self::Multimodal,
        Self::MixtureOfExperts,
        Self::StateSpace,
        Self::TimeSeries,
        Self::Other,
    ];

    /// The name on the command line, in the log and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EncoderOnly => "encoder-only",
            Self::DecoderOnly => "decoder-only",
            Self::EncoderDecoder => "encoder-decoder",
            Self::Vision => "vision",
            Self::Audio => "audio",
            Self::Multimodal => "multimodal",
            Self::MixtureOfExperts => "mixture-of-experts",
            Self::StateSpace => "state-space",
            Self::TimeSeries => "time-series",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a worker makes the tiny model and its inputs again: found once by the probe, opaque to everyone else.
pub type Recipe = serde_json::Value;

/// What the probe found out about a subject, without judging it. Structural facts only (signature, configuration,
/// class): a behaviour that was measured could hide the very bug that a check looks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The Python class that was built: `BertModel`.
    pub class: String,
    /// The family, as far as the subject's own configuration shows it.
    pub family: Family,
    /// Number of parameters of the model that is run, shared ones once.
    pub parameters: u64,
    /// Names that decide which checks apply: `tokens`, `attention_mask`, `position_ids`, `tied_weights`, `batch`,
    /// `right_padding`, `left_padding`, `sentence_encoder`, … (`docs/reference/facts.md`).
    pub has: BTreeSet<String>,
    /// The inputs that are fed.
    pub inputs: Vec<InputFact>,
    /// What shrinking changed in the default configuration, and why.
    pub changes: Vec<ConfigChange>,
    /// Seconds that building and one forward took: the first estimate of how long the unit takes.
    pub seconds: f64,
    /// The way of shrinking that led to a model that runs.
    #[serde(default)]
    pub mode: String,
    /// Module types of the full-size default that the tiny model lacks (with `+`: has more).
    #[serde(default)]
    pub lost: Vec<String>,
    /// How much of the model some input calls.
    #[serde(default)]
    pub reach: Reach,
}

/// Leaf modules that hold parameters, and those that no input reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reach {
    /// How many there are.
    pub leaves: u64,
    /// Names of those that were not reached, at most 20.
    pub unreached: Vec<String>,
    /// How many were not reached.
    pub unreached_count: u64,
}

/// One input of the model's `forward`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFact {
    /// Argument of `forward`.
    pub name: String,
    /// Its shape, batch first.
    pub shape: Vec<u64>,
    /// Its `torch` type without the prefix: `int64`, `float32`.
    pub dtype: String,
}

/// One field of a configuration that shrinking changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigChange {
    /// Dotted path from the root of the configuration: `text_config.hidden_size`.
    pub field: String,
    /// The value before.
    pub from: serde_json::Value,
    /// The value after.
    pub to: serde_json::Value,
    /// The rule that did it.
    pub rule: String,
}

/// The probe's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probed {
    /// The subject can be built and fed.
    Ready {
        /// What it is.
        facts: Box<Facts>,
        /// How to make it again.
        recipe: Recipe,
    },
    /// It can't: the stage in which it failed, and how. Becomes the failed case `load.probe`.
    Failed {
        /// `config`, `shrink`, `build`, `inputs` or `forward`.
        stage: String,
        /// The exception.
        raised: Raised,
    },
    /// It is no model that can be run by itself. Becomes the skipped case `load.probe`.
    NotAModel {
        /// Why, and of what it is a part.
        detail: String,
    },
    /// A package that the architecture needs is not installed. Becomes the skipped case `load.probe`.
    MissingDependency {
        /// The package's name.
        package: String,
    },
}
