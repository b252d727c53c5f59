use serde::{Deserialize, Serialize};

use crate::{CheckId, Family, Golden, Platform, Rule, Subject};

/// All that a run will do, in the log before its first case runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The checks that occur, each once: [`UnitPlan::checks`] are indices into it.
    pub checks: Vec<PlannedCheck>,
    /// The units of work.
    pub units: Vec<UnitPlan>,
    /// Known issues of `assay.toml` that take a case of the plan: [`UnitPlan::known`] points into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_issues: Vec<KnownIssue>,
    /// Which part of a larger plan this is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// Why some cases fail that need not stop anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownIssue {
    /// The filter that takes them.
    pub filter: String,
    /// In words.
    pub reason: String,
    /// A link, or a script that reproduces it.
    pub reference: String,
    /// The kinds of failure that it excuses; any, if it says none (logs of before there were some).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows_as: Vec<crate::ReasonKind>,
    /// The last day on which it is believed, `YYYY-MM-DD`.
    pub expires: String,
    /// Whether it shows with some seeds only, so that a case that passes says nothing of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sometimes: bool,
}

/// A part of a larger plan (`--partition`): what `assay merge` needs to put the parts together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How it was cut: `hash:2/3`.
    pub partition: String,
    /// Which part, from 1.
    pub number: u32,
    /// Number of parts.
    pub of: u32,
    /// SHA-256 of the whole plan, in hex.
    pub whole: String,
    /// Where each unit stands in the whole plan.
    pub positions: Vec<u32>,
}

/// A check as it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCheck {
    /// Its name.
    pub id: CheckId,
    /// How its observation is judged.
    pub rule: Rule,
}

/// The unit of work and of isolation: one subject on one platform, with its checks in the order in which they run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitPlan {
    /// The subject.
    pub subject: Subject,
    /// Its family, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Where it runs.
    pub platform: Platform,
    /// Indices into [`Plan::checks`].
    pub checks: Vec<u32>,
    /// SHA-256 in hex of the recipe by which the worker makes the subject; empty if it can't be made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recipe_sha256: String,
    /// What the unit may take.
    #[serde(default, skip_serializing_if = "UnitLimits::is_empty")]
    pub limits: UnitLimits,
    /// Cases with a known issue: a check of [`UnitPlan::checks`], and an index into [`Plan::known_issues`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<(u32, u32)>,
    /// The expectation that is kept of the subject, if a planned check needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Box<Golden>>,
}

impl UnitPlan {
    /// The name of the subject, and of the platform unless it is the reference.
    #[must_use]
    pub fn name(&self) -> String {
        if self.platform.is_reference() || self.platform == Platform::REMOTE {
            self.subject.to_string()
        } else {
            format!("{} on {}", self.subject, self.platform)
        }
    }

    /// A unit under the run's own limits.
    #[must_use]
    pub fn new(subject: Subject, platform: Platform, checks: Vec<u32>) -> Self {
        Self {
            subject,
            family: None,
            platform,
            checks,
            recipe_sha256: String::new(),
            limits: UnitLimits::default(),
            known: Vec::new(),
            expected: None,
        }
    }
}

/// What overrides set for one unit; none where the run's own limits hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitLimits {
    /// Seconds for one check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_seconds: Option<f64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// A group of units, and how many of it may run at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<(u32, u16)>,
}

impl UnitLimits {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Plan {
    /// Number of cases.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.units.iter().map(|unit| unit.checks.len() as u64).sum()
    }

    /// The check behind an index of [`UnitPlan::checks`]; none if the plan is inconsistent.
    #[must_use]
    pub fn check(&self, index: u32) -> Option<&PlannedCheck> {
        self.checks.get(index as usize)
    }
}
