use std::collections::BTreeMap;

use assay_model::{
    Architecture, CheckSpec, Discovered, Family, Profile, Subject, UnknownPlatform, WORKFLOW,
    Workflow,
};

use crate::battery::battery;

/// The word on the command line for two architectures of every family.
pub const SAMPLER: &str = "sampler";

/// Which two architectures stand for a family in the sampler, the most used first. Only an order of preference: what the installed
/// `transformers` doesn't have is replaced by the family's first by name, and what is in which family is discovered.
const PREFERRED: [(Family, [&str; 2]); 9] = [
    (Family::EncoderOnly, ["bert", "distilbert"]),
    (Family::DecoderOnly, ["llama", "gpt2"]),
    (Family::EncoderDecoder, ["t5", "bart"]),
    (Family::Vision, ["vit", "resnet"]),
    (Family::Audio, ["whisper", "wav2vec2"]),
    (Family::Multimodal, ["clip", "llava"]),
    (Family::MixtureOfExperts, ["mixtral", "qwen3_moe"]),
    (Family::StateSpace, ["mamba", "mamba2"]),
    (Family::TimeSeries, ["patchtst", "time_series_transformer"]),
];

/// What a word on the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The sampler.
    Sampler,
    /// An architecture by name.
    Architecture(String),
    /// A checkpoint in a folder.
    Folder(String),
    /// A checkpoint by hub id, `organisation/name`.
    Hub(String),
}

/// Reads a word on the command line: a path is what starts with `.`, `/` or `~`, ends in `/` or exists as a folder with a
/// separator in its name; a hub id is any other word with one `/`; the rest are names of architectures.
#[must_use]
pub fn wanted(word: &str, is_folder: impl Fn(&str) -> bool) -> Wanted {
    if word == SAMPLER {
        return Wanted::Sampler;
    }
    let path_like = word.starts_with(['.', '/', '~']) || word.ends_with('/');
    if path_like || (word.contains('/') && is_folder(word)) {
        return Wanted::Folder(word.into());
    }
    match word.split_once('/') {
        Some(_) => Wanted::Hub(word.into()),
        None => Wanted::Architecture(word.into()),
    }
}

/// A name that does not exist. Each message says what does.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SelectionError {
    /// No architecture of that name.
    #[error("the installed transformers has no architecture `{name}`")]
    UnknownArchitecture {
        /// As given.
        name: String,
        /// The names that are nearest.
        nearest: Vec<String>,
    },
    /// The architecture has no such auto class.
    #[error("`{name}` has no auto class `{class}`")]
    UnknownClass {
        /// The architecture.
        name: String,
        /// As given.
        class: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// No workflow of that name.
    #[error("there is no workflow `{name}`")]
    UnknownWorkflow {
        /// As given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// No check or group of that name.
    #[error("there is no check or group `{name}`")]
    UnknownCheck {
        /// As given.
        name: String,
        /// The names that are nearest.
        nearest: Vec<String>,
        /// The groups that exist.
        groups: Vec<String>,
    },
    /// No family of that name.
    #[error("there is no family `{name}`")]
    UnknownFamily {
        /// As given.
        name: String,
    },
    /// No such platform, device or type of numbers.
    #[error("{unknown}{}", unknown.of.map_or_else(String::new, |_| format!(", in `{name}`")))]
    UnknownPlatform {
        /// As given.
        name: String,
        /// What is wrong with it.
        unknown: UnknownPlatform,
    },
    /// A preload registered a check under the name of a built-in one, or the same name twice.
    #[error("a preload registers the check `{name}`, which exists already")]
    DuplicateCheck {
        /// The name.
        name: String,
    },
    /// The worker observes other checks than the battery holds.
    #[error("the worker and the battery disagree about the checks: {difference}")]
    WorkerDisagrees {
        /// Names that only one of them has.
        difference: String,
    },
}

impl SelectionError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let list = |names: &[String]| names.join(", ");
        match self {
            Self::UnknownArchitecture { nearest, .. } if !nearest.is_empty() => {
                format!("did you mean {}? `assay list architectures` lists them all", list(nearest))
            }
            Self::UnknownArchitecture { .. } => {
                "`assay list architectures` lists them all; a folder is written ./name".into()
            }
            Self::UnknownClass { known, .. } => format!("it has {}", list(known)),
            Self::UnknownWorkflow { known, .. } => format!("the workflows are {}", list(known)),
            Self::UnknownCheck { nearest, groups, .. } => {
                let near = if nearest.is_empty() { String::new() } else { format!("did you mean {}? ", list(nearest)) };
                format!("{near}the groups are {}; `assay list checks` lists the checks", list(groups))
            }
            Self::UnknownFamily { .. } => format!("the families are {}", Family::ALL.map(Family::name).join(", ")),
            Self::UnknownPlatform { unknown, .. } if unknown.known.is_empty() => {
                "`assay list platforms` shows them; a device is a number after a colon (cuda:1), where a platform counts its devices".into()
            }
            Self::UnknownPlatform { unknown, .. } => format!("there is {}", unknown.known.join(", ")),
            Self::DuplicateCheck { .. } => "give the check in the preload another name".into(),
            Self::WorkerDisagrees { .. } => {
                "the Python sources are of another version than this binary: unset ASSAY_PYTHONPATH or build again".into()
            }
        }
    }
}

/// What can be tested in one environment.
#[derive(Debug, Clone)]
pub struct Catalog {
    architectures: BTreeMap<String, Architecture>,
    workflows: Vec<Workflow>,
    checks: Vec<CheckSpec>,
}

impl Catalog {
    /// The catalog of what discovery found.
    ///
    /// # Errors
    /// [`SelectionError::WorkerDisagrees`] if the worker's checks are not the battery's, [`SelectionError::DuplicateCheck`].
    pub fn new(discovered: Discovered) -> Result<Self, SelectionError> {
        let mut checks = battery();
        let differing: Vec<&str> = {
            let ours = || checks.iter().map(|spec| spec.id.as_str());
            let theirs = || discovered.observers.iter().map(String::as_str);
            let only_ours = ours().filter(|name| !theirs().any(|other| other == *name));
            let only_theirs = theirs().filter(|name| !ours().any(|other| other == *name));
            only_ours.chain(only_theirs).collect()
        };
        if !differing.is_empty() {
            return Err(SelectionError::WorkerDisagrees {
                difference: differing.join(", "),
            });
        }
        for spec in discovered.registered_checks {
            if checks.iter().any(|other| other.id == spec.id) {
                return Err(SelectionError::DuplicateCheck {
                    name: spec.id.to_string(),
                });
            }
            checks.push(spec);
        }
        let architectures = discovered
            .architectures
            .into_iter()
            .map(|row| (row.name.clone(), row))
            .collect();
        Ok(Self {
            architectures,
            workflows: discovered.workflows,
            checks,
        })
    }

    /// One without any model: for endpoints, which want no Python. The battery is there for its probe.
    #[must_use]
    pub fn without_models() -> Self {
        Self {
            architectures: BTreeMap::new(),
            workflows: Vec::new(),
            checks: battery(),
        }
    }

    /// The same with more checks.
    #[must_use]
    pub fn with_checks(mut self, more: impl IntoIterator<Item = CheckSpec>) -> Self {
        self.checks.extend(more);
        self
    }

    /// Every architecture, by name.
    pub fn architectures(&self) -> impl Iterator<Item = &Architecture> {
        self.architectures.values()
    }

    /// Every workflow.
    #[must_use]
    pub fn workflows(&self) -> &[Workflow] {
        &self.workflows
    }

    /// Every check, in the order in which a unit runs them: the battery, then what preloads registered.
    #[must_use]
    pub fn checks(&self) -> &[CheckSpec] {
        &self.checks
    }

    /// One architecture.
    ///
    /// # Errors
    /// [`SelectionError::UnknownArchitecture`], with the nearest names.
    pub fn architecture(&self, name: &str) -> Result<&Architecture, SelectionError> {
        self.architectures
            .get(name)
            .ok_or_else(|| SelectionError::UnknownArchitecture {
                name: name.into(),
                nearest: nearest(name, self.architectures.keys().map(String::as_str)),
            })
    }

    /// The subject that a word names: `bert`, one of its auto classes: `bert:AutoModelForMaskedLM`, or `workflow:draft_verify`.
    ///
    /// # Errors
    /// [`SelectionError::UnknownArchitecture`], [`SelectionError::UnknownClass`], [`SelectionError::UnknownWorkflow`].
    pub fn subject(&self, word: &str) -> Result<Subject, SelectionError> {
        let Some((name, class)) = word.split_once(':') else {
            return Ok(Subject::architecture(&self.architecture(word)?.name));
        };
        if name == WORKFLOW {
            return self.workflow(class);
        }
        let row = self.architecture(name)?;
        if !row.auto_classes.iter().any(|known| known == class) {
            return Err(SelectionError::UnknownClass {
                name: row.name.clone(),
                class: class.into(),
                known: row.auto_classes.clone(),
            });
        }
        Ok(Subject::Architecture {
            name: row.name.clone(),
            auto_class: class.into(),
        })
    }

    fn workflow(&self, name: &str) -> Result<Subject, SelectionError> {
        let found = self.workflows.iter().find(|row| row.name == name);
        let row = found.ok_or_else(|| SelectionError::UnknownWorkflow {
            name: name.into(),
            known: self.workflows.iter().map(|row| row.name.clone()).collect(),
        })?;
        Ok(row.subject())
    }

    /// What is known of an architecture; none of another subject.
    #[must_use]
    pub fn row_of(&self, subject: &Subject) -> Option<&Architecture> {
        match subject {
            Subject::Architecture { name, .. } => self.architectures.get(name),
            Subject::Checkpoint { .. } | Subject::Workflow { .. } | Subject::Endpoint(_) => None,
        }
    }

    /// Two architectures of every family, in the order of the families.
    #[must_use]
    pub fn sampler(&self) -> Vec<&Architecture> {
        let mut chosen = Vec::new();
        for (family, preferred) in PREFERRED {
            let of_family = |row: &&Architecture| row.family == family;
            let first = preferred
                .iter()
                .filter_map(|name| self.architectures.get(*name))
                .filter(of_family);
            let rest = self
                .architectures()
                .filter(of_family)
                .filter(|row| !preferred.contains(&row.name.as_str()));
            chosen.extend(first.chain(rest).take(2));
        }
        chosen
    }

    /// The checks of a profile, narrowed to those that the patterns name (all of them if there are none): `forward`, `forward.*`
    /// or `forward.finite`. A check that is named whole is taken whatever the profile.
    ///
    /// # Errors
    /// [`SelectionError::UnknownCheck`] if a pattern names nothing.
    pub fn select_checks(
        &self,
        profile: Profile,
        patterns: &[String],
    ) -> Result<Vec<&CheckSpec>, SelectionError> {
        if let Some(unknown) = patterns
            .iter()
            .find(|pattern| !self.checks.iter().any(|spec| matches(spec, pattern)))
        {
            let names = self.checks.iter().map(|spec| spec.id.as_str());
            let mut groups: Vec<String> = self
                .checks
                .iter()
                .map(|spec| spec.id.group().to_owned())
                .collect();
            groups.dedup();
            let nearest = nearest(unknown, names.chain(groups.iter().map(String::as_str)));
            return Err(SelectionError::UnknownCheck {
                name: unknown.clone(),
                nearest,
                groups,
            });
        }
        let in_profile = |spec: &&CheckSpec| spec.profile <= profile;
        let named = |spec: &CheckSpec| patterns.iter().any(|pattern| spec.id.as_str() == pattern);
        let selected = |spec: &&CheckSpec| {
            named(spec)
                || (in_profile(spec)
                    && (patterns.is_empty() || patterns.iter().any(|p| matches(spec, p))))
        };
        Ok(self.checks.iter().filter(selected).collect())
    }
}

fn matches(spec: &CheckSpec, pattern: &str) -> bool {
    spec.id.as_str() == pattern || spec.id.group() == pattern.strip_suffix(".*").unwrap_or(pattern)
}

/// At most three names that are near to what was written, the nearest first.
#[must_use]
pub fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    // 0.7 of the Jaro-Winkler similarity is where clap's own suggestions begin.
    let mut near: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&written.to_lowercase(), name), name))
        .filter(|(similarity, _)| *similarity > 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by_key(|(_, name)| *name);
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(names: &[(&str, Family)]) -> Catalog {
        let row = |&(name, family): &(&str, Family)| Architecture {
            name: name.into(),
            family,
            class: "Model".into(),
            auto_classes: vec![],
            heads: vec![],
        };
        Catalog::new(Discovered {
            architectures: names.iter().map(row).collect(),
            observers: battery().iter().map(|spec| spec.id.to_string()).collect(),
            workflows: vec![],
            registered_checks: vec![],
        })
        .unwrap()
    }

    #[test]
    fn words_are_read_by_their_shape() {
        let read = |word| wanted(word, |folder| folder == "models/mine");
        assert_eq!(read("bert"), Wanted::Architecture("bert".into()));
        assert_eq!(read("sampler"), Wanted::Sampler);
        assert_eq!(read("./bert"), Wanted::Folder("./bert".into()));
        assert_eq!(read("models/mine"), Wanted::Folder("models/mine".into()));
        assert_eq!(read("google/bert"), Wanted::Hub("google/bert".into()));
    }

    #[test]
    fn an_unknown_architecture_suggests_the_nearest() {
        let catalog = catalog(&[
            ("bert", Family::EncoderOnly),
            ("roberta", Family::EncoderOnly),
        ]);
        let error = catalog.architecture("brt").unwrap_err();
        assert!(error.hint().contains("bert"), "{}", error.hint());
    }

    #[test]
    fn the_sampler_prefers_the_known_and_falls_back_to_the_family() {
        let catalog = catalog(&[
            ("aaa", Family::Vision),
            ("vit", Family::Vision),
            ("zzz", Family::Vision),
            ("bert", Family::EncoderOnly),
        ]);
        let names: Vec<&str> = catalog
            .sampler()
            .iter()
            .map(|row| row.name.as_str())
            .collect();
        assert_eq!(names, ["bert", "vit", "aaa"]);
    }

    #[test]
    fn a_profile_holds_the_one_before_and_a_whole_name_needs_none() {
        let catalog = catalog(&[]);
        let names = |profile, patterns: &[&str]| -> Vec<String> {
            let patterns: Vec<String> = patterns.iter().map(|&p| p.into()).collect();
            catalog
                .select_checks(profile, &patterns)
                .unwrap()
                .iter()
                .map(|spec| spec.id.to_string())
                .collect()
        };
        assert!(names(Profile::Quick, &[]).len() < names(Profile::Standard, &[]).len());
        assert_eq!(
            names(Profile::Quick, &["save_load.tied"]),
            ["save_load.tied"]
        );
        assert!(names(Profile::Quick, &["save_load"]).is_empty());
        assert_eq!(
            names(Profile::Quick, &["batch.*"]),
            names(Profile::Full, &["batch"])
        );
    }

    #[test]
    fn an_unknown_check_says_what_exists() {
        let error = catalog(&[])
            .select_checks(Profile::Quick, &["forward.finit".into()])
            .unwrap_err();
        assert!(error.hint().contains("forward.finite"), "{}", error.hint());
        assert!(error.hint().contains("save_load"), "{}", error.hint());
    }

    #[test]
    fn a_worker_of_another_version_is_refused() {
        let discovered = Discovered {
            architectures: vec![],
            observers: vec!["load.probe".into()],
            workflows: vec![],
            registered_checks: vec![],
        };
        assert!(matches!(
            Catalog::new(discovered),
            Err(SelectionError::WorkerDisagrees { .. })
        ));
    }
}
