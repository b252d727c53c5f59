//! Runs of Assay with bugs planted. A start costs more than a subject, so that one run serves several mutants, each in the processes of its
//! own subject.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::setup::{Ready, root};
use crate::step::Failed;

/// What the observer in `numbers.py` is registered as.
const OBSERVER: &str = "mutant.numbers";

/// A file that is preloaded, and the subject that it is tried on.
pub(super) struct Job<'a> {
    pub(super) file: &'a str,
    pub(super) subject: &'a str,
    pub(super) how: How<'a>,
}

/// Under which profile, and on which platform beside the reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct How<'a> {
    pub(super) profile: &'a str,
    pub(super) platform: &'a str,
}

/// What a run says of one subject.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) cases: Vec<Case>,
    pub(super) numbers: Option<Numbers>,
}

#[derive(Deserialize)]
pub(super) struct Case {
    subject: String,
    pub(super) check: String,
    pub(super) outcome: String,
    pub(super) reason: Option<Reason>,
}

#[derive(Deserialize)]
pub(super) struct Reason {
    pub(super) kind: String,
    pub(super) detail: String,
}

/// What `numbers.py` notes.
#[derive(Deserialize)]
pub(super) struct Numbers {
    subject: String,
    /// The file that was planted.
    pub(super) planted: Option<PathBuf>,
    /// Projections of each output.
    pub(super) sketches: BTreeMap<String, Vec<f64>>,
}

/// What is read of `summary.json`.
#[derive(Deserialize)]
struct Summary {
    planned: u64,
    recorded: u64,
    cases: Vec<Case>,
}

/// What is read of a line of `events.jsonl`.
#[derive(Deserialize)]
struct Line {
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    unit: Option<u32>,
    check: Option<String>,
    ending: Option<Ending>,
    /// What a worker printed.
    output: Option<Output>,
}

#[derive(Deserialize)]
struct Ending {
    observed: Option<Observed>,
    crashed: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Output {
    head: String,
}

#[derive(Deserialize)]
struct Observed {
    notes: Vec<String>,
}

/// Sorts jobs into runs: each subject once in a run, and the runs of one kind about as long as each other.
pub(super) fn groups(jobs: &[Job]) -> Vec<Vec<usize>> {
    let mut times = BTreeMap::<(How, &str), usize>::new();
    for job in jobs {
        *times.entry((job.how, job.subject)).or_default() += 1;
    }
    let mut runs = BTreeMap::<How, usize>::new();
    for ((how, _), &count) in &times {
        let most = runs.entry(*how).or_default();
        *most = count.max(*most);
    }
    let mut groups = Vec::new();
    for (how, count) in runs {
        let mut its: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (index, job) in jobs.iter().enumerate().filter(|(_, job)| job.how == how) {
            let is_free =
                |group: &&mut Vec<usize>| group.iter().all(|&i| jobs[i].subject != job.subject);
            // There is one: no subject has more jobs than there are runs.
            if let Some(group) = its
                .iter_mut()
                .filter(is_free)
                .min_by_key(|group| group.len())
            {
                group.push(index);
            }
        }
        groups.extend(its);
    }
    groups
}

/// One run of some subjects, each with the bug that is planted in it, if there is one. Its report stays in the working folder, whose
/// expectations it is held against.
pub(super) fn run(
    ready: &Ready,
    folder: &Path,
    report: &str,
    how: How<'_>,
    planted: &BTreeMap<&str, Option<PathBuf>>,
) -> Result<BTreeMap<String, Seen>, Failed> {
    let reports = folder.join(report);
    let checkpoint = ready.checkpoint().display().to_string();
    let shown = |subject: &str| -> String {
        if subject == super::CHECKPOINT {
            checkpoint.clone()
        } else {
            subject.to_owned()
        }
    };
    let subjects = planted.keys();
    let filter: Vec<String> = subjects
        .clone()
        .map(|subject| format!("subject(={})", shown(subject)))
        .collect();
    let mut command = Command::new(&ready.assay);
    command.current_dir(folder).arg("run");
    command.args(subjects.map(|subject| shown(subject)));
    // The heads of an architecture are no subject of a mutant that names the architecture.
    command.args(["--filter", &filter.join(" | ")]);
    command.args(["--profile", how.profile, "--seed", "1", "--platform", "cpu"]);
    if how.platform != "cpu" {
        command.args(["--platform", how.platform]);
    }
    command.arg("--report-dir").arg(&reports);
    let files: BTreeMap<String, &PathBuf> = planted
        .iter()
        .filter_map(|(subject, file)| Some((shown(subject), file.as_ref()?)))
        .collect();
    let files = serde_json::to_string(&files).map_err(|error| error.to_string())?;
    let plant = folder.join(format!("{report}.py"));
    let text = format!("MUTANTS = {files}\n{}", include_str!("plant.py"));
    std::fs::write(&plant, text).map_err(|error| format!("{}: {error}", plant.display()))?;
    for file in [root().join("xtask/src/mutants/numbers.py"), plant] {
        command.arg("--preload").arg(file);
    }
    let output = command
        .env("ASSAY_PYTHON", &ready.python)
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("ASSAY_PYTHONPATH")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let seen = read(&reports).map_err(|error| {
        let words = String::from_utf8_lossy(&output.stderr);
        format!("{}: {error}\n{words}", filter.join(" | "))
    })?;
    Ok(seen
        .into_iter()
        .map(|(subject, seen)| {
            let is_checkpoint = subject == checkpoint;
            (
                if is_checkpoint {
                    super::CHECKPOINT.into()
                } else {
                    subject
                },
                seen,
            )
        })
        .collect())
}

/// Takes what the run of this report collected as expected, so that a bug is a drift from it.
pub(super) fn accept(ready: &Ready, folder: &Path, report: &Path) -> Result<(), Failed> {
    let output = Command::new(&ready.assay)
        .current_dir(folder)
        .args(["golden", "accept", "--run"])
        .arg(report)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.code() {
        // What was refused was not green, and is told as accused.
        Some(0 | 1) => Ok(()),
        _ => Err(format!(
            "assay golden accept: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// Reads a run's report, which must account for every planned case.
fn read(reports: &Path) -> Result<BTreeMap<String, Seen>, Failed> {
    let words = |error: std::io::Error| error.to_string();
    let bytes = std::fs::read(reports.join("summary.json")).map_err(words)?;
    let summary: Summary = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if summary.planned != summary.recorded || summary.planned == 0 {
        return Err(format!(
            "{} planned, {} recorded",
            summary.planned, summary.recorded
        ));
    }
    let mut seen = BTreeMap::<String, Seen>::new();
    for case in summary.cases {
        let its = seen.entry(case.subject.clone()).or_default();
        if case.check != OBSERVER {
            its.cases.push(case);
        }
    }
    let lines = std::fs::read_to_string(reports.join("events.jsonl")).map_err(words)?;
    // Of a worker that is lost, what it printed is often all that says why. Its unit ends before its cases do.
    let mut printed = BTreeMap::<u32, String>::new();
    let told = |line: &&str| {
        ["unit_ended", "crashed", OBSERVER]
            .iter()
            .any(|word| line.contains(word))
    };
    for line in lines.lines().filter(told) {
        let Ok(Line { event }) = serde_json::from_str(line) else {
            continue;
        };
        if let (Some(unit), Some(output)) = (event.unit, event.output) {
            printed.insert(unit, output.head);
            continue;
        }
        let crashed = event.ending.as_ref().and_then(|its| its.crashed.as_ref());
        if let (Some(crash), Some(words)) = (crashed, event.unit.and_then(|u| printed.remove(&u))) {
            println!("{crash}; it printed:\n{words}");
        }
        let observed = event.ending.and_then(|ending| ending.observed);
        let Some(observed) = observed.filter(|_| event.check.as_deref() == Some(OBSERVER)) else {
            continue;
        };
        for note in observed.notes {
            let numbers: Numbers =
                serde_json::from_str(&note).map_err(|error| error.to_string())?;
            let its = seen.entry(numbers.subject.clone()).or_default();
            its.numbers = Some(numbers);
        }
    }
    Ok(seen)
}

/// How a bug shows in the outputs for one input, at the same weights: the one that moves most.
pub(super) fn change(clean: &Numbers, mutated: &Numbers) -> Option<String> {
    let mut most: Option<(f64, String)> = None;
    for (name, before) in &clean.sketches {
        let words = match mutated.sketches.get(name) {
            None => (f64::INFINITY, format!("no {name}")),
            Some(after) if after.len() != before.len() => {
                (f64::INFINITY, format!("{name} is not finite"))
            }
            Some(after) => {
                let length = |values: &mut dyn Iterator<Item = f64>| {
                    values.map(|v| v * v).sum::<f64>().sqrt()
                };
                let moved = length(&mut before.iter().zip(after).map(|(a, b)| a - b));
                let share = moved / length(&mut before.iter().copied()).max(f64::MIN_POSITIVE);
                (share, format!("{name} moves by {share:.1e} of its size"))
            }
        };
        if words.0 > most.as_ref().map_or(0.0, |most| most.0) {
            most = Some(words);
        }
    }
    most.map(|(_, words)| words)
}
