use std::collections::BTreeMap;

use assay_model::{CaseRecord, Counts, Endpoint, Fingerprint, SCHEMA_VERSION};
use assay_record::Run;
use serde::Serialize;

use crate::rows::endpoints;

/// `summary.json`. `docs/reference/summary.md` documents each field; the schema is versioned.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    schema: u32,
    run: &'a str,
    started: &'a str,
    command: &'a [String],
    seed: u64,
    #[serde(flatten)]
    counts: Counts,
    skipped_by_reason: BTreeMap<String, u64>,
    missing: &'a [String],
    interrupted: bool,
    wall_seconds: Option<f64>,
    cpu_seconds: f64,
    exit_code: u8,
    environment: &'a Fingerprint,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<&'a Endpoint>,
    cases: &'a [CaseRecord],
}

impl<'a> Summary<'a> {
    /// The summary of a run.
    #[must_use]
    pub fn new(run: &'a Run) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            run: &run.header.run,
            started: &run.header.started,
            command: &run.header.command,
            seed: run.header.seed,
            counts: run.counts,
            skipped_by_reason: run.skipped_by_reason(),
            missing: &run.missing,
            interrupted: run.is_interrupted(),
            wall_seconds: run.wall_seconds,
            cpu_seconds: run.cpu_seconds,
            exit_code: run.exit_code() as u8,
            environment: &run.header.fingerprint,
            endpoints: endpoints(run).collect(),
            cases: &run.cases,
        }
    }
}
