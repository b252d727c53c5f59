use std::collections::BTreeMap;
use std::sync::Arc;

use assay_model::{Backend, CaseRecord, Outcome, Provenance, ReasonKind, State};
use assay_record::{Run, UnitFacts};
use duckdb::Connection;
use duckdb::arrow::array::{BooleanArray, Float64Array};

use crate::StoreError;
use crate::columns::{Columns, Keys, append, text};
use crate::mend::mend;
use crate::names::Names;

/// Writes what is measured, and what can be said, of each unit as a whole.
pub(crate) fn write_units(
    connection: &Connection,
    names: &mut Names,
    run_number: i32,
    run: &Run,
) -> Result<(), StoreError> {
    let mut samples = Samples::default();
    let mut states = Compatibility::default();
    let mut rest = run.cases.as_slice();
    for unit in &run.units {
        let (cases, after) = rest.split_at(unit.cases.min(rest.len()));
        rest = after;
        let Some(first) = cases.first() else { continue };
        let key = names.of(first);
        samples.push(run_number, key, unit, cases);
        states.push(run_number, key, cases);
    }
    append(connection, "samples", samples.into_columns())?;
    append(connection, "compatibility", states.into_columns())
}

/// The table of what was measured.
#[derive(Default)]
struct Samples {
    keys: Keys,
    metrics: Vec<String>,
    values: Vec<f64>,
    units: Vec<&'static str>,
}

impl Samples {
    /// Nothing, of a unit that did not run.
    fn push(&mut self, run: i32, key: [i32; 3], unit: &UnitFacts, cases: &[CaseRecord]) {
        let did_not_run =
            |case: &CaseRecord| matches!(case.outcome, Outcome::NotRun | Outcome::Skipped);
        if cases.iter().all(did_not_run) {
            return;
        }
        let seconds = cases.iter().map(|case| case.seconds).sum::<f64>();
        #[expect(
            clippy::cast_precision_loss,
            reason = "bytes of memory are far below 2^53"
        )]
        let measured = [
            ("seconds", seconds, "s"),
            ("cpu_seconds", unit.cpu_seconds, "s"),
            ("peak_memory", unit.peak_memory_bytes as f64, "bytes"),
        ];
        for (metric, value, unit) in measured {
            self.add(run, key, metric, value, unit);
        }
        // Of a figure that several checks have, the worst: an error, a peak.
        let mut figures: BTreeMap<&str, f64> = BTreeMap::new();
        for (metric, value) in cases
            .iter()
            .filter_map(|case| case.measured.as_ref())
            .flat_map(|measured| &measured.figures)
        {
            let worst = figures.entry(metric).or_insert(*value);
            *worst = worst.max(*value);
        }
        for (metric, value) in figures {
            let unit = match metric.rsplit('_').next() {
                Some("milliseconds") => "ms",
                Some("bytes") => "bytes",
                _ => "1",
            };
            self.add(run, key, metric, value, unit);
        }
    }

    fn add(&mut self, run: i32, key: [i32; 3], metric: &str, value: f64, unit: &'static str) {
        self.keys.push(run, key);
        self.metrics.push(metric.to_owned());
        self.values.push(value);
        self.units.push(unit);
    }

    fn into_columns(self) -> Columns {
        let mut columns = self.keys.without_check();
        columns.extend::<Columns>(vec![
            (
                "metric",
                text(self.metrics.iter().map(|metric| Some(metric.as_str()))),
            ),
            ("value", Arc::new(Float64Array::from(self.values))),
            ("unit", text(self.units.into_iter().map(Some))),
        ]);
        columns
    }
}

/// The case that says most of what is in the way: a failure, or one that a known issue excuses, or a skip.
fn obstacle(cases: &[CaseRecord]) -> Option<&CaseRecord> {
    let first = |wanted: fn(&CaseRecord) -> bool| cases.iter().find(|case| wanted(case));
    first(CaseRecord::is_red)
        .or_else(|| first(|case| case.outcome.is_failure()))
        .or_else(|| first(|case| case.outcome == Outcome::Skipped))
}

/// What became of a unit with that obstacle.
fn state(cases: &[CaseRecord], obstacle: Option<&CaseRecord>) -> State {
    let is_mock = |case: &CaseRecord| case.provenance == Some(Provenance::Mock);
    match obstacle {
        _ if cases.iter().any(is_mock) => State::Mock,
        Some(case) if case.is_red() => State::Fails,
        Some(case) if case.outcome.is_failure() => State::Known,
        Some(case) if leaves_open(case) => State::Skipped,
        Some(_) if cases.iter().all(|case| case.outcome != Outcome::Passed) => State::Skipped,
        _ if !shows_that_it_runs(cases) => State::PartlyAsked,
        _ => State::Works,
    }
}

/// What has to have passed before another platform than the reference is said to run a model; the step to version 4 names them, too.
const SHOWN_BY: [&str; 3] = ["parity.outputs", "parity.other_inputs", "parity.executes"];

/// Whether so much was asked that a platform runs the model if all of it holds. Of the reference and of endpoints it is whatever was asked.
fn shows_that_it_runs(cases: &[CaseRecord]) -> bool {
    let is_ported = |case: &CaseRecord| {
        !case.platform.is_reference() && case.platform.backend != Backend::Remote
    };
    let passed = |name: &str| {
        let is_it = |case: &CaseRecord| case.check.as_str() == name;
        cases
            .iter()
            .any(|case| is_it(case) && case.outcome == Outcome::Passed)
    };
    !cases.iter().any(is_ported) || SHOWN_BY.into_iter().all(passed)
}

/// Whether a skip leaves open that the platform works: it lacks something, or what was to show it can't be asked.
fn leaves_open(case: &CaseRecord) -> bool {
    let kind = case.reason.as_ref().map(|reason| reason.kind);
    case.check.group() == "parity" || kind == Some(ReasonKind::PlatformUnavailable)
}

/// Where a unit came to when a case of it did not pass: the stage of its platform, or what came of it instead.
fn stage(case: &CaseRecord) -> String {
    let group = case.check.group();
    if group != "parity" {
        return group.to_owned();
    }
    if let Some(stage) = case.measured.as_ref().and_then(|its| its.stage.clone()) {
        return stage;
    }
    let kind = case.reason.as_ref().map(|reason| reason.kind);
    let words = match (case.outcome, kind) {
        (Outcome::TimedOut, _) => "timeout",
        (Outcome::Crashed, _) => "crash",
        (Outcome::OutOfMemory, _) => "out of memory",
        (_, Some(ReasonKind::FellBack)) => "fell back",
        (_, Some(ReasonKind::Setting)) => "setting",
        (_, Some(ReasonKind::Incomplete)) => "other numbers",
        (Outcome::Failed, Some(ReasonKind::Differs | ReasonKind::NonFinite)) => "wrong numbers",
        _ => group,
    };
    words.to_owned()
}

/// The table of what works, and of what is in the way where it doesn't.
#[derive(Default)]
struct Compatibility {
    keys: Keys,
    works: Vec<bool>,
    stages: Vec<Option<String>>,
    kinds: Vec<Option<String>>,
    details: Vec<Option<String>>,
    mends: Vec<Option<&'static str>>,
    states: Vec<State>,
}

impl Compatibility {
    fn push(&mut self, run: i32, key: [i32; 3], cases: &[CaseRecord]) {
        let obstacle = obstacle(cases);
        let state = state(cases, obstacle);
        // A unit of which a part was not run is not known to work.
        if matches!(state, State::Works | State::PartlyAsked)
            && cases.iter().any(|case| case.outcome == Outcome::NotRun)
        {
            return;
        }
        let reason = obstacle.and_then(|case| case.reason.as_ref());
        self.keys.push(run, key);
        self.works.push(obstacle.is_none() && state == State::Works);
        self.stages.push(obstacle.map(stage));
        self.kinds.push(reason.map(|reason| reason.kind.name()));
        self.details
            .push(reason.map(|reason| reason.detail.clone()));
        self.mends.push(reason.map(|reason| mend(reason.kind)));
        self.states.push(state);
    }

    fn into_columns(self) -> Columns {
        let mut columns = self.keys.without_check();
        columns.extend::<Columns>(vec![
            ("works", Arc::new(BooleanArray::from(self.works))),
            ("stage", text(self.stages.iter().map(Option::as_deref))),
            ("error_kind", text(self.kinds.iter().map(Option::as_deref))),
            ("detail", text(self.details.iter().map(Option::as_deref))),
            ("mend", text(self.mends.into_iter())),
            (
                "state",
                text(self.states.into_iter().map(|its| Some(its.name()))),
            ),
        ]);
        columns
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{Outcome::*, Reason};

    use super::*;

    fn case(check: &str, outcome: Outcome, kind: Option<ReasonKind>) -> CaseRecord {
        CaseRecord {
            subject: "bert".into(),
            platform: "openvino@float16".parse().unwrap(),
            check: check.into(),
            outcome,
            reason: kind.map(|kind| Reason {
                kind,
                detail: "it lacks something".into(),
            }),
            provenance: Some(Provenance::Real),
            flaky: false,
            attempts: Vec::new(),
            seconds: 0.0,
            other_inputs: None,
            known_issue: None,
            measured: None,
        }
    }

    #[test]
    fn a_platform_that_turns_out_to_lack_something_is_not_said_to_work() {
        use ReasonKind::{PlatformUnavailable, UnsupportedByBackend};
        let of = |rows: &[(&str, Outcome, Option<ReasonKind>)]| {
            let cases: Vec<CaseRecord> = rows.iter().map(|&(a, b, c)| case(a, b, c)).collect();
            state(&cases, obstacle(&cases))
        };
        let prepared = ("parity.prepares", Passed, None);
        let lacking = ("parity.loads", Skipped, Some(PlatformUnavailable));
        assert_eq!(of(&[prepared, lacking]), State::Skipped);
        assert_eq!(
            of(&[prepared, lacking, ("parity.outputs", NotRun, None)]),
            State::Skipped
        );
        let not_compared = ("parity.outputs", Skipped, Some(UnsupportedByBackend));
        assert_eq!(of(&[prepared, not_compared]), State::Skipped);
        let half = ("precision.float16", Skipped, Some(UnsupportedByBackend));
        let shown = SHOWN_BY.map(|check| (check, Passed, None));
        assert_eq!(of(&[&shown[..], &[half]].concat()), State::Works);
        assert_eq!(of(&[prepared]), State::PartlyAsked);
        for left_out in 0..shown.len() {
            let mut fewer = vec![prepared];
            fewer.extend(shown);
            fewer.remove(left_out + 1);
            assert_eq!(of(&fewer), State::PartlyAsked);
        }
    }
}
