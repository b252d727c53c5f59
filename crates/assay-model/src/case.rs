use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CheckId, Outcome, Platform, Provenance, Reason};

/// What is recorded of a case: the row of `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// Name of the subject.
    pub subject: String,
    /// Where it ran.
    pub platform: Platform,
    /// The check.
    pub check: CheckId,
    /// The verdict of the last attempt.
    pub outcome: Outcome,
    /// Why, unless it passed.
    pub reason: Option<Reason>,
    /// Whether a real model ran; none if nothing that could be examined ran.
    pub provenance: Option<Provenance>,
    /// Passed, but not at the first attempt.
    pub flaky: bool,
    /// Every attempt, the first one first; none for a case that was not run.
    pub attempts: Vec<Attempt>,
    /// Wall-clock seconds of all attempts.
    pub seconds: f64,
    /// Why the outcome is of other inputs than the first: [`crate::Observation::other_inputs`] of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_inputs: Option<String>,
    /// The known issue that takes the case, and whether it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_issue: Option<Known>,
    /// What was measured at the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Box<Measured>>,
}

/// What a case showed besides its verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Measured {
    /// The stage of the platform in which it ended, as the platform calls it, if that was before its end: `export`, `load`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Figures by name: those of [`crate::Figures`], and `export_milliseconds` and `export_peak_bytes`: what a stage took.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
}

impl CaseRecord {
    /// Whether the run is red because of it: a failure, unless a known issue excuses it, or a known issue that is stale.
    #[must_use]
    pub fn is_red(&self) -> bool {
        match self.known_issue.as_ref().map(|known| known.state) {
            Some(KnownState::Excuses) => false,
            Some(KnownState::Stale) => true,
            Some(KnownState::Different | KnownState::Expired | KnownState::Unused) | None => {
                self.outcome.is_failure()
            }
        }
    }
}

/// A known issue, as it bears on one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Why the case fails, in words.
    pub reason: String,
    /// A link, or a script that reproduces it.
    pub reference: String,
    /// The last day on which it is believed.
    pub expires: String,
    /// What it means for the case.
    pub state: KnownState,
}

/// What a known issue means for a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownState {
    /// The case failed, as was known: the run need not be red.
    Excuses,
    /// The case passed: the issue is gone, and the run is red until the entry is, too.
    Stale,
    /// The case failed in another way than was known: it counts as if there were no entry.
    Different,
    /// Its last day was before the run: the case counts as if there were no entry.
    Expired,
    /// The case did not run, failed in a way that no issue excuses (a mock, Assay's own fault), or passed where the issue shows with
    /// some seeds only.
    Unused,
}

/// One try at a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its verdict.
    pub outcome: Outcome,
    /// Why, unless it passed.
    pub reason: Option<Reason>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Cases counted: the top level of `summary.json`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each counts the outcome or attribute of its name"
)]
pub struct Counts {
    pub planned: u64,
    /// Cases that the log gives an outcome: fewer than planned means that the run is not to be trusted.
    pub recorded: u64,
    pub passed: u64,
    pub failed: u64,
    pub flaky: u64,
    pub skipped: u64,
    pub crashed: u64,
    pub timed_out: u64,
    pub out_of_memory: u64,
    pub not_run: u64,
    pub errored: u64,
    pub real: u64,
    pub mock: u64,
    /// Failures that a known issue excuses; they are counted as failures, too.
    #[serde(default)]
    pub known_issues: u64,
    /// Cases whose outcome is of other inputs, since rounding turned a choice with the first.
    #[serde(default)]
    pub other_inputs: u64,
}

impl Counts {
    /// Counts one recorded case.
    pub fn add(&mut self, outcome: Outcome, provenance: Option<Provenance>, flaky: bool) {
        self.recorded += 1;
        self.flaky += u64::from(flaky);
        *match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed => &mut self.failed,
            Outcome::Skipped => &mut self.skipped,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Crashed => &mut self.crashed,
            Outcome::OutOfMemory => &mut self.out_of_memory,
            Outcome::NotRun => &mut self.not_run,
            Outcome::Errored => &mut self.errored,
        } += 1;
        match provenance {
            Some(Provenance::Real) => self.real += 1,
            Some(Provenance::Mock) => self.mock += 1,
            None => {}
        }
    }

    /// Share of the planned cases that passed, from 0 to 1; none if nothing was planned.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a ratio for a person")]
        (self.planned > 0).then(|| self.passed as f64 / self.planned as f64)
    }
}
