use std::collections::{BTreeMap, HashMap};

use assay_model::event::{Event, Header, Output};
use assay_model::{
    Attempt, CaseRecord, CheckId, Counts, ExitCode, Family, Known, KnownIssue, KnownState,
    Measured, Outcome, Part, Plan, Provenance, Reason, ReasonKind, Subject,
};

use crate::Damage;

/// A run, folded from its log.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// What is known of it beforehand.
    pub header: Header,
    /// The cases in the order of the plan, each planned one once.
    pub cases: Vec<CaseRecord>,
    /// Cases counted. `recorded` counts those to which the log gives an outcome.
    pub counts: Counts,
    /// The units in the order of the plan.
    pub units: Vec<UnitFacts>,
    /// Planned cases to which a finished log gives no outcome: the run is not to be trusted.
    pub missing: Vec<String>,
    /// The signal that stopped it, if one did.
    pub signal: Option<String>,
    /// Whether the log has its last entry.
    pub finished: bool,
    /// Whether somebody is writing to the log right now.
    pub running: bool,
    /// How often it was taken up again after an interruption.
    pub resumed: u32,
    /// Whether its plan was recorded: without one nobody can say what is missing.
    pub planned: bool,
    /// When it began, or was last taken up again: known issues are believed or not by that day.
    pub last_started: String,
    /// Which part of a larger plan it ran, if it ran one.
    pub part: Option<Part>,
    /// Wall-clock seconds; of an unfinished run, none.
    pub wall_seconds: Option<f64>,
    /// CPU seconds of runner and workers; of an unfinished run, those of the workers that ended.
    pub cpu_seconds: f64,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What is wrong with the log.
    pub damages: Vec<Damage>,
}

/// A unit of a run.
#[derive(Debug, Clone)]
pub struct UnitFacts {
    /// The subject.
    pub subject: Subject,
    /// Its family, where the plan says one.
    pub family: Option<Family>,
    /// How many of [`Run::cases`] are its.
    pub cases: usize,
    /// What its workers printed, the last one that printed anything.
    pub output: Output,
    /// Why a worker was spawned instead of forked, if one was.
    pub spawned_because: Option<String>,
    /// Processes that its workers left behind.
    pub strays: u32,
    /// CPU seconds of its workers.
    pub cpu_seconds: f64,
    /// The largest peak memory of its workers, in bytes.
    pub peak_memory_bytes: u64,
}

/// Folds events, one by one: while a run goes on, or later from its log.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    run: Run,
    plan: Plan,
    judged: HashMap<(u32, CheckId), Judged>,
    /// CPU seconds before the run was taken up again.
    cpu_before: f64,
}

#[derive(Debug, Clone)]
struct Judged {
    attempts: Vec<Attempt>,
    provenance: Option<Provenance>,
    other_inputs: Option<String>,
    measured: Option<Box<Measured>>,
}

impl Fold {
    /// Takes one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::RunStarted(header) => {
                self.run.last_started.clone_from(&header.started);
                self.run.header = (**header).clone();
            }
            Event::Planned { plan } => self.plan(plan.clone()),
            Event::UnitStarted {
                unit,
                spawned_because,
                ..
            } => {
                if let Some(facts) = self.run.units.get_mut(*unit as usize) {
                    facts.spawned_because = facts
                        .spawned_because
                        .take()
                        .or_else(|| spawned_because.clone());
                }
            }
            Event::CaseJudged {
                unit,
                check,
                outcome,
                reason,
                provenance,
                other_inputs,
                measured,
                seconds,
            } => {
                let attempt = Attempt {
                    outcome: *outcome,
                    reason: reason.clone(),
                    seconds: *seconds,
                };
                let judged = self.judged.entry((*unit, check.clone())).or_insert(Judged {
                    attempts: Vec::new(),
                    provenance: None,
                    other_inputs: None,
                    measured: None,
                });
                // A retry that did not happen takes nothing back.
                if *outcome != Outcome::NotRun || judged.attempts.is_empty() {
                    judged.attempts.push(attempt);
                    judged.provenance = *provenance;
                    judged.other_inputs.clone_from(other_inputs);
                    judged.measured.clone_from(measured);
                }
            }
            Event::UnitEnded {
                unit,
                cpu_seconds,
                peak_memory_bytes,
                output,
                strays,
            } => {
                self.run.cpu_seconds += cpu_seconds;
                if let Some(facts) = self.run.units.get_mut(*unit as usize) {
                    facts.cpu_seconds += cpu_seconds;
                    facts.peak_memory_bytes = facts.peak_memory_bytes.max(*peak_memory_bytes);
                    facts.strays += strays;
                    if output.total_bytes > 0 {
                        facts.output = output.clone();
                    }
                }
            }
            Event::Resumed { started, .. } => {
                self.run.last_started.clone_from(started);
                self.run.resumed += 1;
                self.cpu_before = self.run.cpu_seconds;
                self.run.finished = false;
                self.run.signal = None;
                self.run.wall_seconds = None;
                // Cases that were recorded as not run are the ones that follow.
                for judged in self.judged.values_mut() {
                    judged
                        .attempts
                        .retain(|attempt| attempt.outcome != Outcome::NotRun);
                }
                self.judged.retain(|_, judged| !judged.attempts.is_empty());
            }
            Event::Warned { message } => self.run.warnings.push(message.clone()),
            Event::Interrupted { signal } => self.run.signal = Some(signal.clone()),
            Event::RunFinished {
                wall_seconds,
                cpu_seconds,
                ..
            } => {
                self.run.finished = true;
                self.run.wall_seconds = Some(*wall_seconds);
                self.run.cpu_seconds = self.cpu_before + cpu_seconds;
            }
            Event::CheckStarted { .. } | Event::CaseEnded { .. } | Event::Proven { .. } => {}
        }
    }

    fn plan(&mut self, plan: Plan) {
        let unit = |unit: &assay_model::UnitPlan| UnitFacts {
            subject: unit.subject.clone(),
            family: unit.family,
            cases: unit.checks.len(),
            output: Output::default(),
            spawned_because: None,
            strays: 0,
            cpu_seconds: 0.0,
            peak_memory_bytes: 0,
        };
        self.run.units = plan.units.iter().map(unit).collect();
        self.run.part = plan.part.clone();
        self.run.planned = true;
        self.plan = plan;
    }

    /// The plan, as the log has it.
    #[must_use]
    pub fn plan_of_run(&self) -> &Plan {
        &self.plan
    }

    /// What is known of the run beforehand.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.run.header
    }

    /// Per unit the checks that have no verdict yet, or the verdict that they were not run; units without any are left out.
    #[must_use]
    pub fn open_cases(&self) -> Vec<(u32, Vec<CheckId>)> {
        self.cases_where(|judged| {
            judged
                .and_then(|judged| judged.attempts.last())
                .is_none_or(|last| last.outcome == Outcome::NotRun)
        })
    }

    /// Per unit the checks whose last attempt is a failure that no known issue excuses, and that had at most so many attempts; units without
    /// any are left out.
    #[must_use]
    pub fn failed_cases(&self, attempts: usize) -> Vec<(u32, Vec<CheckId>)> {
        let mut failed = self.cases_where(|judged| {
            judged
                .and_then(|judged| judged.attempts.last())
                .is_some_and(|last| last.outcome.is_failure())
                && judged.is_some_and(|judged| judged.attempts.len() <= attempts)
        });
        for (unit, checks) in &mut failed {
            checks.retain(|check| {
                let judged = self.judged.get(&(*unit, check.clone()));
                let last =
                    judged.and_then(|judged| Some((judged.attempts.last()?, judged.provenance)));
                !last.is_some_and(|(last, provenance)| {
                    self.is_excused(*unit, check, last.outcome, last.reason.as_ref(), provenance)
                })
            });
        }
        failed.retain(|(_, checks)| !checks.is_empty());
        failed
    }

    /// The provenance of a unit's cases so far: a mock if one of them shows it.
    #[must_use]
    pub fn provenance(&self, unit: u32) -> Option<Provenance> {
        let of_unit = || {
            self.judged
                .iter()
                .filter(|((number, _), _)| *number == unit)
                .filter_map(|(_, judged)| judged.provenance)
        };
        of_unit()
            .find(|provenance| *provenance == Provenance::Mock)
            .or_else(|| of_unit().next())
    }

    /// Whether a known issue excuses a case with this outcome.
    #[must_use]
    pub fn is_excused(
        &self,
        unit: u32,
        check: &CheckId,
        outcome: Outcome,
        reason: Option<&Reason>,
        provenance: Option<Provenance>,
    ) -> bool {
        let Some(planned) = self.plan.units.get(unit as usize) else {
            return false;
        };
        let issue = planned
            .known
            .iter()
            .find(|(index, _)| {
                self.plan
                    .check(*index)
                    .is_some_and(|planned| planned.id == *check)
            })
            .and_then(|(_, issue)| self.plan.known_issues.get(*issue as usize));
        issue.is_some_and(|issue| {
            known(issue, outcome, reason, provenance, &self.run.last_started).state
                == KnownState::Excuses
        })
    }

    fn cases_where(&self, wanted: impl Fn(Option<&Judged>) -> bool) -> Vec<(u32, Vec<CheckId>)> {
        (0_u32..)
            .zip(&self.plan.units)
            .map(|(number, unit)| {
                let checks = unit
                    .checks
                    .iter()
                    .filter_map(|&index| self.plan.check(index));
                let wanted = checks
                    .filter(|check| wanted(self.judged.get(&(number, check.id.clone()))))
                    .map(|check| check.id.clone());
                (number, wanted.collect::<Vec<_>>())
            })
            .filter(|(_, checks)| !checks.is_empty())
            .collect()
    }

    /// The run as far as the log goes.
    #[must_use]
    pub fn finish(mut self, damages: Vec<Damage>) -> Run {
        let mut counts = Counts {
            planned: self.plan.cases(),
            ..Counts::default()
        };
        let mut run = std::mem::take(&mut self.run);
        run.damages = damages;
        for (number, unit) in (0_u32..).zip(&self.plan.units) {
            let subject = unit.subject.to_string();
            for &index in &unit.checks {
                let check = match self.plan.check(index) {
                    Some(check) => check.id.clone(),
                    None => CheckId::from(format!("unknown.{index}").as_str()),
                };
                let judged = self.judged.remove(&(number, check.clone()));
                let mut case = CaseRecord {
                    subject: subject.clone(),
                    platform: unit.platform,
                    check,
                    outcome: Outcome::NotRun,
                    reason: None,
                    provenance: None,
                    flaky: false,
                    attempts: Vec::new(),
                    seconds: 0.0,
                    other_inputs: None,
                    known_issue: None,
                    measured: None,
                };
                match judged
                    .as_ref()
                    .and_then(|judged| judged.attempts.last().cloned().map(|last| (judged, last)))
                {
                    Some((judged, last)) => {
                        case.outcome = last.outcome;
                        case.reason = last.reason;
                        case.provenance = judged.provenance;
                        case.other_inputs.clone_from(&judged.other_inputs);
                        case.measured.clone_from(&judged.measured);
                        counts.other_inputs += u64::from(case.other_inputs.is_some());
                        case.flaky = is_flaky(&judged.attempts);
                        case.seconds = judged.attempts.iter().map(|attempt| attempt.seconds).sum();
                        if case.outcome != Outcome::NotRun {
                            case.attempts.clone_from(&judged.attempts);
                        }
                        counts.add(case.outcome, case.provenance, case.flaky);
                    }
                    None => {
                        let detail = "the record ends before this case was judged".to_owned();
                        case.reason = Some(Reason {
                            kind: ReasonKind::Interrupted,
                            detail,
                        });
                        run.missing
                            .push(format!("{subject} {} {}", case.platform, case.check));
                    }
                }
                case.known_issue = unit
                    .known
                    .iter()
                    .find(|(check, _)| *check == index)
                    .and_then(|(_, issue)| self.plan.known_issues.get(*issue as usize))
                    .map(|issue| {
                        let reason = case.reason.as_ref();
                        known(
                            issue,
                            case.outcome,
                            reason,
                            case.provenance,
                            &run.last_started,
                        )
                    });
                let excused = case.outcome.is_failure() && !case.is_red();
                counts.known_issues += u64::from(excused);
                run.cases.push(case);
            }
        }
        if !run.finished {
            // Nobody was left to write these rows: they are not run, and said to be.
            counts.not_run += run.missing.len() as u64;
            run.missing.clear();
        }
        run.counts = counts;
        run
    }
}

/// What a known issue means for a case. A mock and Assay's own fault are never excused.
fn known(
    issue: &KnownIssue,
    outcome: Outcome,
    reason: Option<&Reason>,
    provenance: Option<Provenance>,
    started: &str,
) -> Known {
    // Both are ISO 8601, so that the text sorts as the dates do.
    let expired = started
        .get(..10)
        .is_none_or(|day| day > issue.expires.as_str());
    let excusable =
        outcome.is_failure() && outcome != Outcome::Errored && provenance != Some(Provenance::Mock);
    let is_as_known = issue.shows_as.is_empty()
        || reason.is_some_and(|reason| issue.shows_as.contains(&reason.kind));
    let state = match outcome {
        _ if expired => KnownState::Expired,
        Outcome::Passed if issue.sometimes => KnownState::Unused,
        Outcome::Passed => KnownState::Stale,
        _ if excusable && is_as_known => KnownState::Excuses,
        _ if excusable => KnownState::Different,
        _ => KnownState::Unused,
    };
    Known {
        reason: issue.reason.clone(),
        reference: issue.reference.clone(),
        expires: issue.expires.clone(),
        state,
    }
}

fn is_flaky(attempts: &[Attempt]) -> bool {
    matches!(attempts, [before @ .., last] if last.outcome == Outcome::Passed
        && before.iter().any(|attempt| attempt.outcome != Outcome::Passed))
}

impl Run {
    /// Whether it was stopped before its end: by a signal, or with its runner.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.signal.is_some() || !self.finished
    }

    /// What became of it, in a word: `passed`, `failed`, `nothing ran`, `interrupted` or `running`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.exit_code() {
            _ if self.running => "running",
            _ if self.is_interrupted() => "interrupted",
            ExitCode::Passed => "passed",
            ExitCode::NothingRan => "nothing ran",
            _ => "failed",
        }
    }

    /// Skipped cases by the kind of their reason.
    #[must_use]
    pub fn skipped_by_reason(&self) -> BTreeMap<String, u64> {
        let mut by_reason = BTreeMap::new();
        for case in self
            .cases
            .iter()
            .filter(|case| case.outcome == Outcome::Skipped)
        {
            let kind = case
                .reason
                .as_ref()
                .map_or_else(|| "unknown".into(), |reason| reason.kind.name());
            *by_reason.entry(kind).or_insert(0) += 1;
        }
        by_reason
    }

    /// The exit code of the run (`ExitCode` documents each).
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if self.is_interrupted() {
            return ExitCode::Interrupted;
        }
        // A case that nobody stopped and that was not run all the same: no worker could be started for it.
        let is_red = |case: &CaseRecord| case.is_red() || case.outcome == Outcome::NotRun;
        let failed = !self.planned || self.cases.iter().any(is_red);
        if failed || !self.missing.is_empty() || !self.damages.is_empty() {
            return ExitCode::Failed;
        }
        let ran = self.cases.iter().any(|case| {
            case.provenance == Some(Provenance::Real)
                && !matches!(case.outcome, Outcome::Skipped | Outcome::NotRun)
        });
        if !ran && !self.header.no_tests_pass {
            ExitCode::NothingRan
        } else {
            ExitCode::Passed
        }
    }
}
