use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mutants::families;
use crate::setup::{Ready, cache, root};
use crate::step::Failed;
use crate::summary::{Case, Summary};

/// What pages need that only a run can tell: small, and kept in the repository.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// What a check costs is read from the first run that has it.
    pub(super) runs: Vec<Run>,
    pub(super) mutants: Option<Matrix>,
}

/// A whole run. Seconds are wall clock unless they say otherwise.
#[derive(Serialize, Deserialize)]
pub(super) struct Run {
    /// Day on which it began.
    pub(super) day: String,
    pub(super) transformers: String,
    pub(super) torch: String,
    pub(super) cpu: String,
    pub(super) cpus: u64,
    pub(super) wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    /// CPU seconds of what the template process imports, measured when the summary was taken over: it has one thread, and a loaded machine
    /// would make them longer on the clock.
    pub(super) import_seconds: f64,
    pub(super) families: BTreeMap<String, Family>,
    pub(super) checks: BTreeMap<String, Cost>,
    /// The subjects that took longest, each with its dearest check.
    pub(super) slowest: Vec<Slow>,
}

/// A family, bases and heads.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Family {
    pub(super) subjects: u64,
    pub(super) cases: u64,
    /// `load.config`, `load.build` and all others.
    pub(super) importing: f64,
    pub(super) building: f64,
    pub(super) checking: f64,
}

impl Family {
    pub(super) fn seconds(&self) -> f64 {
        self.importing + self.building + self.checking
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Cost {
    pub(super) median: f64,
    pub(super) total: f64,
    /// Subjects to which it applied, by family.
    pub(super) applied: BTreeMap<String, u64>,
    /// The three that took longest.
    pub(super) worst: Vec<(String, f64)>,
}

impl Cost {
    pub(super) fn cases(&self) -> u64 {
        self.applied.values().sum()
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Slow {
    pub(super) subject: String,
    pub(super) seconds: f64,
    pub(super) check: String,
    pub(super) of_it: f64,
}

/// What `cargo xtask mutants` wrote.
#[derive(Serialize, Deserialize)]
pub(super) struct Matrix {
    pub(super) day: String,
    pub(super) rows: Vec<Mutant>,
}

/// What is read of a row of `target/mutants.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct Mutant {
    pub(super) file: String,
    /// The bug in one line.
    pub(super) bug: String,
    pub(super) subject: String,
    /// The check that has to report it.
    pub(super) check: String,
    pub(super) killed: bool,
    pub(super) reported_by: Vec<String>,
}

impl Measured {
    pub(super) fn read(path: &Path) -> Result<Self, Failed> {
        parse(path)
    }

    /// Takes over files that were measured: a list is one of mutants, all others are summaries, which replace all runs that were kept.
    pub(super) fn take(&mut self, ready: &Ready, files: &[&str]) -> Result<(), Failed> {
        let mut runs = Vec::new();
        for path in files.iter().map(Path::new) {
            if parse::<Value>(path)?.is_array() {
                self.mutants = Some(Matrix::take(path)?);
            } else {
                let summary = Summary::read(path)?;
                runs.push(Run::of(&summary, &families(ready)?, imports(ready)?));
            }
        }
        if !runs.is_empty() {
            self.runs = runs;
        }
        Ok(())
    }

    /// JSON with a line for each check, family, subject and mutant.
    pub(super) fn text(&self) -> Result<String, Failed> {
        let value = |value: serde_json::Result<Value>| value.map_err(|error| error.to_string());
        let mut runs = Vec::new();
        for run in &self.runs {
            runs.push(spread(&value(serde_json::to_value(run))?, 2));
        }
        let mutants = spread(&value(serde_json::to_value(&self.mutants))?, 2);
        Ok(format!(
            "{{\n\"runs\": [{}],\n\"mutants\": {mutants}\n}}\n",
            runs.join(",\n")
        ))
    }
}

/// JSON in which so many levels have a line for each entry.
fn spread(value: &Value, levels: usize) -> String {
    let lines = |entries: Vec<String>, open: char, close: char| {
        format!("{open}\n{}\n{close}", entries.join(",\n"))
    };
    match value {
        Value::Object(entries) if levels > 0 && !entries.is_empty() => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("\"{key}\": {}", spread(value, levels - 1)));
            lines(entries.collect(), '{', '}')
        }
        Value::Array(entries) if levels > 0 && !entries.is_empty() => {
            let entries = entries.iter().map(|value| spread(value, levels - 1));
            lines(entries.collect(), '[', ']')
        }
        _ => value.to_string(),
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failed> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}

impl Matrix {
    /// Refuses the matrix of some mutants only: the pages say what a check *alone* kills.
    fn take(path: &Path) -> Result<Self, Failed> {
        let mut rows: Vec<Mutant> = parse(path)?;
        for row in &mut rows {
            row.reported_by.sort();
        }
        let tried: BTreeSet<&str> = rows.iter().map(|row| row.file.as_str()).collect();
        let entries =
            std::fs::read_dir(root().join("tests/mutants")).map_err(|error| error.to_string())?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".py") && !name.starts_with("null_") && !tried.contains(name.as_str())
            {
                return Err(format!("{}: {name} was not tried", path.display()));
            }
        }
        // Rows carry no date, the file does.
        let output = Command::new("date")
            .args(["--utc", "+%F", "--reference"])
            .arg(path)
            .output()
            .map_err(|error| format!("date: {error}"))?;
        Ok(Self {
            day: String::from_utf8_lossy(&output.stdout).trim().into(),
            rows,
        })
    }
}

/// CPU seconds of the imports of the template process, compiled before: the best of three.
fn imports(ready: &Ready) -> Result<f64, Failed> {
    let code = "import time\nbegan = time.process_time()\nfrom assay.worker import template\nif failure := template._import_all(): raise SystemExit(failure)\nprint(time.process_time() - began)";
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let output = Command::new(&ready.python)
            .args(["-c", code])
            .env("PYTHONPATH", root().join("python"))
            .env("PYTHONPYCACHEPREFIX", cache()?.join("bytecode"))
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .env("HF_HUB_OFFLINE", "1")
            .env("OMP_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let seconds: f64 = text
            .trim()
            .parse()
            .map_err(|error| format!("the imports: {error}"))?;
        best = best.min(seconds);
    }
    Ok(rounded(best))
}

impl Run {
    /// Figures of a run, where each architecture is of a family and the imports took so many seconds.
    fn of(summary: &Summary, families: &BTreeMap<String, String>, import_seconds: f64) -> Self {
        let family = |case: &Case| -> String {
            let name = case.subject.split(':').next().unwrap_or_default();
            match families.get(name) {
                Some(family) => family.clone(),
                None if name == "workflow" => name.into(),
                None => "checkpoint".into(),
            }
        };
        let mut subjects: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        let mut checks: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        let mut by_family: BTreeMap<String, Family> = BTreeMap::new();
        for case in &summary.cases {
            subjects.entry(&case.subject).or_default().push(case);
            checks.entry(&case.check).or_default().push(case);
            let its = by_family.entry(family(case)).or_default();
            its.cases += 1;
            match case.check.as_str() {
                "load.config" => its.importing += case.seconds,
                "load.build" => its.building += case.seconds,
                _ => its.checking += case.seconds,
            }
        }
        for cases in subjects.values() {
            let its = by_family.entry(family(cases[0])).or_default();
            its.subjects += 1;
        }
        for its in by_family.values_mut() {
            for seconds in [&mut its.importing, &mut its.building, &mut its.checking] {
                *seconds = rounded(*seconds);
            }
        }
        let mut slowest: Vec<Slow> = subjects.values().map(|cases| slow(cases)).collect();
        slowest.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        slowest.truncate(10);
        let checks = checks
            .into_iter()
            .map(|(check, cases)| (check.to_owned(), cost(cases, family)))
            .collect();
        Self {
            day: summary.day().into(),
            transformers: summary.version("transformers").into(),
            torch: summary.version("torch").into(),
            cpu: summary.environment.cpu.clone(),
            cpus: summary.environment.cpus,
            wall_seconds: rounded(summary.wall_seconds.unwrap_or_default()),
            cpu_seconds: rounded(summary.cpu_seconds),
            import_seconds,
            families: by_family,
            checks,
            slowest,
        }
    }

    /// Seconds of all cases.
    pub(super) fn seconds(&self) -> f64 {
        self.families.values().map(Family::seconds).sum()
    }

    pub(super) fn subjects(&self) -> u64 {
        self.families.values().map(|family| family.subjects).sum()
    }
}

/// A subject, of its cases.
fn slow(cases: &[&Case]) -> Slow {
    let dearest = cases
        .iter()
        .copied()
        .max_by(|a, b| a.seconds.total_cmp(&b.seconds))
        .unwrap_or(cases[0]);
    Slow {
        subject: dearest.subject.clone(),
        seconds: rounded(cases.iter().map(|case| case.seconds).sum()),
        check: dearest.check.clone(),
        of_it: rounded(dearest.seconds),
    }
}

/// What a check costs, of its cases.
fn cost(mut cases: Vec<&Case>, family: impl Fn(&Case) -> String) -> Cost {
    cases.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let mut applied: BTreeMap<String, u64> = BTreeMap::new();
    for case in &cases {
        *applied.entry(family(case)).or_default() += 1;
    }
    Cost {
        median: rounded(cases[cases.len() / 2].seconds),
        total: rounded(cases.iter().map(|case| case.seconds).sum()),
        applied,
        worst: cases
            .iter()
            .take(3)
            .map(|case| (case.subject.clone(), rounded(case.seconds)))
            .collect(),
    }
}

/// To a tenth of a millisecond: what lies below is noise.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(subject: &str, check: &str, seconds: f64) -> Case {
        Case {
            subject: subject.into(),
            platform: "cpu".into(),
            check: check.into(),
            outcome: "passed".into(),
            provenance: None,
            reason: None,
            seconds,
            other_inputs: None,
            known_issue: None,
        }
    }

    #[test]
    fn a_head_counts_in_the_family_of_its_architecture() {
        let cases = [
            case("bert", "load.build", 1.0),
            case("bert", "batch.rows", 2.0),
            case("bert:AutoModelForMaskedLM", "batch.rows", 4.0),
            case("vit", "batch.rows", 9.0),
            case("workflow:text_image", "load.config", 0.5),
            case("/models/mine", "load.build", 0.25),
        ];
        let summary = Summary::of(cases.into());
        let names = [("bert", "encoder-only"), ("vit", "vision")];
        let families = names.map(|(name, family)| (name.into(), family.into()));
        let run = Run::of(&summary, &families.into(), 3.0);
        let encoders = &run.families["encoder-only"];
        assert_eq!((encoders.subjects, encoders.cases), (2, 3));
        assert_eq!((encoders.building, encoders.checking), (1.0, 6.0));
        assert_eq!(run.families["workflow"].importing, 0.5);
        assert_eq!(run.families["checkpoint"].building, 0.25);
        let rows = &run.checks["batch.rows"];
        assert_eq!((rows.median, rows.total, rows.cases()), (4.0, 15.0, 3));
        assert_eq!(rows.applied["encoder-only"], 2);
        assert_eq!(run.slowest[0].subject, "vit");
        assert_eq!(run.slowest[2].check, "batch.rows");
        assert_eq!(run.seconds(), 16.75);
    }
}
