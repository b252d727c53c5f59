//! What share of all base architectures each platform takes, loads, executes itself and answers rightly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::coverage::between;
use crate::mutants::families;
use crate::setup::{ready, root};
use crate::step::Failed;
use crate::summary::{Case, Summary, run_all};

const PAGE: &str = "docs/platforms.md";
const BEGIN: &str = "<!-- numbers: written by `cargo xtask platforms` -->\n";
const END: &str = "<!-- end of numbers -->";
/// Names that a row lists before it only counts.
const NAMED: usize = 8;
/// Characters of a message that tell it from others.
const TOLD: usize = 110;
/// The stages in their order, each with the checks that have to pass for it.
const STAGES: [(&str, &[&str]); 4] = [
    ("prepared", &["parity.prepares"]),
    ("loaded", &["parity.loads"]),
    ("executed by itself", &["parity.executes"]),
    (
        "agrees",
        &[
            "parity.numbers",
            "parity.outputs",
            "parity.other_inputs",
            "parity.repeatable",
        ],
    ),
];

/// `cargo xtask platforms PLATFORM,…`: every base architecture on these platforms, into `docs/platforms.md`.
pub(crate) fn platforms(names: &str) -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let folder = root().join("target/platforms");
    let words = ["--classes", "base", "--seed", "1", "--platform", names];
    from(&[run_all(&ready, &folder, &words)?])
}

/// `cargo xtask platforms --from SUMMARY…`: the same of runs that there are.
pub(crate) fn from<P: AsRef<Path>>(files: &[P]) -> Result<ExitCode, Failed> {
    let families = families(&ready()?)?;
    let runs: Vec<Summary> = files
        .iter()
        .map(|file| Summary::read(file.as_ref()))
        .collect::<Result<_, _>>()?;
    let target = root().join(PAGE);
    let failed = |error: std::io::Error| format!("{}: {error}", target.display());
    let text = std::fs::read_to_string(&target).map_err(failed)?;
    let words = page(&runs, &families);
    let text = between(&text, BEGIN, END, &words);
    let text = text.map_err(|error| format!("{}: {error}", target.display()))?;
    std::fs::write(&target, text).map_err(failed)?;
    println!("{}", target.display());
    Ok(ExitCode::SUCCESS)
}

/// The cases of one subject on one platform.
type Cell<'a> = BTreeMap<&'a str, &'a Case>;

/// How many subjects came how far.
#[derive(Default, Clone)]
struct Counts {
    asked: usize,
    skipped: usize,
    /// By stage.
    reached: [usize; STAGES.len()],
}

impl Counts {
    fn add(&mut self, cell: &Cell<'_>) {
        // What is left out later came as far as it did, and does not agree.
        let first = cell.get(STAGES[0].1[0]);
        if first.is_some_and(|case| case.outcome == "skipped") {
            self.skipped += 1;
            return;
        }
        self.asked += 1;
        for (index, (_, checks)) in STAGES.iter().enumerate() {
            if !checks.iter().all(|check| passed(cell, check)) {
                break;
            }
            self.reached[index] += 1;
        }
    }
}

fn passed(cell: &Cell<'_>, check: &str) -> bool {
    cell.get(check).is_some_and(|case| case.outcome == "passed")
}

fn page(runs: &[Summary], families: &BTreeMap<String, String>) -> String {
    let mut cells: BTreeMap<&str, BTreeMap<&str, Cell<'_>>> = BTreeMap::new();
    let mut text = String::new();
    for run in runs {
        let mut here = BTreeSet::new();
        for case in run.cases.iter().filter(|case| case.platform != "cpu") {
            here.insert(case.platform.as_str());
            let of_platform = cells.entry(&case.platform).or_default();
            let cell = of_platform.entry(&case.subject).or_default();
            cell.insert(&case.check, case);
        }
        let here: Vec<&str> = here.into_iter().collect();
        let _ = writeln!(
            text,
            "{}: {}, transformers {}, torch {}, {} × {}, {:.0} s wall, {:.0} s of processor time.\n",
            here.join(", "),
            run.day(),
            run.version("transformers"),
            run.version("torch"),
            run.environment.cpus,
            run.environment.cpu,
            run.wall_seconds.unwrap_or_default(),
            run.cpu_seconds,
        );
    }
    text += "Of all base architectures; each stage counts those that came through all before it, known issues among what did not.\n\n";
    text += "| platform | skipped | asked |";
    for (stage, _) in STAGES {
        let _ = write!(text, " {stage} |");
    }
    text += "\n| --- | --: | --: | --: | --: | --: | --: |\n";
    for (platform, subjects) in &cells {
        let mut counts = Counts::default();
        subjects.values().for_each(|cell| counts.add(cell));
        let reached = counts.reached.map(|count| share(count, counts.asked));
        let _ = writeln!(
            text,
            "| `{platform}` | {} | {} | {} |",
            counts.skipped,
            counts.asked,
            reached.join(" | ")
        );
    }
    by_family(&mut text, &cells, families);
    what_ends_it(&mut text, &cells);
    text
}

fn share(count: usize, of: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
    let share = 100.0 * count as f64 / of.max(1) as f64;
    format!("{count} ({share:.0} %)")
}

/// How many of a family agree.
fn by_family(
    text: &mut String,
    cells: &BTreeMap<&str, BTreeMap<&str, Cell<'_>>>,
    families: &BTreeMap<String, String>,
) {
    let mut lines: BTreeMap<&str, BTreeMap<&str, Counts>> = BTreeMap::new();
    for (platform, subjects) in cells {
        for (subject, cell) in subjects {
            let family = families.get(*subject).map_or("", String::as_str);
            let line = lines.entry(family).or_default();
            line.entry(platform).or_default().add(cell);
        }
    }
    *text += "\nThose that agree, of those that were asked, by family:\n\n| family |";
    for platform in cells.keys() {
        let _ = write!(text, " `{platform}` |");
    }
    *text += "\n| --- |";
    *text += &" --: |".repeat(cells.len());
    *text += "\n";
    for (family, line) in &lines {
        let _ = write!(text, "| {family} |");
        for platform in cells.keys() {
            let counts = line.get(platform).cloned().unwrap_or_default();
            let _ = write!(text, " {} of {} |", counts.reached[3], counts.asked);
        }
        *text += "\n";
    }
}

/// What each subject that does not agree ends with: the first case that is no pass.
fn what_ends_it(text: &mut String, cells: &BTreeMap<&str, BTreeMap<&str, Cell<'_>>>) {
    let mut ends: BTreeMap<(&str, &str, String, bool), Vec<&str>> = BTreeMap::new();
    for (platform, subjects) in cells {
        for (subject, cell) in subjects {
            let checks = STAGES.iter().flat_map(|(_, checks)| *checks);
            let first = checks
                .filter_map(|check| cell.get(check))
                .find(|case| case.outcome != "passed");
            if let Some(case) = first {
                let key = (
                    *platform,
                    case.check.as_str(),
                    why(case),
                    case.known_issue.is_some(),
                );
                ends.entry(key).or_default().push(subject);
            }
        }
    }
    *text += "\nWhat is no pass, by the first check that is none:\n\n| platform | check | why | known | subjects |\n| --- | --- | --- | --- | --- |\n";
    for ((platform, check, why, is_known), subjects) in &ends {
        let more = subjects.len().saturating_sub(NAMED);
        let mut named = subjects[..subjects.len() - more].join(", ");
        if more > 0 {
            let _ = write!(named, " and {more} more");
        }
        let known = if *is_known { "yes" } else { "" };
        let _ = writeln!(
            text,
            "| `{platform}` | {check} | {why} | {known} | {} ({named}) |",
            subjects.len()
        );
    }
}

/// The reason, without what differs from model to model: numbers, and whatever stands in quotes.
fn why(case: &Case) -> String {
    let Some(reason) = &case.reason else {
        return case.outcome.clone();
    };
    if reason.kind == "differs" {
        return "other numbers".into();
    }
    let mut words = String::new();
    let mut quote = None;
    for letter in reason.detail.chars() {
        if quote == Some(letter) {
            quote = None;
        } else if quote.is_none() && matches!(letter, '\'' | '"' | '`') && words.ends_with(' ') {
            quote = Some(letter);
            words.push('…');
            continue;
        }
        if quote.is_some() || words.ends_with('…') && matches!(letter, '\'' | '"' | '`') {
            continue;
        }
        if !letter.is_ascii_digit() {
            words.push(if matches!(letter, '|' | '\n') {
                ' '
            } else {
                letter
            });
        } else if !words.ends_with('#') {
            words.push('#');
        }
    }
    let words: String = words.chars().take(TOLD).collect();
    format!("{}: {words}", reason.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Reason;

    fn case(subject: &str, check: &str, outcome: &str, reason: Option<(&str, &str)>) -> Case {
        Case {
            subject: subject.into(),
            platform: "openvino".into(),
            check: check.into(),
            outcome: outcome.into(),
            provenance: None,
            reason: reason.map(|(kind, detail)| Reason {
                kind: kind.into(),
                detail: detail.into(),
            }),
            seconds: 0.0,
            other_inputs: None,
            known_issue: None,
        }
    }

    #[test]
    fn each_stage_counts_those_that_came_through_all_before_it() {
        let all = |subject: &str| -> Vec<Case> {
            let checks = STAGES.iter().flat_map(|(_, checks)| *checks);
            checks
                .map(|check| case(subject, check, "passed", None))
                .collect()
        };
        let mut cases = all("bert");
        cases.extend(all("t5"));
        let words = (
            "exception",
            "load: RuntimeError: size 12 of 'weight 7' is wrong | so",
        );
        cases[8] = case("t5", "parity.loads", "failed", Some(words));
        cases.extend(all("blt"));
        let turns = Some(("unsupported_by_backend", "turns"));
        cases[18] = case("blt", "parity.outputs", "skipped", turns);
        cases.push(case(
            "bark",
            "parity.prepares",
            "skipped",
            Some(("not_a_model", "no")),
        ));
        let families = BTreeMap::from([("bert".to_owned(), "encoder-only".to_owned())]);
        let page = page(&[Summary::of(cases)], &families);
        assert!(
            page.contains("| `openvino` | 1 | 3 | 3 (100 %) | 2 (67 %) | 2 (67 %) | 1 (33 %) |"),
            "{page}"
        );
        assert!(page.contains("| encoder-only | 1 of 1 |"), "{page}");
        let row = "| `openvino` | parity.loads | exception: load: RuntimeError: size # of … is wrong   so |  | 1 (t5) |";
        assert!(page.contains(row), "{page}");
    }
}
