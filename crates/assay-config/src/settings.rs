use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use assay_catalog::filter::Filter;
use assay_catalog::{Override, SAMPLER};
use assay_model::Profile;
use serde::Serialize;
use serde_json::{Value, json};

use crate::file::NoTests;
use crate::quantity::{duration_text, size_text};
use crate::read::{BUILT_IN, Loaded};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// It is Assay's own.
    Default,
    /// A built-in profile has it.
    Profile {
        /// Its name.
        name: String,
    },
    /// A file.
    File {
        /// Which.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The key: `profile.ci.timeout`.
        key: String,
    },
    /// An option.
    CommandLine {
        /// Its name: `--timeout`.
        option: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile { name } => write!(f, "built-in profile {name}"),
            Self::File { path, line, key } => write!(f, "{}:{line} ({key})", path.display()),
            Self::CommandLine { option } => f.write_str(option),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

type Found<T> = Option<(T, Source)>;

/// A profile as it was read, or as it is built in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Built {
    pub(crate) inherits: Option<String>,
    pub(crate) checks: Found<Profile>,
    pub(crate) subjects: Found<Vec<String>>,
    pub(crate) filter: Found<Filter>,
    pub(crate) platforms: Found<Vec<String>>,
    pub(crate) workers: Found<u16>,
    pub(crate) timeout: Found<f64>,
    pub(crate) memory_limit: Found<u64>,
    pub(crate) retries: Found<u8>,
    pub(crate) fail_fast: Found<bool>,
    pub(crate) no_tests: Found<NoTests>,
    pub(crate) seed: Found<u64>,
    pub(crate) overrides: Vec<Rule>,
}

/// An override, and where it is written.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What holds for which cases.
    pub holds: Override,
    /// Where it is written.
    pub source: Source,
}

/// What the command line says; none where it says nothing.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the options of the same names")]
pub struct CommandLine {
    pub profile: Option<String>,
    pub platforms: Option<Vec<String>>,
    pub workers: Option<u16>,
    pub timeout: Option<f64>,
    pub memory_limit: Option<u64>,
    pub retries: Option<u8>,
    pub fail_fast: Option<bool>,
    pub no_tests: Option<NoTests>,
    pub seed: Option<u64>,
}

/// What holds in the end.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the profile.
    pub profile: Setting<String>,
    /// Which battery.
    pub checks: Setting<Profile>,
    /// What is tested if the command line names nothing.
    pub subjects: Setting<Vec<String>>,
    /// Which cases.
    pub filter: Setting<Filter>,
    /// Where.
    pub platforms: Setting<Vec<String>>,
    /// Units at a time; none: the number of processors.
    pub workers: Setting<Option<u16>>,
    /// Seconds for one check.
    pub timeout: Setting<f64>,
    /// Bytes; none: a share of the machine's.
    pub memory_limit: Setting<Option<u64>>,
    /// Attempts after the first.
    pub retries: Setting<u8>,
    /// Stop at the first failure.
    pub fail_fast: Setting<bool>,
    /// What a run without a real case is.
    pub no_tests: Setting<NoTests>,
    /// None: drawn.
    pub seed: Setting<Option<u64>>,
    /// The overrides, the one that counts first.
    pub overrides: Vec<Rule>,
}

/// Everything that holds, for a person or a program.
pub type Effective = Vec<Row>;

/// A key, its value and where it comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The key in `assay.toml`.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub source: Source,
}

/// Seconds for one check: twice the slowest check of the sampler on two slow cores would do; a minute leaves room for machines that do
/// other work.
const TIMEOUT: f64 = 60.0;

fn built_in(name: &str) -> Built {
    let source = || Source::Profile { name: name.into() };
    let battery = |profile| Built {
        checks: Some((profile, source())),
        ..Built::default()
    };
    match name {
        "quick" => battery(Profile::Quick),
        "standard" => battery(Profile::Standard),
        "full" => battery(Profile::Full),
        // Machines of a CI service are shared and slow, and a failure that does not come again is worth to be told from one that does.
        "ci" => Built {
            inherits: Some("standard".into()),
            timeout: Some((2.0 * TIMEOUT, source())),
            retries: Some((1, source())),
            ..Built::default()
        },
        _ => Built::default(),
    }
}

impl Loaded {
    /// Every profile that exists.
    #[must_use]
    pub fn profiles(&self) -> Vec<&str> {
        let mut names: Vec<&str> = BUILT_IN.to_vec();
        names.extend(
            self.profiles
                .keys()
                .map(String::as_str)
                .filter(|name| !BUILT_IN.contains(name)),
        );
        names
    }

    /// The profile and those it inherits from, what is written before what is built in.
    fn chain(&self, name: &str) -> Vec<Built> {
        let mut chain = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next {
            let own = built_in(&name);
            let written = self.profiles.get(&name).cloned().unwrap_or_default();
            let is_built_in = BUILT_IN.contains(&name.as_str());
            let otherwise = (!is_built_in).then(|| "standard".to_owned());
            next = written
                .inherits
                .clone()
                .or_else(|| own.inherits.clone())
                .or(otherwise);
            chain.push(written);
            chain.push(own);
        }
        chain
    }

    /// What holds under this command line.
    ///
    /// # Errors
    /// The name of a profile that does not exist, and those that do.
    pub fn settings(&self, said: CommandLine) -> Result<Settings, (String, Vec<String>)> {
        let profile = match (said.profile, &self.default_profile) {
            (Some(name), _) => Setting {
                value: name,
                source: option("--profile"),
            },
            (None, Some((name, source))) => Setting {
                value: name.clone(),
                source: source.clone(),
            },
            (None, None) => Setting {
                value: "standard".into(),
                source: Source::Default,
            },
        };
        if !self.profiles().contains(&profile.value.as_str()) {
            let names = self.profiles().into_iter().map(str::to_owned).collect();
            return Err((profile.value, names));
        }
        let chain = self.chain(&profile.value);
        macro_rules! pick {
            ($field:ident, $option:literal, $default:expr) => {
                pick(
                    said.$field.map(|value| (value, option($option))),
                    chain.iter().filter_map(|profile| profile.$field.clone()),
                    $default,
                )
            };
        }
        Ok(Settings {
            checks: pick(
                None,
                chain.iter().filter_map(|profile| profile.checks.clone()),
                Profile::Standard,
            ),
            subjects: pick(
                None,
                chain.iter().filter_map(|profile| profile.subjects.clone()),
                vec![SAMPLER.into()],
            ),
            filter: pick(
                None,
                chain.iter().filter_map(|profile| profile.filter.clone()),
                Filter::all(),
            ),
            platforms: pick!(platforms, "--platform", vec!["cpu".into()]),
            workers: pick(
                said.workers.map(|n| (Some(n), option("--workers"))),
                chain.iter().filter_map(|p| p.workers.clone()).map(some),
                None,
            ),
            timeout: pick!(timeout, "--timeout", TIMEOUT),
            memory_limit: pick(
                said.memory_limit
                    .map(|n| (Some(n), option("--memory-limit"))),
                chain
                    .iter()
                    .filter_map(|p| p.memory_limit.clone())
                    .map(some),
                None,
            ),
            retries: pick!(retries, "--retries", 0),
            fail_fast: pick!(fail_fast, "--fail-fast", false),
            no_tests: pick!(no_tests, "--no-tests", NoTests::Fail),
            seed: pick(
                said.seed.map(|n| (Some(n), option("--seed"))),
                chain.iter().filter_map(|p| p.seed.clone()).map(some),
                None,
            ),
            overrides: chain
                .iter()
                .flat_map(|profile| profile.overrides.iter().cloned())
                .chain(self.overrides.iter().cloned())
                .collect(),
            profile,
        })
    }
}

fn some<T>((value, source): (T, Source)) -> (Option<T>, Source) {
    (Some(value), source)
}

fn option(name: &str) -> Source {
    Source::CommandLine {
        option: name.into(),
    }
}

fn pick<T>(
    said: Found<T>,
    mut written: impl Iterator<Item = (T, Source)>,
    default: T,
) -> Setting<T> {
    let (value, source) = said
        .or_else(|| written.next())
        .unwrap_or((default, Source::Default));
    Setting { value, source }
}

impl Settings {
    /// Every key with its value and source, in the order of the template.
    #[must_use]
    pub fn effective(&self) -> Effective {
        fn row<T>(key: &str, setting: &Setting<T>, value: Value) -> Row {
            Row {
                key: key.into(),
                value,
                source: setting.source.clone(),
            }
        }
        let mut rows = vec![
            row("profile", &self.profile, json!(self.profile.value)),
            row("checks", &self.checks, json!(self.checks.value)),
            row("subjects", &self.subjects, json!(self.subjects.value)),
            row("filter", &self.filter, json!(self.filter.value.source())),
            row("platforms", &self.platforms, json!(self.platforms.value)),
            row("workers", &self.workers, json!(self.workers.value)),
            row(
                "timeout",
                &self.timeout,
                json!(duration_text(self.timeout.value)),
            ),
            row(
                "memory-limit",
                &self.memory_limit,
                json!(self.memory_limit.value.map(size_text)),
            ),
            row("retries", &self.retries, json!(self.retries.value)),
            row("fail-fast", &self.fail_fast, json!(self.fail_fast.value)),
            row("no-tests", &self.no_tests, json!(self.no_tests.value)),
            row("seed", &self.seed, json!(self.seed.value)),
        ];
        for rule in &self.overrides {
            let holds = &rule.holds;
            let mut value = BTreeMap::from([("filter", json!(holds.filter.source()))]);
            if let Some(seconds) = holds.check_seconds {
                value.insert("timeout", json!(duration_text(seconds)));
            }
            if let Some(bytes) = holds.memory_bytes {
                value.insert("memory-limit", json!(size_text(bytes)));
            }
            if let Some(workers) = holds.workers {
                value.insert("workers", json!(workers));
            }
            if let Some(issue) = &holds.known_issue {
                let mut known = json!({"reason": issue.reason, "reference": issue.reference, "shows-as": issue.shows_as, "expires": issue.expires});
                if issue.sometimes {
                    known["sometimes"] = json!(true);
                }
                value.insert("known-issue", known);
            }
            rows.push(Row {
                key: "override".into(),
                value: json!(value),
                source: rule.source.clone(),
            });
        }
        rows
    }
}
