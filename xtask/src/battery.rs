//! The whole standard battery under several seeds: what is red, why, and which outcomes change with the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::setup::{ready, root};
use crate::step::Failed;
use crate::summary::{Case, Summary, run_all};

const PAGE: &str = "docs/battery.md";
/// What is kept of each seed.
const KEPT: &str = "docs/battery";
/// How many seeds, unless some are named.
const SEEDS: u64 = 10;
/// Names that a cell of the page lists before it only counts.
const NAMED: usize = 12;

/// `cargo xtask battery [SEED…]`: runs every subject of the standard profile under each seed and writes `docs/battery.md`. Reports are
/// kept in `target/battery/`.
pub(crate) fn battery(seeds: &[&str]) -> Result<ExitCode, Failed> {
    let all: Vec<String> = (1..=SEEDS).map(|seed| seed.to_string()).collect();
    let seeds: Vec<&str> = if seeds.is_empty() {
        all.iter().map(String::as_str).collect()
    } else {
        seeds.to_vec()
    };
    if let Some(word) = seeds.iter().find(|seed| seed.parse::<u64>().is_err()) {
        return Err(format!("`{word}` is no seed"));
    }
    let ready = ready()?;
    for seed in seeds {
        let folder = root().join("target/battery").join(seed);
        let words = ["--profile", "standard", "--seed", seed];
        keep(&run_all(&ready, &folder, &words)?)?;
        println!("seed {seed}: {}", folder.display());
    }
    write_page()
}

/// `cargo xtask battery --from SUMMARY…`: keeps runs that there are in the place of what is kept of their seeds.
pub(crate) fn from<P: AsRef<Path>>(files: &[P]) -> Result<ExitCode, Failed> {
    for file in files {
        keep(file.as_ref())?;
    }
    write_page()
}

fn keep(summary: &Path) -> Result<(), Failed> {
    let kept = Kept::of(&Summary::read(summary)?);
    let file = root().join(KEPT).join(format!("{}.json", kept.seed));
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    std::fs::create_dir_all(root().join(KEPT)).map_err(|error| failed(&error))?;
    let text = serde_json::to_string_pretty(&kept).map_err(|error| failed(&error))?;
    std::fs::write(&file, text + "\n").map_err(|error| failed(&error))
}

/// The page of all seeds that are kept. Green if nothing is red and no outcome changes that no known issue names.
fn write_page() -> Result<ExitCode, Failed> {
    let folder = root().join(KEPT);
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        let text = std::fs::read(&path).map_err(|error| failed(&error))?;
        let kept: Kept = serde_json::from_slice(&text)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        runs.push(kept);
    }
    runs.sort_by_key(|run| run.seed);
    let (page, is_green) = page(&runs);
    let target = root().join(PAGE);
    std::fs::write(&target, page).map_err(|error| format!("{}: {error}", target.display()))?;
    println!("{}", target.display());
    Ok(ExitCode::from(u8::from(!is_green)))
}

/// What is kept of the run of one seed: so that seeds need not be run in one go, nor on one machine.
#[derive(Serialize, Deserialize)]
struct Kept {
    seed: u64,
    day: String,
    machine: String,
    transformers: String,
    torch: String,
    /// What tells the Python sources of the checks from any others.
    checks: String,
    /// How many cases there were.
    cases: usize,
    /// What tells the names of the cases from any others.
    names: String,
    passed: usize,
    failed: usize,
    skipped: usize,
    wall_seconds: f64,
    cpu_seconds: f64,
    cores_busy: f64,
    /// All cases but those that passed, as nearly all do, and of which there is nothing else to say.
    told: Vec<Case>,
}

impl Kept {
    fn of(run: &Summary) -> Self {
        let count = |outcome: &str| {
            run.cases
                .iter()
                .filter(|case| case.outcome == outcome)
                .count()
        };
        let wall = run.wall_seconds.unwrap_or_default();
        let mut names: Vec<String> = run
            .cases
            .iter()
            .map(|case| format!("{} {}", case.check, case.subject))
            .collect();
        names.sort();
        let is_told = |case: &&Case| {
            case.outcome != "passed" || case.known_issue.is_some() || case.other_inputs.is_some()
        };
        let mut told: Vec<Case> = run.cases.iter().filter(is_told).cloned().collect();
        for reason in told.iter_mut().filter_map(|case| case.reason.as_mut()) {
            reason.detail = short(&reason.detail);
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let cores_busy =
            run.cpu_seconds / (wall * run.environment.cpus as f64).max(f64::MIN_POSITIVE);
        Self {
            seed: run.seed,
            day: run.day().to_owned(),
            machine: format!("{} × {}", run.environment.cpus, run.environment.cpu),
            transformers: run.version("transformers").to_owned(),
            torch: run.version("torch").to_owned(),
            checks: run.environment.worker_digest.clone(),
            cases: run.cases.len(),
            names: digest(&names.join("\n")),
            passed: count("passed"),
            failed: count("failed"),
            skipped: count("skipped"),
            wall_seconds: wall,
            cpu_seconds: run.cpu_seconds,
            cores_busy,
            told,
        }
    }

    fn told(&self, outcome: impl Fn(&Case) -> bool) -> usize {
        self.told.iter().filter(|case| outcome(case)).count()
    }
}

/// A case by its check and its subject.
type Name<'a> = (&'a str, &'a str);

/// The page, and whether all is well: nothing red, and no outcome that changes with the seed unless a known issue says so.
fn page(runs: &[Kept]) -> (String, bool) {
    let cases: Vec<BTreeMap<Name<'_>, &Case>> = runs
        .iter()
        .map(|run| {
            let named = run
                .told
                .iter()
                .map(|case| ((case.check.as_str(), case.subject.as_str()), case));
            named.collect()
        })
        .collect();
    let names: BTreeSet<Name<'_>> = cases.iter().flat_map(BTreeMap::keys).copied().collect();
    let mut text = format!(
        "# The whole battery\n\nWritten by `cargo xtask battery`: every base architecture of the installed transformers and one class for each kind of its heads, profile standard, \
         under {} seed{}. What is kept of each seed lies in [`battery/`](battery/). The known issues are those of [`findings/assay.toml`](findings/assay.toml).\n\n",
        runs.len(),
        if runs.len() == 1 { "" } else { "s" },
    );
    text += "| seed | day | machine | transformers | torch | checks |\n| --: | --- | --- | --- | --- | --- |\n";
    for run in runs {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            run.seed, run.day, run.machine, run.transformers, run.torch, run.checks
        );
    }
    text += "\nChecks: a digest of their sources.\n\n\
             | seed | cases | passed | failed | of these known | lost | skipped | other inputs | wall | CPU | cores busy |\n\
             | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n";
    for run in runs {
        line(&mut text, run);
    }
    text += "\nLost: timed out, crashed, out of memory, not run, or Assay's own fault. Other inputs: with the first rounding turned a choice.\n";
    if runs.iter().any(|run| run.names != runs[0].names) {
        text += "\nNot all seeds have the same cases: they were run with other checks, and what a seed does not have reads as passed.\n";
    }
    let changes = changed(&mut text, &names, &cases);
    unknown(&mut text, &names, &cases);
    turned(&mut text, &names, &cases);
    let total = runs.iter().map(|run| run.cases).max().unwrap_or_default();
    known(&mut text, &names, &cases, total);
    let is_red = runs.iter().any(|run| run.told(Case::is_red) > 0);
    let is_mixed = runs
        .iter()
        .any(|run| (&run.names, &run.checks) != (&runs[0].names, &runs[0].checks));
    (text, !changes && !is_red && !is_mixed)
}

/// The row of one seed.
fn line(text: &mut String, run: &Kept) {
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} | {} | {:.0} s | {:.0} s | {:.0} % |",
        run.seed,
        run.cases,
        run.passed,
        run.failed,
        run.told(Case::is_excused),
        run.cases - run.passed - run.failed - run.skipped,
        run.skipped,
        run.told(|case| case.other_inputs.is_some()),
        run.wall_seconds,
        run.cpu_seconds,
        100.0 * run.cores_busy,
    );
}

/// Cases whose outcome is not that of the first seed; whether there is one that no known issue names.
fn changed(
    text: &mut String,
    names: &BTreeSet<Name<'_>>,
    cases: &[BTreeMap<Name<'_>, &Case>],
) -> bool {
    *text += "\n## Outcomes that change with the seed\n\n";
    let mut is_unknown = false;
    let rows: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let outcomes: Vec<&str> = cases
                .iter()
                .map(|run| run.get(name).map_or("passed", |case| case.outcome.as_str()))
                .collect();
            let changes = outcomes.iter().any(|outcome| outcome != &outcomes[0]);
            changes.then(|| {
                let mut its = cases.iter().filter_map(|run| run.get(name));
                is_unknown |= !its.any(|case| case.known_issue.is_some());
                let why = cases.iter().find_map(|run| run.get(name)?.reason.as_ref());
                let why = why.map_or(String::new(), |reason| {
                    cell(&format!("{}: {}", reason.kind, reason.detail))
                });
                format!(
                    "| `{}` | {} | {} | {why} |\n",
                    name.0,
                    name.1,
                    outcomes.join(", ")
                )
            })
        })
        .collect();
    if cases.len() == 1 {
        *text += "One seed says nothing of this.\n";
    } else if rows.is_empty() {
        *text += "None.\n";
    } else {
        *text += "| check | subject | by seed | why |\n| --- | --- | --- | --- |\n";
        text.extend(rows);
    }
    is_unknown
}

/// Failures that no known issue excuses.
fn unknown(text: &mut String, names: &BTreeSet<Name<'_>>, cases: &[BTreeMap<Name<'_>, &Case>]) {
    *text += "\n## Red\n\n";
    let red: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let case = cases
                .iter()
                .filter_map(|run| run.get(name))
                .find(|case| case.is_red())?;
            let why = case.reason.as_ref();
            let why = why.map_or_else(
                || case.outcome.clone(),
                |reason| format!("{}: {}", reason.kind, reason.detail),
            );
            Some(format!("| `{}` | {} | {} |\n", name.0, name.1, cell(&why)))
        })
        .collect();
    if red.is_empty() {
        *text += "Nothing: each case that fails does so for a bug upstream that a script shows.\n";
    } else {
        *text += "What was looked at, and what became of it: [battery-red](battery-red.md).\n\n| check | subject | why |\n| --- | --- | --- |\n";
        text.extend(red);
    }
}

/// Cases that were judged with other inputs, since rounding turned a choice with the first.
fn turned(text: &mut String, names: &BTreeSet<Name<'_>>, cases: &[BTreeMap<Name<'_>, &Case>]) {
    *text += "\n## Choices that rounding turned\n\n";
    let rows: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let its = || cases.iter().filter_map(|run| run.get(name));
            let what = its().find_map(|case| case.other_inputs.as_ref())?;
            let seeds = its().filter(|case| case.other_inputs.is_some()).count();
            let what = cell(what);
            Some(format!(
                "| `{}` | {} | {seeds} | {what} |\n",
                name.0, name.1
            ))
        })
        .collect();
    if rows.is_empty() {
        *text += "None.\n";
    } else {
        *text += "| check | subject | seeds | what differed |\n| --- | --- | --: | --- |\n";
        text.extend(rows);
    }
}

/// What is red upstream, by the script that shows it.
fn known(
    text: &mut String,
    names: &BTreeSet<Name<'_>>,
    cases: &[BTreeMap<Name<'_>, &Case>],
    of: usize,
) {
    let mut scripts: BTreeMap<&str, (usize, BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    let mut total = 0;
    for name in names {
        let excused = cases
            .iter()
            .filter_map(|run| run.get(name))
            .find(|case| case.is_excused());
        if let Some(issue) = excused.and_then(|case| case.known_issue.as_ref()) {
            let (count, checks, subjects) = scripts.entry(&issue.reference).or_default();
            *count += 1;
            total += 1;
            checks.insert(name.0);
            subjects.insert(name.1);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let share = 100.0 * total as f64 / of.max(1) as f64;
    let _ = write!(
        text,
        "\n## Known issues\n\n{total} of {of} cases ({share:.2} %; the aim is under 1 %).\n\n| script | cases | checks | subjects |\n| --- | --: | --- | --- |\n",
    );
    for (script, (count, checks, subjects)) in scripts {
        let listed = |names: &BTreeSet<&str>| {
            let first: Vec<&str> = names.iter().take(NAMED).copied().collect();
            let more = names.len().saturating_sub(NAMED);
            first.join(", ")
                + &(if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                })
        };
        let _ = writeln!(
            text,
            "| [`{script}`](findings/{script}) | {count} | {} | {} |",
            listed(&checks),
            listed(&subjects)
        );
    }
}

/// Words that fit a cell of a table.
fn cell(words: &str) -> String {
    short(words).replace('|', "\\|").replace('\n', " ")
}

/// The first words, as many as fit.
fn short(words: &str) -> String {
    let mut short: String = words.chars().take(240).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short
}

fn digest(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::{Known, Reason};

    fn case(check: &str, outcome: &str, known: Option<&str>) -> Case {
        Case {
            subject: "bert".into(),
            platform: "cpu".into(),
            check: check.into(),
            outcome: outcome.into(),
            provenance: Some("real".into()),
            reason: (outcome != "passed").then(|| Reason {
                kind: "differs".into(),
                detail: "states | more".into(),
            }),
            seconds: 0.1,
            other_inputs: None,
            known_issue: known.map(|state| Known {
                reference: "window.py".into(),
                state: state.into(),
            }),
        }
    }

    #[test]
    fn what_changes_what_is_red_and_what_is_known_are_told_apart() {
        let runs = [
            Summary::of(vec![
                case("batch.rows", "passed", None),
                case("batch.order", "failed", None),
                case("attention.window", "failed", Some("excuses")),
                case("attention.mask", "passed", Some("stale")),
            ]),
            Summary::of(vec![
                case("batch.rows", "failed", None),
                case("batch.order", "failed", None),
                case("attention.window", "failed", Some("excuses")),
                case("attention.mask", "passed", Some("stale")),
            ]),
        ];
        let (page, is_green) = page(&runs.map(|run| Kept::of(&run)));
        assert!(!is_green, "{page}");
        assert!(page.contains("| 1 | 4 | 2 | 2 | 1 |"), "{page}");
        assert!(
            page.contains("| `batch.rows` | bert | passed, failed | differs: states \\| more |"),
            "{page}"
        );
        let red = page.split("## Red").nth(1).unwrap();
        assert!(red.contains("| `batch.order` | bert |"), "{page}");
        assert!(
            red.contains("| `attention.mask` | bert | passed |"),
            "a stale issue is red: {page}"
        );
        assert!(
            !red.split("## Known")
                .next()
                .unwrap()
                .contains("attention.window"),
            "{page}"
        );
        assert!(page.contains("1 of 4 cases (25.00 %"), "{page}");
        assert!(
            page.contains("| [`window.py`](findings/window.py) | 1 | attention.window | bert |"),
            "{page}"
        );
    }
}
