use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use assay_model::{CheckSpec, Profile, Rule};

use super::measured::{Cost, Matrix, Measured, Mutant, Run};
use super::{FOLDER, Pages};
use crate::step::Failed;

/// All pages: one for each check, their index, and the costs.
pub(super) fn pages(battery: &[CheckSpec], measured: &Measured) -> Result<Pages, Failed> {
    let rules = rules()?;
    let mut pages = Pages::new();
    for check in battery {
        let name = rule_name(check.rule)?;
        let says = rules
            .get(&name)
            .ok_or_else(|| format!("the rule {name} says nothing"))?;
        let path = Path::new(FOLDER).join(format!("{}.md", check.id));
        pages.insert(path, page(check, &name, says, measured));
    }
    pages.insert(
        Path::new(FOLDER).join("README.md"),
        index(battery, measured),
    );
    pages.insert("docs/costs.md".into(), costs(battery, measured));
    Ok(pages)
}

/// What each rule says: its doc comment.
fn rules() -> Result<BTreeMap<String, String>, Failed> {
    let schema = schemars::schema_for!(Rule);
    let variants = schema.get("oneOf").and_then(|variants| variants.as_array());
    let text = |variant: &serde_json::Value, key| {
        let text = variant.get(key)?.as_str()?;
        Some(text.replace('\n', " "))
    };
    variants
        .into_iter()
        .flatten()
        .map(|variant| text(variant, "const").zip(text(variant, "description")))
        .collect::<Option<_>>()
        .ok_or_else(|| "a rule has no doc comment".into())
}

fn rule_name(rule: Rule) -> Result<String, Failed> {
    match serde_json::to_value(rule) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        other => Err(format!("a rule is written as {other:?}")),
    }
}

fn page(check: &CheckSpec, rule: &str, says: &str, measured: &Measured) -> String {
    let group = check.id.group();
    let found = measured.cost(check);
    let mut text = format!(
        "# {}\n\n{}.\n\nA failure points at: {}.\n\n| | |\n| --- | --- |\n",
        check.id,
        capital(&check.asserts),
        check.bug,
    );
    let file = match check.rule {
        Rule::Completes => "mod",
        Rule::Finite | Rule::Executes => "full",
        Rule::Refuses | Rule::RefusesOrAnswers | Rule::Recovers => "calls",
        _ => rule,
    };
    let _ = writeln!(
        text,
        "| judged by | [`{rule}`](../../../crates/assay-judge/src/rules/{file}.rs): {} |",
        lower(says.trim_end_matches('.'))
    );
    let _ = writeln!(text, "| profile | {} |", profiles(check.profile));
    let _ = writeln!(text, "| applies to | {} |", applies(check, found));
    let _ = writeln!(text, "| costs | {} |", price(found));
    let _ = writeln!(
        text,
        "| observed in | [`python/assay/checks/{group}.py`](../../../python/assay/checks/{group}.py) |"
    );
    text.push_str("\n## Mutants\n\n");
    mutants(&mut text, check, measured.mutants.as_ref());
    if let Some((run, cost)) = found
        && cost.cases() != run.subjects()
    {
        text.push_str("\n## Where it applies\n\n| family | subjects | of |\n| --- | --: | --: |\n");
        for (name, family) in &run.families {
            let applied = cost.applied.get(name).copied().unwrap_or_default();
            let _ = writeln!(text, "| {name} | {applied} | {} |", family.subjects);
        }
    }
    let by = found.map(|(run, _)| format!(" Run of {}: [costs](../../costs.md).", run.day));
    let _ = writeln!(
        text,
        "\nWritten by `cargo xtask reference`.{}",
        by.unwrap_or_default()
    );
    text
}

impl Measured {
    /// What a check costs, in the first run that has it.
    fn cost(&self, check: &CheckSpec) -> Option<(&Run, &Cost)> {
        self.runs
            .iter()
            .find_map(|run| Some((run, run.checks.get(check.id.as_str())?)))
    }
}

fn profiles(smallest: Profile) -> &'static str {
    match smallest {
        Profile::Quick => "quick, standard, full",
        Profile::Standard => "standard, full",
        Profile::Full => "full",
    }
}

/// The facts that it needs, and how many subjects have them.
fn applies(check: &CheckSpec, found: Option<(&Run, &Cost)>) -> String {
    let facts: Vec<String> = check.needs.iter().map(|fact| format!("`{fact}`")).collect();
    let what = if facts.is_empty() {
        "every model".into()
    } else {
        format!("what has [{}](../facts.md)", facts.join(", "))
    };
    let Some((run, cost)) = found else {
        return what;
    };
    format!(
        "{what}: {} of {} subjects",
        grouped(cost.cases()),
        grouped(run.subjects())
    )
}

fn price(found: Option<(&Run, &Cost)>) -> String {
    let Some((run, cost)) = found else {
        return "not measured".into();
    };
    let worst: Vec<String> = cost
        .worst
        .iter()
        .map(|(subject, seconds)| format!("{subject} {}", time(*seconds)))
        .collect();
    format!(
        "{} (median), {} (mean), {:.1} % of the run; most: {}",
        time(cost.median),
        time(cost.mean()),
        share(cost.total, run),
        worst.join(", ")
    )
}

impl Cost {
    fn mean(&self) -> f64 {
        self.total / float(self.cases())
    }
}

/// What it kills, and what it alone kills.
fn mutants(text: &mut String, check: &CheckSpec, matrix: Option<&Matrix>) {
    let id = check.id.as_str();
    let Some(matrix) = matrix else {
        text.push_str("Not measured.\n");
        return;
    };
    let (own, others): (Vec<&Mutant>, Vec<&Mutant>) = matrix
        .rows
        .iter()
        .filter(|row| row.check == id || reports(row, id))
        .partition(|row| row.check == id);
    if own.is_empty() {
        text.push_str("None is planted for it.\n");
    } else {
        text.push_str("| planted for it | in | reported by |\n| --- | --- | --- |\n");
    }
    for row in own {
        let rest: Vec<&str> = row
            .reported_by
            .iter()
            .map(String::as_str)
            .filter(|other| *other != id)
            .collect();
        let by = match (row.killed, rest.as_slice()) {
            (true, []) => "**it alone**".to_owned(),
            (true, rest) => format!("it and {}", rest.join(", ")),
            (false, []) => "nobody: it survives".to_owned(),
            (false, rest) => format!("not it, but {}", rest.join(", ")),
        };
        let _ = writeln!(
            text,
            "| [{}](../../../tests/mutants/{}) | {} | {by} |",
            capital(row.bug.trim_end_matches('.')).replace('|', "\\|"),
            row.file,
            row.subject,
        );
    }
    if !others.is_empty() {
        let links: Vec<String> = others
            .iter()
            .map(|row| {
                let name = row.file.trim_end_matches(".py");
                format!("[{name}](../../../tests/mutants/{})", row.file)
            })
            .collect();
        let _ = writeln!(
            text,
            "\nIt reports {} planted for other checks, too: {}.",
            others.len(),
            links.join(", ")
        );
    }
}

fn reports(row: &Mutant, check: &str) -> bool {
    row.reported_by.iter().any(|reporter| reporter == check)
}

/// Killed by a check, and by it alone.
fn kills(matrix: &Matrix, check: &str) -> (usize, usize) {
    let killed: Vec<&Mutant> = matrix
        .rows
        .iter()
        .filter(|row| reports(row, check))
        .collect();
    let alone = killed.iter().filter(|row| row.reported_by.len() == 1);
    (killed.len(), alone.count())
}

fn index(battery: &[CheckSpec], measured: &Measured) -> String {
    let mut text = format!(
        "# The checks\n\n{} checks. What each needs a model to have: [facts](../facts.md). What they cost: [costs](../../costs.md).\n",
        battery.len()
    );
    if let Some(matrix) = &measured.mutants {
        let killed = matrix.rows.iter().filter(|row| row.killed).count();
        let _ = writeln!(
            text,
            "\nOf {} [planted bugs](../../../tests/mutants/), {killed} are reported by the check that each was planted for ({}).",
            matrix.rows.len(),
            matrix.day
        );
    }
    for group in battery.chunk_by(|a, b| a.id.group() == b.id.group()) {
        let name = group.first().map_or("", |check| check.id.group());
        let _ = writeln!(
            text,
            "\n## {name}\n\n| check | asserts | profile | mutants killed | by it alone | median |\n| --- | --- | --- | --: | --: | --: |"
        );
        for check in group {
            let id = check.id.as_str();
            let (killed, alone) = match &measured.mutants {
                Some(matrix) => {
                    let (killed, alone) = kills(matrix, id);
                    (killed.to_string(), alone.to_string())
                }
                None => ("-".into(), "-".into()),
            };
            let median = measured
                .cost(check)
                .map_or_else(|| "-".into(), |(_, cost)| time(cost.median));
            let _ = writeln!(
                text,
                "| [{id}]({id}.md) | {} | {} | {killed} | {alone} | {median} |",
                check.asserts,
                check.profile.name()
            );
        }
    }
    text.push_str("\nWritten by `cargo xtask reference`.\n");
    text
}

fn costs(battery: &[CheckSpec], measured: &Measured) -> String {
    let mut text = "# What the checks cost\n\nWritten by `cargo xtask reference`. Seconds are wall clock while all cores are busy. What several checks share (the reference run, the one in float64, the saved\ncopy) is paid by the first that asks for it.\n".to_owned();
    for (place, run) in measured.runs.iter().enumerate() {
        let mut checks: Vec<(&CheckSpec, &Cost)> = battery
            .iter()
            .filter(|check| {
                let earlier = &measured.runs[..place];
                !earlier
                    .iter()
                    .any(|run| run.checks.contains_key(check.id.as_str()))
            })
            .filter_map(|check| Some((check, run.checks.get(check.id.as_str())?)))
            .collect();
        checks.sort_by(|a, b| b.1.total.total_cmp(&a.1.total));
        let profile = battery
            .iter()
            .filter(|check| run.checks.contains_key(check.id.as_str()))
            .map(|check| check.profile)
            .max();
        let cases: u64 = run.families.values().map(|family| family.cases).sum();
        let _ = writeln!(
            text,
            "\n## {}, profile {}: {} subjects, {} cases\n\n{} × {}, transformers {}, torch {}.\n",
            run.day,
            profile.map_or("-", Profile::name),
            grouped(run.subjects()),
            grouped(cases),
            run.cpus,
            run.cpu,
            run.transformers,
            run.torch,
        );
        whole(&mut text, run);
        families(&mut text, run);
        dearest(&mut text, run, &checks);
        slowest(&mut text, run);
    }
    if measured.runs.is_empty() {
        text.push_str("\nNot measured.\n");
    }
    text
}

fn whole(text: &mut String, run: &Run) {
    let cores = float(run.cpus);
    let work = run.cpu_seconds - run.import_seconds;
    let _ = writeln!(
        text,
        "| the run | | aim |\n| --- | --: | --: |\n| wall clock | {:.0} s | |\n| CPU | {:.0} s | |\n| cores busy | {:.0} % | over 90 % |\n| one import of torch, transformers and the checks | {:.1} s | |\n| wall clock / (imports + work / cores); work is the CPU beside the imports | {:.2} | below 1.3 |",
        run.wall_seconds,
        run.cpu_seconds,
        100.0 * run.cpu_seconds / (run.wall_seconds * cores),
        run.import_seconds,
        run.wall_seconds / (run.import_seconds + work / cores),
    );
}

fn families(text: &mut String, run: &Run) {
    text.push_str("\n### Families\n\nImporting is `load.config`, building `load.build`, checks all others.\n\n| family | subjects | cases | seconds | share | a subject | importing | building | checks |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n");
    let mut rows: Vec<_> = run.families.iter().collect();
    rows.sort_by(|a, b| b.1.seconds().total_cmp(&a.1.seconds()));
    for (name, family) in rows {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {:.1} | {:.1} % | {} | {:.1} | {:.1} | {:.1} |",
            grouped(family.subjects),
            grouped(family.cases),
            family.seconds(),
            share(family.seconds(), run),
            time(family.seconds() / float(family.subjects)),
            family.importing,
            family.building,
            family.checking,
        );
    }
}

fn dearest(text: &mut String, run: &Run, checks: &[(&CheckSpec, &Cost)]) {
    text.push_str("\n### Checks\n\n| check | cases | median | mean | seconds | share |\n| --- | --: | --: | --: | --: | --: |\n");
    for (check, cost) in checks {
        let _ = writeln!(
            text,
            "| [{}](reference/checks/{}.md) | {} | {} | {} | {:.1} | {:.1} % |",
            check.id,
            check.id,
            grouped(cost.cases()),
            time(cost.median),
            time(cost.mean()),
            cost.total,
            share(cost.total, run),
        );
    }
}

fn slowest(text: &mut String, run: &Run) {
    text.push_str("\n### The ten slowest subjects\n\n| subject | seconds | most of it |\n| --- | --: | --- |\n");
    for slow in &run.slowest {
        let _ = writeln!(
            text,
            "| {} | {:.1} | {} {:.1} |",
            slow.subject, slow.seconds, slow.check, slow.of_it
        );
    }
}

/// Percent of the seconds of a run.
fn share(seconds: f64, run: &Run) -> f64 {
    100.0 * seconds / run.seconds()
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Three digits or so, in the unit that fits.
fn time(seconds: f64) -> String {
    match seconds * 1e3 {
        milliseconds if milliseconds < 9.95 => format!("{milliseconds:.1} ms"),
        milliseconds if milliseconds < 999.5 => format!("{milliseconds:.0} ms"),
        _ => format!("{seconds:.1} s"),
    }
}

/// 45457 → `45,457`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn capital(text: &str) -> String {
    first(text, |letter| letter.to_uppercase().collect())
}

fn lower(text: &str) -> String {
    first(text, |letter| letter.to_lowercase().collect())
}

fn first(text: &str, change: impl Fn(char) -> String) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|letter| change(letter) + letters.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_a_person() {
        assert_eq!(
            [0, 999, 1000, 45457].map(grouped),
            ["0", "999", "1,000", "45,457"]
        );
        let times = [0.00012, 0.00996, 0.1234, 0.9996, 12.34].map(time);
        assert_eq!(times, ["0.1 ms", "10 ms", "123 ms", "1.0 s", "12.3 s"]);
    }

    #[test]
    fn every_rule_has_words() {
        let rules = rules().unwrap();
        assert_eq!(rules["completes"], "The check's code came to its end.");
        assert!(rules.len() > 10);
    }

    #[test]
    fn a_kill_with_others_is_none_by_itself() {
        let row = |file: &str, reporters: &[&str]| Mutant {
            file: file.into(),
            bug: "A bug.".into(),
            subject: "bert".into(),
            check: "batch.rows".into(),
            killed: reporters.contains(&"batch.rows"),
            reported_by: reporters.iter().map(|&name| name.into()).collect(),
        };
        let matrix = Matrix {
            day: "2026-11-21".into(),
            rows: vec![
                row("a.py", &["batch.rows"]),
                row("b.py", &["batch.order", "batch.rows"]),
                row("c.py", &["batch.order"]),
                row("d.py", &[]),
            ],
        };
        assert_eq!(kills(&matrix, "batch.rows"), (2, 1));
        let check = &assay_catalog::battery::battery()
            .into_iter()
            .find(|check| check.id.as_str() == "batch.rows")
            .unwrap();
        let mut text = String::new();
        mutants(&mut text, check, Some(&matrix));
        let by: Vec<&str> = text
            .lines()
            .skip(2)
            .filter_map(|line| line.split(" | ").nth(2))
            .collect();
        assert_eq!(
            by,
            [
                "**it alone** |",
                "it and batch.order |",
                "not it, but batch.order |",
                "nobody: it survives |"
            ]
        );
    }
}
