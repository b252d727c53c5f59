use std::sync::Arc;

use assay_model::{CaseRecord, Outcome};
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
    metrics: Vec<&'static str>,
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
            self.keys.push(run, key);
            self.metrics.push(metric);
            self.values.push(value);
            self.units.push(unit);
        }
    }

    fn into_columns(self) -> Columns {
        let mut columns = self.keys.without_check();
        columns.extend::<Columns>(vec![
            ("metric", text(self.metrics.into_iter().map(Some))),
            ("value", Arc::new(Float64Array::from(self.values))),
            ("unit", text(self.units.into_iter().map(Some))),
        ]);
        columns
    }
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
}

impl Compatibility {
    fn push(&mut self, run: i32, key: [i32; 3], cases: &[CaseRecord]) {
        let obstacle = cases
            .iter()
            .find(|case| !matches!(case.outcome, Outcome::Passed | Outcome::NotRun));
        // A unit of which a part was not run is not known to work.
        if obstacle.is_none() && cases.iter().any(|case| case.outcome == Outcome::NotRun) {
            return;
        }
        let reason = obstacle.and_then(|case| case.reason.as_ref());
        self.keys.push(run, key);
        self.works.push(obstacle.is_none());
        self.stages
            .push(obstacle.map(|case| case.check.group().to_owned()));
        self.kinds.push(reason.map(|reason| reason.kind.name()));
        self.details
            .push(reason.map(|reason| reason.detail.clone()));
        self.mends.push(reason.map(|reason| mend(reason.kind)));
    }

    fn into_columns(self) -> Columns {
        let mut columns = self.keys.without_check();
        columns.extend::<Columns>(vec![
            ("works", Arc::new(BooleanArray::from(self.works))),
            ("stage", text(self.stages.iter().map(Option::as_deref))),
            ("error_kind", text(self.kinds.iter().map(Option::as_deref))),
            ("detail", text(self.details.iter().map(Option::as_deref))),
            ("mend", text(self.mends.into_iter())),
        ]);
        columns
    }
}
