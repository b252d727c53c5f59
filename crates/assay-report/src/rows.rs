use assay_model::{CaseRecord, Outcome, Platform, Provenance};
use assay_record::Run;

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

/// Cases that are no pass.
pub(crate) fn not_passed(run: &Run) -> Vec<&CaseRecord> {
    run.cases
        .iter()
        .filter(|case| case.outcome != Outcome::Passed || case.flaky)
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
    if let Some(signal) = &run.signal {
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
