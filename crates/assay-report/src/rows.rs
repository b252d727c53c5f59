use assay_model::{CaseRecord, Endpoint, KnownState, Outcome, Peer, Platform, Provenance, Subject};
use assay_record::Run;

/// The servers of a run, each once.
pub(crate) fn endpoints(run: &Run) -> impl Iterator<Item = &Endpoint> {
    run.units.iter().filter_map(|unit| match &unit.subject {
        Subject::Endpoint(endpoint) => Some(endpoint),
        _ => None,
    })
}

/// What stands behind the address of a server, in words.
pub(crate) fn peer(peer: Peer) -> &'static str {
    match peer {
        Peer::Unknown => "nobody has said what it is",
        Peer::Product => "the product itself",
        Peer::StandIn => "a stand-in that speaks the dialect",
        Peer::SelfWritten => "self-written, to be tested",
    }
}

/// A subject's row: what the table of a report shows.
pub(crate) struct Row<'a> {
    pub(crate) subject: String,
    pub(crate) platform: Platform,
    pub(crate) provenance: Option<Provenance>,
    pub(crate) cases: &'a [CaseRecord],
    pub(crate) seconds: f64,
}

impl Row<'_> {
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.cases
            .iter()
            .filter(|case| case.outcome == outcome)
            .count()
    }

    /// What is not a pass, in words: `1 failed, 2 skipped`.
    pub(crate) fn rest(&self) -> String {
        let counted = |outcome: Outcome| (self.count(outcome), outcome.name());
        let rest = Outcome::ALL
            .into_iter()
            .filter(|outcome| *outcome != Outcome::Passed)
            .map(counted);
        rest.filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {}", name.replace('_', " ")))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A row per unit, in the order of the plan.
pub(crate) fn rows(run: &Run) -> Vec<Row<'_>> {
    let mut rest = run.cases.as_slice();
    let mut rows = Vec::with_capacity(run.units.len());
    for unit in &run.units {
        let (cases, after) = rest.split_at(unit.cases.min(rest.len()));
        rest = after;
        let Some(first) = cases.first() else { continue };
        // A mock is a mock if one of its cases shows it.
        let mock = cases
            .iter()
            .find(|case| case.provenance == Some(Provenance::Mock));
        let any = cases.iter().find(|case| case.provenance.is_some());
        rows.push(Row {
            subject: first.subject.clone(),
            platform: first.platform,
            provenance: mock.or(any).and_then(|case| case.provenance),
            cases,
            seconds: cases.iter().map(|case| case.seconds).sum(),
        });
    }
    rows
}

/// What belongs beside the outcome: `failed (known issue)`.
pub(crate) fn label(case: &CaseRecord) -> String {
    let flaky = if case.flaky { " (flaky)" } else { "" };
    let known = match case.known_issue.as_ref().map(|known| known.state) {
        Some(KnownState::Excuses) => " (known issue)",
        Some(KnownState::Stale) => " (its known issue is gone)",
        Some(KnownState::Different) => " (not as its known issue says)",
        Some(KnownState::Expired) => " (its known issue has expired)",
        Some(KnownState::Unused) | None => "",
    };
    let other = if case.other_inputs.is_some() {
        " (with other inputs)"
    } else {
        ""
    };
    format!("{}{flaky}{other}{known}", case.outcome)
}

/// Why a case is no pass, and what is known of it: the lines of its reason.
pub(crate) fn reasons(case: &CaseRecord) -> Vec<String> {
    let several = case.attempts.len() > 1;
    let attempts = (1..).zip(&case.attempts).filter(|_| several);
    let attempts = attempts.map(|(number, attempt)| {
        let reason = attempt.reason.as_ref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        format!("attempt {number} {}{reason}", attempt.outcome)
    });
    let last = case.reason.as_ref().filter(|_| !several);
    let known = case.known_issue.as_ref().map(|known| {
        format!(
            "{} ({}), until {}",
            known.reason, known.reference, known.expires
        )
    });
    last.map(ToString::to_string)
        .into_iter()
        .chain(attempts)
        .chain(known)
        .collect()
}

/// Cases that are no pass, or that make the run red all the same.
pub(crate) fn not_passed(run: &Run) -> Vec<&CaseRecord> {
    run.cases
        .iter()
        .filter(|case| case.outcome != Outcome::Passed || case.flaky || case.is_red())
        .collect()
}

/// The line of totals: `461 of 463 cases passed (99.6 %), 1 failed, 1 skipped`.
pub(crate) fn totals(run: &Run) -> String {
    let counts = &run.counts;
    let rate = counts
        .success_rate()
        .map_or_else(String::new, |rate| format!(" ({})", percent(rate)));
    let others = [
        (counts.failed, "failed"),
        (counts.crashed, "crashed"),
        (counts.timed_out, "timed out"),
        (counts.out_of_memory, "out of memory"),
        (counts.errored, "errored"),
        (counts.skipped, "skipped"),
        (counts.not_run, "not run"),
        (counts.flaky, "flaky"),
        (counts.known_issues, "excused by known issues"),
        (counts.other_inputs, "judged with other inputs"),
        (run.missing.len() as u64, "missing from the record"),
    ];
    let others: String = others
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!(", {count} {name}"))
        .collect();
    format!(
        "{} of {} cases passed{rate}{others}",
        counts.passed, counts.planned
    )
}

/// What a person must know before the numbers: why the run is not to be taken as whole.
pub(crate) fn cautions(run: &Run) -> Vec<String> {
    let mut cautions = Vec::new();
    if run.running {
        cautions.push("the run is still going on: what is missing may still come".into());
    } else if let Some(signal) = &run.signal {
        cautions.push(format!(
            "interrupted by {signal}: what was not run is no pass"
        ));
    } else if !run.finished {
        cautions.push("interrupted: the record has no end, the run was killed".into());
    }
    if run.counts.mock > 0 {
        cautions.push(format!(
            "{} cases ran on a mock, not on the model: they failed",
            run.counts.mock
        ));
    }
    if !run.missing.is_empty() {
        cautions.push(format!(
            "planned but not recorded: {}",
            first_of(&run.missing)
        ));
    }
    if run.counts.planned == 0 {
        cautions.push("nothing was planned".into());
    } else if run.counts.real == 0 {
        cautions.push("no real case ran".into());
    }
    let in_state = |state: KnownState| -> Vec<String> {
        let is = |case: &&CaseRecord| {
            case.known_issue
                .as_ref()
                .is_some_and(|known| known.state == state)
        };
        let name = |case: &CaseRecord| format!("{} {} {}", case.subject, case.platform, case.check);
        run.cases.iter().filter(is).map(name).collect()
    };
    let stale = in_state(KnownState::Stale);
    if !stale.is_empty() {
        cautions.push(format!(
            "known issues that are gone, take them out of assay.toml: {}",
            first_of(&stale)
        ));
    }
    let expired = in_state(KnownState::Expired);
    if !expired.is_empty() {
        cautions.push(format!(
            "known issues past their last day: {}",
            first_of(&expired)
        ));
    }
    // One in a hundred (`CHECKS.md`): more is no exception any more. A run of fewer cases says nothing about that.
    if counts_more_than_a_percent(run) {
        cautions.push(format!(
            "{} of {} cases have a known issue, more than 1 %",
            run.counts.known_issues, run.counts.planned
        ));
    }
    let damages: Vec<String> = run.damages.iter().map(ToString::to_string).collect();
    if !damages.is_empty() {
        cautions.push(format!("the record is damaged: {}", first_of(&damages)));
    }
    cautions.extend(
        run.warnings
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    cautions
}

fn counts_more_than_a_percent(run: &Run) -> bool {
    run.counts.planned >= 100 && run.counts.known_issues * 100 > run.counts.planned
}

fn first_of(names: &[String]) -> String {
    let more = names.len().saturating_sub(5);
    let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        format!("{shown} and {more} more")
    } else {
        shown
    }
}

/// A share rounded down, so that 100 % means all.
fn percent(share: f64) -> String {
    if share >= 1.0 {
        "100 %".into()
    } else {
        format!("{:.1} %", (share * 1000.0).floor() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(9999.0 / 10000.0), "99.9 %");
    }
}
