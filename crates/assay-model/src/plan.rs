use serde::{Deserialize, Serialize};

use crate::{CheckId, Platform, Rule, Subject};

/// All that a run will do, in the log before its first case runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The checks that occur, each once: [`UnitPlan::checks`] are indices into it.
    pub checks: Vec<PlannedCheck>,
    /// The units of work.
    pub units: Vec<UnitPlan>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPlan {
    /// The subject.
    pub subject: Subject,
    /// Where it runs.
    pub platform: Platform,
    /// Indices into [`Plan::checks`].
    pub checks: Vec<u32>,
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
