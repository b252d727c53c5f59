use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use crate::setup::{Ready, ready, root};
use crate::step::Failed;

#[derive(Deserialize)]
struct Manifest {
    mutant: Vec<Mutant>,
    null: Vec<Null>,
}

/// A planted bug.
#[derive(Deserialize)]
struct Mutant {
    file: String,
    family: String,
    subject: String,
    check: String,
}

/// A patch that changes nothing.
#[derive(Deserialize)]
struct Null {
    file: String,
    subject: String,
}

/// What is read of `summary.json`.
#[derive(Deserialize)]
struct Summary {
    planned: u64,
    recorded: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    check: String,
    outcome: String,
    reason: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    kind: String,
    detail: String,
}

/// Reasons by which a check reports a bug of the model. A mock, an unproven case or a fault of Assay is no kill.
const KILLS: [&str; 8] = [
    "differs",
    "unmoved",
    "incomplete",
    "non_finite",
    "not_refused",
    "broken_promise",
    "exception",
    "probe",
];

/// `cargo xtask mutants`: fails if a mutant survives or a null mutant is accused.
pub(crate) fn mutants(names: &[&str]) -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let folder = root().join("tests/mutants");
    let text =
        std::fs::read_to_string(folder.join("manifest.toml")).map_err(|error| error.to_string())?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| error.to_string())?;
    let wanted = |file: &str| names.is_empty() || names.iter().any(|name| file.contains(name));
    let mutants: Vec<&Mutant> = manifest
        .mutant
        .iter()
        .filter(|mutant| wanted(&mutant.file))
        .collect();
    let nulls: Vec<&Null> = manifest
        .null
        .iter()
        .filter(|null| wanted(&null.file))
        .collect();
    let jobs: Vec<(&str, &str)> = mutants
        .iter()
        .map(|mutant| (mutant.file.as_str(), mutant.subject.as_str()))
        .chain(
            nulls
                .iter()
                .map(|null| (null.file.as_str(), null.subject.as_str())),
        )
        .collect();
    // One clean run first: its probes are what every plan below is made of, and it must accuse nobody.
    let mut subjects: Vec<&str> = jobs.iter().map(|(_, subject)| *subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let clean = assay(&ready, None, &subjects)?;
    let mut accused: Vec<String> = failures(&clean)
        .map(|case| format!("clean: {}", describe(case)))
        .collect();
    let runs = run_all(&ready, &folder, &jobs)?;
    let (of_mutants, of_nulls) = runs.split_at(mutants.len());
    let mut killed: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut survivors = Vec::new();
    for (mutant, run) in mutants.iter().zip(of_mutants) {
        let case = run.cases.iter().find(|case| case.check == mutant.check);
        let kill = case.filter(|case| {
            case.outcome == "failed"
                && case
                    .reason
                    .as_ref()
                    .is_some_and(|reason| KILLS.contains(&reason.kind.as_str()))
        });
        let count = killed.entry(&mutant.family).or_default();
        count.1 += 1;
        match kill {
            Some(case) => {
                count.0 += 1;
                println!("killed    {:<44} {}", mutant.file, describe(case));
            }
            None => survivors.push(format!(
                "{} ({})",
                mutant.file,
                case.map_or("not planned".into(), describe)
            )),
        }
    }
    for (null, run) in nulls.iter().zip(of_nulls) {
        accused.extend(failures(run).map(|case| format!("{}: {}", null.file, describe(case))));
    }
    println!();
    for (family, (dead, total)) in &killed {
        println!("{family:<20} {dead} of {total}");
    }
    let dead: u32 = killed.values().map(|(dead, _)| dead).sum();
    println!(
        "\nkilled {dead} of {}; survivors: {}",
        mutants.len(),
        list(&survivors)
    );
    println!(
        "null mutants: {}; falsely accused: {}",
        nulls.len(),
        list(&accused)
    );
    Ok(if survivors.is_empty() && accused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".into()
    } else {
        format!("\n  {}", names.join("\n  "))
    }
}

fn describe(case: &Case) -> String {
    let reason = case.reason.as_ref().map_or_else(String::new, |reason| {
        format!(" {}: {}", reason.kind, reason.detail)
    });
    let text = format!("{} {}{reason}", case.check, case.outcome);
    text.chars().take(160).collect()
}

fn failures(summary: &Summary) -> impl Iterator<Item = &Case> {
    summary.cases.iter().filter(|case| case.outcome != "passed")
}

/// Runs each preload on its subject, two at a time.
fn run_all(ready: &Ready, folder: &Path, jobs: &[(&str, &str)]) -> Result<Vec<Summary>, Failed> {
    let next = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<usize, Result<Summary, Failed>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((file, subject)) = jobs.get(index) else {
                        return;
                    };
                    let result = assay(ready, Some(&folder.join(file)), &[*subject]);
                    if let Ok(mut results) = results.lock() {
                        results.insert(index, result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|error| error.to_string())?;
    results.into_values().collect()
}

/// One run; its summary, which must account for every planned case.
fn assay(ready: &Ready, preload: Option<&Path>, subjects: &[&str]) -> Result<Summary, Failed> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let reports =
        std::env::temp_dir().join(format!("assay-mutants-{}-{number}", std::process::id()));
    let mut command = Command::new(&ready.assay);
    command
        .arg("run")
        .args(subjects)
        .arg("--report-dir")
        .arg(&reports);
    if let Some(preload) = preload {
        command
            .arg("--workers")
            .arg("1")
            .arg("--preload")
            .arg(preload);
    }
    command
        .env("ASSAY_PYTHON", &ready.python)
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("ASSAY_PYTHONPATH");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let name = preload.map_or_else(
        || "the clean run".into(),
        |preload| preload.display().to_string(),
    );
    let read = std::fs::read(reports.join("summary.json"));
    let _ = std::fs::remove_dir_all(&reports);
    let words = String::from_utf8_lossy(&output.stderr);
    let bytes = read.map_err(|error| format!("{name} left no summary ({error}): {words}"))?;
    let summary: Summary =
        serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))?;
    if summary.planned != summary.recorded || summary.planned == 0 {
        return Err(format!(
            "{name}: {} planned, {} recorded",
            summary.planned, summary.recorded
        ));
    }
    Ok(summary)
}
