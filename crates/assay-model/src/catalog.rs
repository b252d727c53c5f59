use serde::{Deserialize, Serialize};

use crate::{CheckSpec, Family};

/// One model type of the installed `transformers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// The model type: `bert`.
    pub name: String,
    /// Its family.
    pub family: Family,
    /// The class of its base model: `BertModel`.
    pub class: String,
    /// Auto classes that it has, sorted: `AutoModel`, `AutoModelForMaskedLM`, …
    pub auto_classes: Vec<String>,
    /// One auto class for each kind of head that it has (generation, classification, …), whose model is another than the base class.
    #[serde(default)]
    pub heads: Vec<String>,
}

/// What discovery found in a Python environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discovered {
    /// Every key of the base model mapping, sorted by name, whether it can be imported here or not.
    pub architectures: Vec<Architecture>,
    /// Names of the checks that the worker can observe.
    pub observers: Vec<String>,
    /// Checks that a preload registered.
    pub registered_checks: Vec<CheckSpec>,
}
