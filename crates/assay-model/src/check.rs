use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Name of a check, `group.name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckId(String);

impl CheckId {
    /// The whole name: `forward.finite`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the dot.
    #[must_use]
    pub fn group(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl From<&str> for CheckId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The group of a built-in check. A check that a preload registers may name a group of its own.
pub type Group = String;

/// How much is checked: each profile holds the one before.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the names say it; the docs of the battery say what is in each"
)]
pub enum Profile {
    Quick,
    Standard,
    Full,
}

impl Profile {
    /// The name on the command line and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Full => "full",
        }
    }
}

impl FromStr for Profile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "quick" => Ok(Self::Quick),
            "standard" => Ok(Self::Standard),
            "full" => Ok(Self::Full),
            _ => Err(format!(
                "unknown profile `{text}`; there are quick, standard and full"
            )),
        }
    }
}

/// One named property that a correct model has and a plausible bug breaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckSpec {
    /// Its name.
    pub id: CheckId,
    /// The smallest profile that holds it.
    pub profile: Profile,
    /// What it asserts, as one sentence without a full stop.
    pub asserts: String,
    /// The bug it exists for.
    pub bug: String,
    /// The facts ([`crate::Facts::has`]) that a subject must have for the check to apply; none: it applies to all.
    pub needs: Vec<String>,
    /// How the judge reads its observation.
    pub rule: Rule,
}

/// How an observation is turned into an outcome. The rules themselves are in `assay-judge`. The page of each check says what its rule
/// says here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The check's code came to its end.
    Completes,
    /// Every tally is full: `have == of`, and `of` is not zero.
    Full,
    /// Every tally of finite elements is full: `have == of`, and `of` is not zero.
    Finite,
    /// Every comparison is bitwise equal, and every tally full.
    Bitwise,
    /// Every comparison is within the float64 oracle's bound, and every tally full.
    Oracle,
    /// Every comparison differs by far more than the noise of its type.
    Moves,
    /// Every call raised a Python exception, and every tally, if there is one, is full.
    Refuses,
    /// Every call raised a Python exception or gave a finite answer.
    RefusesOrAnswers,
    /// Every call raised a Python exception, and every comparison made afterwards is bitwise equal.
    Recovers,
    /// No series grows.
    Flat,
    /// The outputs have the shapes, types and names that the family promises.
    Promises,
    /// What was collected is the expectation of the plan, within its noise.
    Golden,
    /// Every tally of operations is full: the backend executed them all itself, and there were some.
    Executes,
}
