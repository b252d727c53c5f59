use std::collections::BTreeMap;
use std::path::PathBuf;

use assay_catalog::Cache;
use assay_judge::{Proof, Weights, judge, measured, prove, prove_endpoint, prove_links};
use assay_model::event::Event;
use assay_model::{CheckId, Ending, Golden, Outcome, Platform, Provenance, Rule, Subject};
use assay_record::{Fold, LogWriter, RecordError};
use assay_runner::{Flow, Notice};

use crate::screen::{Screen, Shown};

/// Joins the runner, the judge, the log and the screen: each notice is judged and logged, and only then shown.
pub(crate) struct Recorder<'a> {
    log: LogWriter,
    /// What the log says so far.
    fold: Fold,
    screen: &'a mut Screen,
    nonce: u64,
    fail_fast: bool,
    /// Units of which an earlier worker was a mock, before the run was taken up again.
    mocks: BTreeMap<u32, Proof>,
    /// The units of this round: the index of a notice points into it.
    units: Vec<Unit>,
    /// Why the run stopped before its end, if it did.
    pub(crate) stopped: bool,
    /// The first error of the log; the run stops at it.
    pub(crate) broken: Option<RecordError>,
}

/// What is known of a unit until it is judged.
struct Unit {
    /// Its number in the plan.
    number: u32,
    /// By which its duration is kept.
    name: String,
    subject: String,
    platform: Platform,
    /// The folder of a checkpoint; an architecture's weights come from the nonce.
    checkpoint: Option<PathBuf>,
    /// What is expected of it.
    expected: Option<Box<Golden>>,
    /// The links of a workflow.
    links: Option<Vec<String>>,
    cases: Vec<Case>,
    proofs: Vec<Proof>,
    alive: bool,
    judged: bool,
    /// Every case of it was run.
    whole: bool,
    seconds: f64,
}

struct Case {
    check: CheckId,
    rule: Rule,
    ended: Option<(Ending, f64)>,
}

impl Unit {
    fn is_complete(&self) -> bool {
        !self.alive && !self.judged && self.cases.iter().all(|case| case.ended.is_some())
    }

    /// One worker that is a mock makes the unit one; otherwise one that is real makes it real.
    fn proof(&self) -> Option<&Proof> {
        let find = |provenance| {
            self.proofs
                .iter()
                .find(|proof| proof.provenance == provenance)
        };
        find(Some(Provenance::Mock))
            .or_else(|| find(Some(Provenance::Real)))
            .or(self.proofs.first())
    }
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        log: LogWriter,
        fold: Fold,
        screen: &'a mut Screen,
        nonce: u64,
        fail_fast: bool,
    ) -> Self {
        Self {
            log,
            fold,
            screen,
            nonce,
            fail_fast,
            mocks: BTreeMap::new(),
            units: Vec::new(),
            stopped: false,
            broken: None,
        }
    }

    /// What workers of units were proven to be before the run was taken up again: one that is a mock makes the unit one.
    pub(crate) fn remember(&mut self, mocks: BTreeMap<u32, Proof>) {
        self.mocks = mocks;
    }

    /// What the log says so far.
    pub(crate) fn fold(&self) -> &Fold {
        &self.fold
    }

    /// Begins a round: the units of the plan and the checks of each that are run in it, in the order of the runner's tasks.
    pub(crate) fn begin(&mut self, round: &[(u32, Vec<CheckId>)]) {
        let plan = self.fold.plan_of_run();
        let unit = |(number, checks): &(u32, Vec<CheckId>)| {
            let unit = plan.units.get(*number as usize)?;
            let cases = checks.iter().filter_map(|id| {
                let planned = plan.checks.iter().find(|check| check.id == *id)?;
                Some(Case {
                    check: id.clone(),
                    rule: planned.rule,
                    ended: None,
                })
            });
            Some(Unit {
                number: *number,
                name: unit.name(),
                subject: unit.subject.to_string(),
                platform: unit.platform,
                checkpoint: match &unit.subject {
                    Subject::Checkpoint { path, .. } => Some(path.clone()),
                    Subject::Architecture { .. }
                    | Subject::Workflow { .. }
                    | Subject::Endpoint(_) => None,
                },
                links: match &unit.subject {
                    Subject::Workflow { links, .. } => Some(links.keys().cloned().collect()),
                    Subject::Architecture { .. }
                    | Subject::Checkpoint { .. }
                    | Subject::Endpoint(_) => None,
                },
                expected: unit.expected.clone(),
                cases: cases.collect(),
                proofs: self.mocks.get(number).cloned().into_iter().collect(),
                alive: false,
                judged: false,
                whole: checks.len() == unit.checks.len(),
                seconds: 0.0,
            })
        };
        self.units = round.iter().filter_map(unit).collect();
        self.screen.begin(self.units.len() as u64);
    }

    /// The number in the plan of a unit of this round.
    fn number(&self, unit: u32) -> u32 {
        self.units
            .get(unit as usize)
            .map_or(u32::MAX, |state| state.number)
    }

    /// Appends to the log and to the fold; the first error stops the run.
    pub(crate) fn append(&mut self, event: Event) {
        if self.broken.is_some() {
            return;
        }
        match self.log.append(&event) {
            Ok(_) => self.fold.apply(&event),
            Err(error) => self.broken = Some(error),
        }
    }

    /// Takes one notice of the runner.
    pub(crate) fn take(&mut self, notice: Notice) -> Flow {
        let mut failed = false;
        match notice {
            Notice::UnitStarted {
                unit,
                pid,
                spawned_because,
            } => {
                let spawned = spawned_because
                    .as_ref()
                    .map(|because| format!("a worker was spawned instead of forked: {because}"));
                self.append(Event::UnitStarted {
                    unit: self.number(unit),
                    pid,
                    spawned_because,
                });
                if let Some(line) = spawned {
                    self.screen.line(&line);
                }
                if let Some(state) = self.units.get_mut(unit as usize) {
                    state.alive = true;
                    self.screen.working_on(&state.subject, None);
                }
            }
            Notice::CheckStarted { unit, check } => {
                if let Some(state) = self.units.get(unit as usize) {
                    self.screen.working_on(&state.subject, Some(check.as_str()));
                }
                self.append(Event::CheckStarted {
                    unit: self.number(unit),
                    check,
                });
            }
            Notice::CaseEnded {
                unit,
                check,
                ending,
                seconds,
            } => {
                self.append(Event::CaseEnded {
                    unit: self.number(unit),
                    check: check.clone(),
                    ending: ending.clone(),
                    seconds,
                });
                if let Some(state) = self.units.get_mut(unit as usize)
                    && let Some(case) = state.cases.iter_mut().find(|case| case.check == check)
                {
                    case.ended = Some((ending, seconds));
                }
                failed = self.judge_if_complete(unit);
            }
            Notice::Evidence { unit, evidence } => self.examine(unit, evidence),
            Notice::UnitEnded {
                unit,
                cpu_seconds,
                peak_memory_bytes,
                output,
                strays,
                ..
            } => {
                self.append(Event::UnitEnded {
                    unit: self.number(unit),
                    cpu_seconds,
                    peak_memory_bytes,
                    output: output.clone(),
                    strays,
                });
                self.screen.output(&output);
                if let Some(state) = self.units.get_mut(unit as usize) {
                    state.alive = false;
                }
                failed = self.judge_if_complete(unit);
            }
            Notice::Interrupted { signal } => {
                self.stopped = true;
                self.append(Event::Interrupted {
                    signal: signal.clone(),
                });
                self.screen
                    .line(&format!("stopping at {signal}; once more kills"));
            }
            Notice::Warned { message } => {
                self.append(Event::Warned {
                    message: message.clone(),
                });
                self.screen.line(&format!("warning: {message}"));
            }
            Notice::Discovered { .. } | Notice::Probed { .. } | Notice::Detected { .. } => {}
        }
        match &self.broken {
            Some(_) => Flow::Stop("the record can't be written".into()),
            None if failed && self.fail_fast => {
                self.stopped = true;
                Flow::Stop("fail-fast".into())
            }
            None => Flow::Continue,
        }
    }

    fn examine(&mut self, unit: u32, evidence: Box<assay_model::Evidence>) {
        let Some(state) = self.units.get_mut(unit as usize) else {
            return;
        };
        let weights = match &state.checkpoint {
            Some(folder) => Weights::of_checkpoint(folder),
            None => Ok(Weights::Nonce(self.nonce)),
        };
        let is_remote = state.platform == Platform::REMOTE;
        let proof = match weights {
            _ if is_remote => prove_endpoint(&evidence),
            Ok(weights) => match &state.links {
                Some(links) => prove_links(&evidence, links, self.nonce, &weights),
                None => prove(&evidence, self.nonce, &weights),
            },
            Err(error) => Proof {
                provenance: None,
                detail: error.to_string(),
            },
        };
        state.proofs.push(proof.clone());
        let Proof { provenance, detail } = proof;
        self.append(Event::Proven {
            unit: self.number(unit),
            evidence,
            provenance,
            detail,
        });
    }

    /// Judges a unit once its workers are gone and all its cases have ended; whether one of them is a failure.
    fn judge_if_complete(&mut self, unit: u32) -> bool {
        let Some(state) = self.units.get_mut(unit as usize) else {
            return false;
        };
        if !state.is_complete() {
            return false;
        }
        state.judged = true;
        let (subject, platform) = (state.subject.clone(), state.platform);
        let proof = state.proof().cloned();
        let expected = state.expected.take();
        // Taken, not copied: after this a unit holds nothing but names.
        let cases = std::mem::take(&mut state.cases);
        state.proofs = Vec::new();
        state.whole &= cases
            .iter()
            .all(|case| matches!(case.ended, Some((Ending::Observed(_), _))));
        state.seconds = cases
            .iter()
            .filter_map(|case| case.ended.as_ref())
            .map(|(_, seconds)| seconds)
            .sum();
        let number = state.number;
        // Why the unit was stopped before it could show evidence, if that is so: then nothing is known of what it did before.
        let stopped = cases.iter().find_map(|case| match &case.ended {
            Some((ending @ Ending::NotRun { .. }, _)) if proof.is_none() => Some(ending.clone()),
            _ => None,
        });
        let mut shown = Shown::new(subject, platform);
        for case in cases {
            let Some((ending, seconds)) = case.ended else {
                continue;
            };
            let mut verdict = judge(
                case.rule,
                &ending,
                platform,
                proof.as_ref(),
                expected.as_deref(),
            );
            if let Some(stopped) = &stopped
                && verdict.is_unproven()
            {
                verdict = judge(case.rule, stopped, platform, None, None);
            }
            // A case that was skipped executed nothing, however real the model is elsewhere; that of a mock stays one.
            let is_real = |provenance: &Provenance| *provenance == Provenance::Real;
            let provenance = proof
                .as_ref()
                .filter(|_| verdict.outcome != Outcome::NotRun)
                .and_then(|proof| proof.provenance)
                .filter(|its| !(is_real(its) && verdict.outcome == Outcome::Skipped));
            self.append(Event::CaseJudged {
                unit: self.number(unit),
                check: case.check.clone(),
                outcome: verdict.outcome,
                reason: verdict.reason.clone(),
                provenance,
                other_inputs: ending.other_inputs().map(ToOwned::to_owned),
                measured: measured(&ending, platform),
                seconds,
            });
            let known = self.fold.is_excused(
                number,
                &case.check,
                verdict.outcome,
                verdict.reason.as_ref(),
                provenance,
            );
            shown.add(&case.check, &verdict, provenance, seconds, known);
        }
        if self.broken.is_none() {
            self.screen.unit(&shown);
        }
        shown.failed()
    }

    /// Keeps how long units took that were run whole.
    pub(crate) fn keep_durations(&self, durations: &Cache) {
        for unit in self.units.iter().filter(|unit| unit.judged && unit.whole) {
            durations.keep_seconds(&unit.name, unit.seconds);
        }
    }

    /// Ends the log with what the run came to; gives back the fold.
    pub(crate) fn finish(
        mut self,
        before_the_log: f64,
        cpu_seconds: f64,
    ) -> Result<Fold, RecordError> {
        let mut finished = Event::RunFinished {
            counts: self.fold.clone().finish(Vec::new()).counts,
            wall_seconds: before_the_log + self.log.elapsed(),
            cpu_seconds,
            exit_code: 0,
        };
        let mut fold = self.fold.clone();
        fold.apply(&finished);
        if let Event::RunFinished { exit_code, .. } = &mut finished {
            *exit_code = fold.finish(Vec::new()).exit_code() as u8;
        }
        self.append(finished);
        match self.broken {
            Some(error) => Err(error),
            None => self.log.finish().map(|()| self.fold),
        }
    }
}
