//! The whole standard battery under several seeds: what is red, why, and which outcomes change with the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::setup::{ready, root};
use crate::step::Failed;
use crate::summary::{Case, Summary};

/// The known issues of upstream, each with its script.
const FINDINGS: &str = "docs/findings/assay.toml";
const PAGE: &str = "docs/battery.md";
/// How many seeds, unless some are named.
const SEEDS: u64 = 10;
/// Seconds for one check: what is asked here is the verdict, on however slow a machine.
const CHECK_SECONDS: &str = "300";
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
    let mut summaries = Vec::new();
    for seed in seeds {
        let folder = root().join("target/battery").join(seed);
        let _ = std::fs::remove_dir_all(&folder);
        // Red or green: every case is counted below.
        let _ = Command::new(&ready.assay)
            .current_dir(root())
            .args(["run", "--all", "--profile", "standard", "--seed", seed])
            .args([
                "--timeout",
                CHECK_SECONDS,
                "--config",
                FINDINGS,
                "--report-dir",
            ])
            .arg(&folder)
            .env("ASSAY_PYTHON", &ready.python)
            .env("HF_HUB_OFFLINE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| format!("{}: {error}", ready.assay.display()))?;
        summaries.push(folder.join("summary.json"));
        println!("seed {seed}: {}", folder.display());
    }
    from(&summaries)
}

/// `cargo xtask battery --from SUMMARY…`: the page alone, of runs that there are.
pub(crate) fn from<P: AsRef<Path>>(files: &[P]) -> Result<ExitCode, Failed> {
    let runs: Vec<Summary> = files
        .iter()
        .map(|file| Summary::read(file.as_ref()))
        .collect::<Result<_, _>>()?;
    let (page, changes) = page(&runs)?;
    let target = root().join(PAGE);
    std::fs::write(&target, page).map_err(|error| format!("{}: {error}", target.display()))?;
    println!("{}", target.display());
    let mut all = runs.iter().flat_map(|run| &run.cases);
    let is_green = !changes && !all.any(Case::is_red);
    Ok(ExitCode::from(u8::from(!is_green)))
}

/// A case by its check and its subject.
type Name<'a> = (&'a str, &'a str);

/// The page, and whether an outcome changes with the seed that no known issue names.
fn page(runs: &[Summary]) -> Result<(String, bool), Failed> {
    let first = runs.first().ok_or("there is no run")?;
    let cases: Vec<BTreeMap<Name<'_>, &Case>> = runs
        .iter()
        .map(|run| {
            let named = run
                .cases
                .iter()
                .map(|case| ((case.check.as_str(), case.subject.as_str()), case));
            named.collect()
        })
        .collect();
    let names: BTreeSet<Name<'_>> = cases.iter().flat_map(BTreeMap::keys).copied().collect();
    let mut text = format!(
        "# The whole battery\n\nWritten by `cargo xtask battery`: every base architecture of the installed transformers and one class for each kind of its heads, profile standard, \
         under {} seed{}. The known issues are those of [`findings/assay.toml`](findings/assay.toml).\n\n\
         {}, {} × {}, transformers {}, torch {}.\n\n",
        runs.len(),
        if runs.len() == 1 { "" } else { "s" },
        first.day(),
        first.environment.cpus,
        first.environment.cpu,
        first.version("transformers"),
        first.version("torch"),
    );
    text += "| seed | cases | passed | failed | of these known | lost | skipped | other inputs | wall | CPU | cores busy |\n\
             | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n";
    for run in runs {
        line(&mut text, run);
    }
    text += "\nLost: timed out, crashed, out of memory, not run, or Assay's own fault. Other inputs: with the first rounding turned a choice.\n";
    let changes = changed(&mut text, &names, &cases);
    unknown(&mut text, &names, &cases);
    turned(&mut text, &names, &cases);
    known(&mut text, &names, &cases);
    Ok((text, changes))
}

/// The row of one seed.
fn line(text: &mut String, run: &Summary) {
    let count = |outcome: &str| {
        run.cases
            .iter()
            .filter(|case| case.outcome == outcome)
            .count()
    };
    let known = run.cases.iter().filter(|case| case.is_excused()).count();
    let wall = run.wall_seconds.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let busy = run.cpu_seconds / (wall * run.environment.cpus as f64).max(f64::MIN_POSITIVE);
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {known} | {} | {} | {} | {wall:.0} s | {:.0} s | {:.0} % |",
        run.seed,
        run.cases.len(),
        count("passed"),
        count("failed"),
        run.cases.len() - count("passed") - count("failed") - count("skipped"),
        count("skipped"),
        run.cases
            .iter()
            .filter(|case| case.other_inputs.is_some())
            .count(),
        run.cpu_seconds,
        100.0 * busy,
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
                .map(|run| run.get(name).map_or("absent", |case| case.outcome.as_str()))
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
        *text += "| check | subject | why |\n| --- | --- | --- |\n";
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
fn known(text: &mut String, names: &BTreeSet<Name<'_>>, cases: &[BTreeMap<Name<'_>, &Case>]) {
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
    let share = 100.0 * total as f64 / names.len().max(1) as f64;
    let _ = write!(
        text,
        "\n## Known issues\n\n{total} of {} cases ({share:.2} %; the aim is under 1 %).\n\n| script | cases | checks | subjects |\n| --- | --: | --- | --- |\n",
        names.len()
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
    let mut short: String = words.chars().take(240).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::{Known, Reason};

    fn case(check: &str, outcome: &str, known: Option<&str>) -> Case {
        Case {
            subject: "bert".into(),
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
        let (page, changes) = page(&runs).unwrap();
        assert!(changes, "{page}");
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
