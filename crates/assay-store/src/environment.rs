use std::collections::BTreeMap;

use assay_record::Run;
use duckdb::{Connection, params};
use serde::Serialize;

use crate::StoreError;
use crate::digest::digest;

/// Versions by package; with them, those of platforms that have a Python of their own.
#[derive(Serialize)]
struct Packages<'a> {
    #[serde(flatten)]
    packages: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    platforms: BTreeMap<&'a String, (&'a String, &'a BTreeMap<String, String>)>,
}

/// Writes the environment of a run, unless it is there; its key.
pub(crate) fn write_environment(connection: &Connection, run: &Run) -> Result<String, StoreError> {
    let print = &run.header.fingerprint;
    let own = print.platforms.iter();
    let packages = json(&Packages {
        packages: &print.python.packages,
        platforms: own
            .map(|(platform, python)| (platform, (&python.version, &python.packages)))
            .collect(),
    });
    let preloads = json(&print.preloads);
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

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
