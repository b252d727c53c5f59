use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drive::Span;
use super::load::Load;
use super::prompt::Prompts;
use super::slo::Slo;

/// Loads that a sweep tries at most: from one request a second to a thousand.
pub const STEPS: u32 = 11;

/// What is measured, and how. It travels to the worker in the recipe of its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The load; of a sweep the first one.
    pub load: Load,
    /// Whether it is doubled until the server does no more.
    pub sweep: bool,
    /// What is asked.
    pub prompts: Prompts,
    /// How long; of a sweep each load.
    pub span: Span,
    /// What is promised.
    pub slo: Option<Slo>,
    /// The share of requests that have to keep it.
    pub goodput: Option<f64>,
    /// Requests under way at most; others wait.
    pub most: usize,
    /// How long a request may take, and how long before that it may wait.
    pub answer: Duration,
    /// From the address' root: where the server says what it counted.
    pub metrics: Option<String>,
}

impl Plan {
    /// How long all of it takes at most.
    #[must_use]
    pub fn takes(&self) -> Duration {
        let one = self.span.warmup + self.span.lasts + 2 * self.answer;
        one * if self.sweep { STEPS } else { 1 }
    }
}
