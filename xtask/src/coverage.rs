use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::Deserialize;

use crate::setup::{ready, root};
use crate::step::Failed;
use crate::summary::{Case, Summary};

/// A row of `assay list architectures --probed`.
#[derive(Deserialize)]
struct Probed {
    name: String,
    family: String,
    state: String,
    parameters: Option<u64>,
    overridden: bool,
    rules: BTreeSet<String>,
    lost: Vec<String>,
    leaves: u64,
    unreached: u64,
}

/// A row of `assay list architectures --sensitivity`.
#[derive(Deserialize)]
struct Sensitive {
    tensors: u64,
    visible: u64,
    silent: BTreeMap<String, u64>,
}

/// A family, counted in architectures.
#[derive(Default)]
struct Line {
    architectures: u64,
    built: u64,
    forward: u64,
    passed: u64,
    skipped: BTreeMap<String, u64>,
    overrides: u64,
    small: u64,
    faithful: u64,
    reached: u64,
    /// Reached, or unused by the architecture's own design.
    accounted: u64,
}

/// `cargo xtask coverage-table [PYTHON]`: runs every base architecture with the quick profile and writes what came of it, by family, into
/// `docs/coverage/<version of transformers>.md`.
pub(crate) fn table(python: Option<&str>) -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let of_lock = python.is_none();
    let python = python.map_or_else(|| ready.python.clone(), PathBuf::from);
    let folder = std::env::temp_dir().join(format!("assay-coverage-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let assay = |words: &[&str]| {
        let mut command = Command::new(&ready.assay);
        command
            .current_dir(&folder)
            .args(words)
            .env("ASSAY_PYTHON", &python)
            .env("HF_HUB_OFFLINE", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        command
    };
    let probed: Vec<Probed> = json(&mut assay(&[
        "list",
        "architectures",
        "--probed",
        "--format",
        "json",
    ]))?;
    // Red or green: every case is counted below.
    let _ = assay(&[
        "run",
        "--all",
        "--profile",
        "quick",
        "--seed",
        "1",
        "--report-dir",
        "run",
    ])
    .stdout(Stdio::inherit())
    .status()
    .map_err(|error| error.to_string())?;
    let summary = Summary::read(&folder.join("run/summary.json"))?;
    // The quick profile has the check of weights.
    let sensitive: Vec<Sensitive> = json(&mut assay(&[
        "list",
        "architectures",
        "--sensitivity",
        "--run",
        "run",
        "--format",
        "json",
    ]))?;
    let (page, totals) = page(&probed, &summary, &sensitive)?;
    let version = summary.version("transformers");
    let target = root().join(format!("docs/coverage/{version}.md"));
    write(&target, &page)?;
    // The totals of the pinned environment stand in the README, too.
    if of_lock {
        let path = root().join("README.md");
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let text = between(&text, BEGIN, END, &totals);
        write(&path, &text.map_err(|error| format!("README.md: {error}"))?)?;
    }
    let _ = std::fs::remove_dir_all(&folder);
    println!("{}", target.display());
    Ok(ExitCode::SUCCESS)
}

const BEGIN: &str = "<!-- coverage: written by `cargo xtask coverage-table` -->\n";
const END: &str = "<!-- end of coverage -->";

/// A text with other words between two marks.
pub(crate) fn between(text: &str, begin: &str, end: &str, words: &str) -> Result<String, Failed> {
    let parts = text.split_once(begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(end)?;
        Some((before, after))
    });
    let (before, after) = parts.ok_or_else(|| format!("no `{}` … `{end}`", begin.trim()))?;
    Ok(format!("{before}{begin}{words}{end}{after}"))
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)?;
    Ok(())
}

fn json<T: serde::de::DeserializeOwned>(command: &mut Command) -> Result<T, Failed> {
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{command:?} failed"));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// The page, and its totals in a sentence.
fn page(
    probed: &[Probed],
    summary: &Summary,
    sensitive: &[Sensitive],
) -> Result<(String, String), Failed> {
    let mut cases: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in &summary.cases {
        cases.entry(&case.subject).or_default().push(case);
    }
    let mut fired: BTreeMap<&str, u64> = BTreeMap::new();
    for rule in probed.iter().flat_map(|row| &row.rules) {
        *fired.entry(rule).or_default() += 1;
    }
    // A rule that fires on two architectures or fewer is no rule.
    let is_rare = |rule: &String| fired.get(rule.as_str()).is_some_and(|&count| count <= 2);
    let mut lines: BTreeMap<&str, Line> = BTreeMap::new();
    let mut rest: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in probed {
        let line = lines.entry(&row.family).or_default();
        let own = cases.get(row.name.as_str()).map_or(&[][..], Vec::as_slice);
        count(line, row, own);
        line.overrides += u64::from(row.overridden || row.rules.iter().any(is_rare));
        for case in own.iter().filter(|case| case.outcome != "passed") {
            let reason = case.reason.as_ref();
            let kind = reason.map_or("", |reason| reason.kind.as_str());
            let what = match case.check.as_str() {
                "load.probe" => {
                    let detail: String = reason
                        .map_or("", |reason| reason.detail.as_str())
                        .chars()
                        .take(110)
                        .collect();
                    format!("{} {kind}: {detail}", case.check)
                }
                check => format!("{check} {} {kind}", case.outcome),
            };
            rest.entry(what).or_default().insert(&row.name);
        }
    }
    let mut total = Line::default();
    let mut text = String::new();
    let _ = writeln!(
        text,
        "# Coverage: transformers {}\n\nWritten by `cargo xtask coverage-table`, {}, torch {}, {} × {}. Every key of the base model mapping, offline, on the CPU,\nwith the quick profile: {} cases in {:.0} s wall, {:.0} s CPU.\n",
        summary.version("transformers"),
        summary.day(),
        summary.version("torch"),
        summary.environment.cpus,
        summary.environment.cpu,
        summary.planned,
        summary.wall_seconds.unwrap_or_default(),
        summary.cpu_seconds,
    );
    text.push_str("| family | architectures | built | forward ok and real | quick profile passed | skipped | overrides | under 1 M parameters | module types of the default | every leaf module reached | with those unused by design |\n| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (family, line) in &lines {
        row(&mut text, family, line);
        total.add(line);
    }
    row(&mut text, "**all**", &total);
    let (mut tensors, mut visible) = (0, 0);
    let mut silent: BTreeMap<&str, u64> = BTreeMap::new();
    for row in sensitive {
        tensors += row.tensors;
        visible += row.visible;
        for (kind, count) in &row.silent {
            *silent.entry(kind).or_default() += count;
        }
    }
    let silent: Vec<String> = silent
        .iter()
        .map(|(kind, count)| format!("{count} {}", kind.replace('_', " ")))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
    let share = 100.0 * visible as f64 / (tensors.max(1)) as f64;
    let _ = writeln!(
        text,
        "\nParameter tensors whose change by 1 % an output shows: {visible} of {tensors} ({share:.2} %), over {} architectures. The others: {}.\n\n## What did not pass\n",
        sensitive.len(),
        silent.join(", ")
    );
    for (what, names) in &rest {
        let names: Vec<&str> = names.iter().copied().collect();
        let _ = writeln!(
            text,
            "- {} ({}): {}",
            what.replace('|', "\\|"),
            names.len(),
            names.join(", ")
        );
    }
    let totals = format!(
        "transformers {}, {}: of {} base architectures {} run forward for real and {} pass the whole quick profile, {} are skipped with a typed reason,\n{} need an override; {share:.1} % of parameter tensors show at an output. [The table](docs/coverage/{}.md) has the rest.\n",
        summary.version("transformers"),
        summary.day(),
        total.architectures,
        total.forward,
        total.passed,
        total.skipped.values().sum::<u64>(),
        total.overrides,
        summary.version("transformers"),
    );
    Ok((text, totals))
}

fn count(line: &mut Line, row: &Probed, cases: &[&Case]) {
    let of = |check: &str| cases.iter().find(|case| case.check == check);
    line.architectures += 1;
    line.built += u64::from(row.state == "ready");
    line.forward += u64::from(of("forward.runs").is_some_and(|case| {
        case.outcome == "passed" && case.provenance.as_deref() == Some("real")
    }));
    line.passed +=
        u64::from(!cases.is_empty() && cases.iter().all(|case| case.outcome == "passed"));
    for case in cases.iter().filter(|case| case.outcome == "skipped") {
        let kind = case
            .reason
            .as_ref()
            .map_or_else(|| "unknown".into(), |reason| reason.kind.clone());
        *line.skipped.entry(kind).or_default() += 1;
    }
    line.small += u64::from(row.parameters.is_some_and(|count| count < 1_000_000));
    line.faithful += u64::from(row.state == "ready" && row.lost.is_empty());
    line.reached += u64::from(row.leaves > 0 && row.unreached == 0);
    line.accounted += u64::from(of("forward.reaches").is_some_and(|case| case.outcome == "passed"));
}

impl Line {
    fn add(&mut self, other: &Self) {
        self.architectures += other.architectures;
        self.built += other.built;
        self.forward += other.forward;
        self.passed += other.passed;
        for (kind, count) in &other.skipped {
            *self.skipped.entry(kind.clone()).or_default() += count;
        }
        self.overrides += other.overrides;
        self.small += other.small;
        self.faithful += other.faithful;
        self.reached += other.reached;
        self.accounted += other.accounted;
    }
}

fn row(text: &mut String, family: &str, line: &Line) {
    let skipped: Vec<String> = line
        .skipped
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let _ = writeln!(
        text,
        "| {family} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        line.architectures,
        line.built,
        line.forward,
        line.passed,
        skipped.join(", "),
        line.overrides,
        line.small,
        line.faithful,
        line.reached,
        line.accounted
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced_and_nothing_else() {
        let old = format!("# Assay\n{BEGIN}old words\n{END}\nafter\n");
        let new = format!("# Assay\n{BEGIN}new words\n{END}\nafter\n");
        assert_eq!(between(&old, BEGIN, END, "new words\n"), Ok(new.clone()));
        assert_eq!(between(&new, BEGIN, END, "new words\n"), Ok(new));
        let bare = format!("{BEGIN}{END}");
        assert_eq!(
            between(&bare, BEGIN, END, "words\n"),
            Ok(format!("{BEGIN}words\n{END}"))
        );
        assert_eq!(
            between(&old, BEGIN, END, ""),
            Ok(format!("# Assay\n{BEGIN}{END}\nafter\n"))
        );
    }

    #[test]
    fn a_second_pair_of_marks_is_left_alone() {
        let pair = format!("{BEGIN}old{END}");
        let first_alone = format!("{BEGIN}new{END}{pair}");
        assert_eq!(
            between(&format!("{pair}{pair}"), BEGIN, END, "new"),
            Ok(first_alone)
        );
    }

    #[test]
    fn marks_that_are_missing_are_named() {
        let said = format!("no `{}` … `{END}`", BEGIN.trim());
        for text in [
            String::new(),
            format!("words {END}"),
            format!("{BEGIN}words"),
            format!("{END} before {BEGIN}words"),
            // The mark is a line of its own.
            format!("{} {END}", BEGIN.trim_end()),
        ] {
            let done = between(&text, BEGIN, END, "new");
            assert_eq!(done, Err(said.clone()), "{text}");
        }
    }

    #[test]
    fn the_readme_has_both_marks() {
        let readme = include_str!("../../README.md");
        assert!(between(readme, BEGIN, END, "words\n").is_ok());
    }
}
