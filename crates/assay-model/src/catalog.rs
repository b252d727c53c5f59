use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CheckSpec, Family, Subject};

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

/// A chain of several models that the worker can run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its name: `draft_verify`.
    pub name: String,
    /// What it does, in words.
    pub says: String,
    /// The model of each link, by the link's name.
    pub links: BTreeMap<String, String>,
}

impl Workflow {
    /// The workflow as a subject.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::Workflow {
            name: self.name.clone(),
            links: self.links.clone(),
        }
    }
}

/// What discovery found in a Python environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discovered {
    /// Every key of the base model mapping, sorted by name, whether it can be imported here or not.
    pub architectures: Vec<Architecture>,
    /// Chains of several models.
    #[serde(default)]
    pub workflows: Vec<Workflow>,
    /// Names of the checks that the worker can observe.
    pub observers: Vec<String>,
    /// Checks that a preload registered.
    pub registered_checks: Vec<CheckSpec>,
}
