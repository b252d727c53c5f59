use std::collections::BTreeMap;

use assay_model::{Peer, Profile, ReasonKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// What `assay.toml` holds.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct File {
    /// The profile that is used without `--profile`.
    #[schemars(with = "Option<String>")]
    pub default_profile: Option<Spanned<String>>,
    /// Profiles by name. `quick`, `standard` and `full` exist without being written here, and so does `ci`.
    pub profile: BTreeMap<String, ProfileTable>,
    /// Servers by name: `assay api check NAME`, `assay run --type api`.
    pub endpoint: BTreeMap<String, EndpointTable>,
    /// What holds for some cases, in every profile. A profile's own overrides come first; of several that match, the first that
    /// sets a key counts.
    pub overrides: Vec<Override>,
}

/// One profile.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ProfileTable {
    /// The profile whose values hold where this one says nothing; `standard` if it is not said.
    #[schemars(with = "Option<String>")]
    pub inherits: Option<Spanned<String>>,
    /// How much is checked.
    #[schemars(with = "Option<Profile>")]
    pub checks: Option<Spanned<Profile>>,
    /// What is tested if the command line names nothing: architectures, folders, hub ids or `sampler`.
    #[schemars(with = "Option<Vec<String>>")]
    pub subjects: Option<Spanned<Vec<String>>>,
    /// Which cases (`assay help filter`); `-E` narrows it further.
    #[schemars(with = "Option<String>")]
    pub filter: Option<Spanned<String>>,
    /// Where to run.
    #[schemars(with = "Option<Vec<String>>")]
    pub platforms: Option<Spanned<Vec<String>>>,
    /// Units at a time.
    #[schemars(with = "Option<u16>", range(min = 1, max = 1024))]
    pub workers: Option<Spanned<u16>>,
    /// How long one check may take: `60s`, `5m`. A unit may take ten times as long.
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Spanned<String>>,
    /// Memory that one unit may take above what it shares: `512MiB`, `4GiB`.
    #[schemars(with = "Option<String>")]
    pub memory_limit: Option<Spanned<String>>,
    /// How often a case that failed is run again. Every attempt is kept, and a case that passes on a later one is `flaky`.
    #[schemars(with = "Option<u8>", range(max = 10))]
    pub retries: Option<Spanned<u8>>,
    /// Stop at the first case that fails.
    #[schemars(with = "Option<bool>")]
    pub fail_fast: Option<Spanned<bool>>,
    /// What a run is that executed no real case.
    #[schemars(with = "Option<NoTests>")]
    pub no_tests: Option<Spanned<NoTests>>,
    /// Seed of inputs and weights; drawn for each run if it is not said.
    #[schemars(with = "Option<u64>", range(max = 9_007_199_254_740_991_u64))]
    pub seed: Option<Spanned<u64>>,
    /// What holds for some cases, in this profile.
    pub overrides: Vec<Override>,
}

/// One server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndpointTable {
    /// The address to which the dialect's routes are added: `http://127.0.0.1:8000/v1`.
    #[schemars(with = "String")]
    pub base: Spanned<String>,
    /// The dialect that it speaks (`assay api list`).
    #[serde(default = "openai")]
    #[schemars(with = "String")]
    pub dialect: Spanned<String>,
    /// The model that is asked for.
    pub model: String,
    /// The environment variable that holds its key; the dialect's own, if it is not said. The key itself stands in no file.
    #[schemars(with = "Option<String>")]
    pub key_variable: Option<Spanned<String>>,
    /// What stands behind the address: `product`, `stand-in` or `self-written`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub peer: Peer,
    /// Only these checks, or groups of checks.
    #[schemars(with = "Option<Vec<String>>")]
    pub checks: Option<Spanned<Vec<String>>>,
}

fn openai() -> Spanned<String> {
    Spanned::new(0..0, "openai".into())
}

/// What a run is that executed no real case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum NoTests {
    Pass,
    Fail,
}

/// What holds for the cases that a filter takes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Override {
    /// Which cases. A limit holds for a whole unit as soon as one of its cases is meant.
    #[schemars(with = "String")]
    pub filter: Spanned<String>,
    /// How long one check may take.
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Spanned<String>>,
    /// Memory that a unit may take.
    #[schemars(with = "Option<String>")]
    pub memory_limit: Option<Spanned<String>>,
    /// How many of the units that this override takes may run at a time.
    #[schemars(with = "Option<u16>", range(min = 1, max = 1024))]
    pub workers: Option<Spanned<u16>>,
    /// These cases fail, and that is known.
    #[schemars(with = "Option<KnownIssue>")]
    pub known_issue: Option<Spanned<KnownIssue>>,
}

/// Why cases fail that need not stop anybody. One that passes turns the run red until this is taken away.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KnownIssue {
    /// In words.
    pub reason: String,
    /// Where it is reported. Either this or `script`.
    pub link: Option<String>,
    /// A file, from the folder of `assay.toml`, that reproduces it.
    #[schemars(with = "Option<String>")]
    pub script: Option<Spanned<String>>,
    /// The kinds of failure that are known: `["differs"]`. One that fails in another way is no known issue.
    #[schemars(with = "Vec<String>")]
    pub shows_as: Vec<ReasonKind>,
    /// The last day on which it is believed: `"2027-03-31"`. After it the cases count as failed.
    #[schemars(with = "String")]
    pub expires: Spanned<String>,
    /// It shows with some seeds only: a case that passes is not stale.
    #[serde(default)]
    pub sometimes: bool,
}
