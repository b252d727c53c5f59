use assay_record::Run;
use duckdb::{Connection, params};

use crate::StoreError;
use crate::digest::digest;

/// Writes the environment of a run, unless it is there; its key.
pub(crate) fn write_environment(connection: &Connection, run: &Run) -> Result<String, StoreError> {
    let print = &run.header.fingerprint;
    let (packages, preloads) = (json(&print.python.packages), json(&print.preloads));
    let features = print.cpu_features.join(" ");
    let key = digest(&[
        &print.assay,
        &print.worker_digest,
        &print.system,
        &print.kernel,
        &print.machine,
        &print.cpu,
        &print.cpus.to_string(),
        &features,
        &print.memory_bytes.to_string(),
        &print.python.version,
        &packages,
        &preloads,
    ]);
    let package = |name: &str| print.python.packages.get(name).cloned();
    connection.execute(
        "INSERT OR IGNORE INTO environments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            key,
            print.assay,
            print.worker_digest,
            print.system,
            print.kernel,
            print.machine,
            print.cpu,
            print.cpus,
            features,
            print.memory_bytes,
            print.python.version,
            package("torch"),
            package("transformers"),
            packages,
            preloads
        ],
    )?;
    Ok(key)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
