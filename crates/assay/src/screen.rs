use std::io::{IsTerminal, Write};

use assay_model::event::Output;
use assay_model::{CheckId, Platform, Provenance, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::reporting;

/// What is shown while a run goes on, on standard error: a live line on a terminal, a plain line per unit elsewhere.
pub(crate) struct Screen {
    bar: ProgressBar,
    live: bool,
    pictures: bool,
    verbose: bool,
    /// Whether what is shown is what the command is for, and not only its progress.
    replays: bool,
}

/// A judged unit, as it is shown.
pub(crate) struct Shown {
    subject: String,
    platform: Platform,
    passed: u64,
    total: u64,
    seconds: f64,
    failed: bool,
    provenance: Option<Provenance>,
    /// The cases.
    cases: Vec<Line>,
}

/// A case, and how many right after it came to the same.
struct Line {
    passed: bool,
    outcome: String,
    check: CheckId,
    reason: String,
    more: u32,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.outcome, self.check)?;
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        write!(f, "{}", self.reason)
    }
}

impl Shown {
    pub(crate) fn new(subject: String, platform: Platform) -> Self {
        Self {
            subject,
            platform,
            passed: 0,
            total: 0,
            seconds: 0.0,
            failed: false,
            provenance: None,
            cases: vec![],
        }
    }

    pub(crate) fn add(
        &mut self,
        check: &CheckId,
        verdict: &Verdict,
        provenance: Option<Provenance>,
        seconds: f64,
        known: bool,
    ) {
        let passed = verdict.outcome == assay_model::Outcome::Passed;
        self.passed += u64::from(passed);
        self.total += 1;
        self.seconds += seconds;
        self.failed |= verdict.outcome.is_failure() && !known;
        self.provenance = self.provenance.or(provenance);
        let known = if known { " (known issue)" } else { "" };
        let reason = verdict
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let outcome = format!("{}{known}", verdict.outcome);
        match self.cases.last_mut() {
            Some(last) if !passed && last.outcome == outcome && last.reason == reason => {
                last.more += 1;
            }
            _ => self.cases.push(Line {
                passed,
                outcome,
                check: check.clone(),
                reason,
                more: 0,
            }),
        }
    }

    /// Whether a case of it is a failure.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }
}

impl Screen {
    /// A live line if standard error is a terminal that can move its cursor.
    pub(crate) fn new(verbose: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let live = std::io::stderr().is_terminal() && !dumb;
        let bar = ProgressBar::with_draw_target(
            None,
            if live {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} units  {elapsed}  {wide_msg}")
        {
            bar.set_style(style);
        }
        Self {
            bar,
            live,
            pictures: reporting::is_rich(live),
            verbose,
            replays: false,
        }
    }

    /// Plain lines on standard output, for a run that was.
    pub(crate) fn of_replay(verbose: bool) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            live: false,
            pictures: reporting::look().pictures,
            verbose,
            replays: true,
        }
    }

    /// Begins to count units.
    pub(crate) fn begin(&mut self, units: u64) {
        self.bar.set_length(units);
        self.bar.set_position(0);
        if self.live {
            // So that the clock moves while a unit is silent.
            self.bar
                .enable_steady_tick(std::time::Duration::from_millis(250));
        }
    }

    /// What is going on right now.
    pub(crate) fn working_on(&mut self, subject: &str, check: Option<&str>) {
        if self.live {
            self.bar
                .set_message(format!("{subject} {}", check.unwrap_or_default()));
        }
    }

    /// A judged unit.
    pub(crate) fn unit(&mut self, shown: &Shown) {
        self.bar.inc(1);
        let provenance = match shown.provenance {
            Some(provenance) if self.pictures => provenance.mark(),
            Some(provenance) => provenance.name(),
            None => "-",
        };
        self.line(&format!(
            "{:<28} {:<4} {provenance}  {}/{} passed  {:.1} s",
            shown.subject, shown.platform, shown.passed, shown.total, shown.seconds
        ));
        for line in &shown.cases {
            if !line.passed || self.verbose {
                self.line(&format!("    {line}"));
            }
        }
    }

    /// What a worker printed, if more is to be said.
    pub(crate) fn output(&self, output: &Output) {
        if self.verbose {
            for line in output.head.lines().chain(output.tail.lines()) {
                self.line(&format!("| {line}"));
            }
        }
    }

    /// A line above the live one.
    pub(crate) fn line(&self, text: &str) {
        if self.live {
            self.bar.println(text);
        } else if self.replays {
            say!("{text}");
        } else {
            // A closed standard error must not end the run.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Takes the live line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
