use assay_model::event::{Entry, Event};
use assay_model::{ExitCode, Verdict};
use assay_record::{Fold, Wanted, log_path, read_entries};

use crate::arguments::ReplayArguments;
use crate::failure::Failure;
use crate::folders;
use crate::reporting::look;
use crate::screen::{Screen, Shown};

/// `assay replay`: the lines of a run in their order, then its report. Ends with the exit code of the run.
pub(crate) fn replay(arguments: &ReplayArguments) -> Result<ExitCode, Failure> {
    let path = log_path(&folders::run_folder(&arguments.run)?);
    let mut replay = Replay {
        screen: Screen::of_replay(arguments.verbose),
        fold: Fold::default(),
        unit: None,
    };
    let mut damages = Vec::new();
    read_entries(
        &path,
        Wanted::All,
        |entry| replay.take(&entry),
        |damage| damages.push(damage),
    )
    .map_err(|error| Failure::record(error.to_string()))?;
    replay.flush();
    let run = replay.fold.finish(damages);
    say!("\n{}", assay_report::terminal(&run, look()).trim_end());
    Ok(run.exit_code())
}

struct Replay {
    screen: Screen,
    fold: Fold,
    /// The unit whose verdicts are being read: they follow each other in the log.
    unit: Option<(u32, Shown)>,
}

impl Replay {
    fn take(&mut self, entry: &Entry) {
        self.fold.apply(&entry.event);
        if let Event::CaseJudged {
            unit,
            check,
            outcome,
            reason,
            provenance,
            seconds,
            ..
        } = &entry.event
        {
            if self.unit.as_ref().is_none_or(|(shown, _)| shown != unit) {
                self.flush();
                let plan = self.fold.plan_of_run();
                self.unit = plan.units.get(*unit as usize).map(|planned| {
                    (
                        *unit,
                        Shown::new(planned.subject.to_string(), planned.platform),
                    )
                });
            }
            let verdict = Verdict {
                outcome: *outcome,
                reason: reason.clone(),
            };
            let known = self
                .fold
                .is_excused(*unit, check, *outcome, reason.as_ref(), *provenance);
            if let Some((_, shown)) = &mut self.unit {
                shown.add(check, &verdict, *provenance, *seconds, known);
            }
            return;
        }
        self.flush();
        match &entry.event {
            Event::RunStarted(header) => {
                self.screen
                    .line(&format!("run {} began {}", header.run, header.started));
                self.screen.line(&format!("$ {}", header.command.join(" ")));
            }
            Event::Planned { plan } => {
                self.screen.line(&format!(
                    "planned {} cases in {} units",
                    plan.cases(),
                    plan.units.len()
                ));
            }
            Event::UnitStarted {
                spawned_because: Some(because),
                ..
            } => self.screen.line(&format!(
                "a worker was spawned instead of forked: {because}"
            )),
            Event::UnitEnded { output, .. } => self.screen.output(output),
            Event::Warned { message } => self.screen.line(&format!("warning: {message}")),
            Event::Interrupted { signal } => self.screen.line(&format!("stopping at {signal}")),
            Event::Resumed {
                started, command, ..
            } => {
                self.screen.line(&format!("taken up again {started}"));
                self.screen.line(&format!("$ {}", command.join(" ")));
            }
            _ => {}
        }
    }

    fn flush(&mut self) {
        if let Some((_, shown)) = self.unit.take() {
            self.screen.unit(&shown);
        }
    }
}
