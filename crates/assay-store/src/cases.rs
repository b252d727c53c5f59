use std::collections::HashMap;
use std::sync::Arc;

use assay_model::{CaseRecord, Provenance, ReasonKind};
use assay_record::Run;
use duckdb::Connection;
use duckdb::arrow::array::{BooleanArray, Float64Array, Int32Array};

use crate::StoreError;
use crate::columns::{Columns, Keys, append, text};
use crate::names::Names;

/// Writes the cases of a run, and the attempts of those that were tried more than once.
pub(crate) fn write_cases(
    connection: &Connection,
    names: &mut Names,
    number: i32,
    run: &Run,
) -> Result<(), StoreError> {
    let mut keys = Keys::default();
    let mut attempts = Attempts::default();
    for case in &run.cases {
        let key = names.of(case);
        keys.push(number, key);
        // The one attempt of nearly every case is the case itself.
        if case.attempts.len() > 1 {
            attempts.push(number, key, case);
        }
    }
    let mut columns = keys.with_check();
    columns.extend(values(&run.cases));
    append(connection, "cases", columns)?;
    append(connection, "attempts", attempts.into_columns())
}

/// What is said of each case.
fn values(cases: &[CaseRecord]) -> Columns {
    let mut kinds: HashMap<ReasonKind, String> = HashMap::new();
    for reason in cases.iter().filter_map(|case| case.reason.as_ref()) {
        kinds
            .entry(reason.kind)
            .or_insert_with(|| reason.kind.name());
    }
    let reasons = || cases.iter().map(|case| case.reason.as_ref());
    let known: Vec<Option<String>> = cases.iter().map(known_issue).collect();
    let flaky: BooleanArray = cases.iter().map(|case| Some(case.flaky)).collect();
    let attempts: Int32Array = cases
        .iter()
        .map(|case| i32::try_from(case.attempts.len()).ok())
        .collect();
    let seconds: Float64Array = cases.iter().map(|case| Some(case.seconds)).collect();
    vec![
        (
            "outcome",
            text(cases.iter().map(|case| Some(case.outcome.name()))),
        ),
        (
            "reason",
            text(reasons().map(|reason| kinds.get(&reason?.kind).map(String::as_str))),
        ),
        (
            "detail",
            text(reasons().map(|reason| Some(reason?.detail.as_str()))),
        ),
        (
            "provenance",
            text(
                cases
                    .iter()
                    .map(|case| case.provenance.map(Provenance::name)),
            ),
        ),
        ("flaky", Arc::new(flaky)),
        ("known_issue", text(known.iter().map(Option::as_deref))),
        ("attempts", Arc::new(attempts)),
        ("seconds", Arc::new(seconds)),
    ]
}

/// The state of a case's known issue, as the log spells it.
fn known_issue(case: &CaseRecord) -> Option<String> {
    let state = serde_json::to_value(case.known_issue.as_ref()?.state).ok()?;
    state.as_str().map(str::to_owned)
}

/// The table of attempts.
#[derive(Default)]
struct Attempts {
    keys: Keys,
    numbers: Vec<i32>,
    outcomes: Vec<&'static str>,
    reasons: Vec<Option<String>>,
    details: Vec<Option<String>>,
    seconds: Vec<f64>,
}

impl Attempts {
    fn push(&mut self, run: i32, key: [i32; 3], case: &CaseRecord) {
        for (number, attempt) in (1_i32..).zip(&case.attempts) {
            let reason = attempt.reason.as_ref();
            self.keys.push(run, key);
            self.numbers.push(number);
            self.outcomes.push(attempt.outcome.name());
            self.reasons.push(reason.map(|reason| reason.kind.name()));
            self.details
                .push(reason.map(|reason| reason.detail.clone()));
            self.seconds.push(attempt.seconds);
        }
    }

    fn into_columns(self) -> Columns {
        let mut columns = self.keys.with_check();
        columns.extend::<Columns>(vec![
            ("number", Arc::new(Int32Array::from(self.numbers))),
            ("outcome", text(self.outcomes.into_iter().map(Some))),
            ("reason", text(self.reasons.iter().map(Option::as_deref))),
            ("detail", text(self.details.iter().map(Option::as_deref))),
            ("seconds", Arc::new(Float64Array::from(self.seconds))),
        ]);
        columns
    }
}
