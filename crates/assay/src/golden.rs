use std::collections::{BTreeMap, BTreeSet};

use assay_judge::{GoldenDifference, differences};
use assay_model::event::Event;
use assay_model::{Ending, ExitCode, Golden, GoldenTensor, Outcome, Plan, Provenance};
use assay_record::{Fold, Run, Wanted, log_path, read_entries};
use serde::Serialize;

use crate::arguments::{GoldenAction, GoldenArguments};
use crate::expectations::{Expectation, Expectations, number};
use crate::failure::Failure;
use crate::folders;
use crate::reporting::print_json;

/// The check that collects, whatever is expected.
const COLLECTS: &str = "golden.reproducible";

/// Groups in which a failure says that the subject did not run as it should.
const MUST_HOLD: [&str; 2] = ["load", "forward"];

/// `assay golden`.
pub(crate) fn golden(action: &GoldenAction) -> Result<ExitCode, Failure> {
    match action {
        GoldenAction::Show(arguments) => show(arguments),
        GoldenAction::Diff(arguments) => diff(arguments),
        GoldenAction::Accept(arguments) => accept(arguments),
    }
}

/// What a run collected of a subject.
#[derive(Default)]
struct Collected {
    /// As the subject is.
    own: Option<Golden>,
    /// With renamed tensors drawn by their old names.
    as_before: Option<Golden>,
    /// Why it is not fit to be expected.
    unfit: Option<String>,
}

impl Collected {
    /// What is to be compared with an expectation.
    fn against(&self, expected: &Golden) -> Option<&Golden> {
        let fits = |golden: &&Golden| {
            let mut old = golden.renamed.values();
            old.all(|name| expected.tensors.contains_key(name))
        };
        self.as_before.as_ref().filter(fits).or(self.own.as_ref())
    }
}

/// All that a run collected.
struct OfRun {
    run: Run,
    subjects: BTreeMap<String, Collected>,
}

impl OfRun {
    fn read(name: &str) -> Result<Self, Failure> {
        let path = log_path(&folders::run_folder(name)?);
        let (mut fold, mut plan) = (Fold::default(), Plan::default());
        let mut subjects: BTreeMap<String, Collected> = BTreeMap::new();
        let mut damages = Vec::new();
        let read = read_entries(
            &path,
            Wanted::All,
            |entry| {
                fold.apply(&entry.event);
                match entry.event {
                    Event::Planned { plan: planned } => plan = planned,
                    Event::CaseEnded {
                        unit,
                        ending: Ending::Observed(seen),
                        ..
                    } => {
                        if let (Some(golden), Some(unit)) =
                            (seen.golden, plan.units.get(unit as usize))
                        {
                            let collected = subjects.entry(unit.subject.to_string()).or_default();
                            if golden.renamed.is_empty() {
                                collected.own = Some(*golden);
                            } else {
                                collected.as_before = Some(*golden);
                            }
                        }
                    }
                    _ => {}
                }
            },
            |damage| damages.push(damage),
        );
        read.map_err(|error| Failure::record(error.to_string()))?;
        if let Some(damage) = damages.first() {
            return Err(
                Failure::record(format!("the record of {name} is damaged: {damage}"))
                    .hint("run again, or name another run with --run"),
            );
        }
        let run = fold.finish(damages);
        for (subject, collected) in &mut subjects {
            collected.unfit = unfit(&run, subject);
        }
        Ok(Self { run, subjects })
    }

    /// Those that are named, or all.
    fn chosen(
        &self,
        named: &[String],
        expected: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Failure> {
        if named.is_empty() {
            return Ok(self.subjects.keys().chain(expected).cloned().collect());
        }
        for name in named {
            if !self.subjects.contains_key(name) && !expected.contains(name) {
                let known = self.subjects.keys().chain(expected).map(String::as_str);
                let near = assay_catalog::nearest(name, known);
                let hint = if near.is_empty() {
                    format!("`assay run {name} --checks golden` collects it")
                } else {
                    format!("did you mean {}?", near.join(", "))
                };
                let run = &self.run.header.run;
                return Err(Failure::usage(format!(
                    "no expectation is kept of `{name}`, and the run {run} collected nothing of it"
                ))
                .hint(hint));
            }
        }
        Ok(named.iter().cloned().collect())
    }
}

/// Why what a run collected of a subject is not fit to be expected of it.
fn unfit(run: &Run, subject: &str) -> Option<String> {
    let of_subject = || run.cases.iter().filter(|case| case.subject == subject);
    let collecting = of_subject().find(|case| case.check.as_str() == COLLECTS);
    if !of_subject()
        .any(|case| case.check.group() == "golden" && case.provenance == Some(Provenance::Real))
    {
        return Some("it was not proven that a real model ran".into());
    }
    let broken = of_subject()
        .filter(|case| case.outcome != Outcome::Passed)
        .find(|case| MUST_HOLD.contains(&case.check.group()) || case.check.as_str() == COLLECTS);
    if let Some(case) = broken {
        let reason = case
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {}", reason.detail));
        return Some(format!("{} {}{reason}", case.check, case.outcome));
    }
    collecting
        .is_none()
        .then(|| format!("{COLLECTS} was not planned"))
}

/// Expectations and a run's collection, joined by subject.
struct Joined {
    kept: Expectations,
    expected: BTreeMap<String, Expectation>,
    of_run: OfRun,
    chosen: BTreeSet<String>,
}

impl Joined {
    fn read(arguments: &GoldenArguments) -> Result<Self, Failure> {
        let kept = Expectations::open(arguments.config.as_deref());
        let mut expected = BTreeMap::new();
        if arguments.subjects.is_empty() {
            expected = kept.all()?;
        }
        for subject in &arguments.subjects {
            if let Some(expectation) = kept.read(subject)? {
                expected.insert(subject.clone(), expectation);
            }
        }
        let of_run = OfRun::read(&arguments.run)?;
        let chosen = of_run.chosen(&arguments.subjects, &expected.keys().cloned().collect())?;
        if chosen.is_empty() {
            return Err(Failure::usage(format!(
                "no expectation is kept here, and the run {} collected nothing",
                of_run.run.header.run
            ))
            .hint(
                "`assay run` collects with the checks `golden`, then `assay golden accept` keeps",
            ));
        }
        Ok(Self {
            kept,
            expected,
            of_run,
            chosen,
        })
    }

    /// Each chosen subject with what is expected and what was collected of it.
    fn rows(&self) -> impl Iterator<Item = (&String, Option<&Expectation>, Option<&Collected>)> {
        self.chosen.iter().map(|subject| {
            (
                subject,
                self.expected.get(subject),
                self.of_run.subjects.get(subject),
            )
        })
    }
}

/// A subject of `assay golden show`.
#[derive(Serialize)]
struct Side<'a> {
    subject: &'a str,
    expected: Option<&'a Expectation>,
    collected: Option<&'a Golden>,
}

fn show(arguments: &GoldenArguments) -> Result<ExitCode, Failure> {
    let joined = Joined::read(arguments)?;
    let rows: Vec<Side<'_>> = joined
        .rows()
        .map(|(subject, expected, collected)| Side {
            subject,
            expected,
            collected: collected.and_then(|collected| match expected {
                Some(expected) => collected.against(&expected.golden),
                None => collected.own.as_ref(),
            }),
        })
        .collect();
    if arguments.shown.as_json() {
        print_json(&rows)?;
        return Ok(ExitCode::Passed);
    }
    for row in rows {
        say!("{}", row.subject);
        match row.expected {
            Some(expected) => say!(
                "  expected   {}, made with {}",
                size(&expected.golden),
                versions(&expected.made_with)
            ),
            None => say!("  expected   nothing is kept"),
        }
        let run = &joined.of_run.run;
        match row.collected {
            Some(golden) => say!(
                "  collected  {}, in {} with {}",
                size(golden),
                run.header.run,
                versions(&made_with(run))
            ),
            None => say!("  collected  nothing in {}", run.header.run),
        }
        outputs(row.expected.map(|expected| &expected.golden), row.collected);
    }
    Ok(ExitCode::Passed)
}

/// Statistics of each output, what is expected above what was collected.
fn outputs(expected: Option<&Golden>, collected: Option<&Golden>) {
    let of = |golden: Option<&Golden>| {
        golden
            .map(|golden| golden.outputs.clone())
            .unwrap_or_default()
    };
    let (expected, collected) = (of(expected), of(collected));
    let names: BTreeSet<&String> = expected.keys().chain(collected.keys()).collect();
    say!(
        "  {:<42} {:<9} {:>11} {:>11} {:>11} {:>11} {:>8}",
        "output",
        "",
        "mean",
        "rms",
        "min",
        "max",
        "noise"
    );
    for name in names {
        let mut title = name.clone();
        for (side, outputs) in [("expected", &expected), ("collected", &collected)] {
            let Some(tensor) = outputs.get(name) else {
                continue;
            };
            say!("  {title:<42} {side:<9} {}", statistics(tensor));
            title = format!("    {:?} {}", tensor.shape, tensor.dtype);
        }
    }
}

fn statistics(tensor: &GoldenTensor) -> String {
    let noise = tensor
        .noise
        .map_or_else(|| "-".into(), |noise| number(noise, 2));
    format!(
        "{:>11} {:>11} {:>11} {:>11} {noise:>8}",
        number(tensor.mean, 4),
        number(tensor.rms, 4),
        number(tensor.min, 4),
        number(tensor.max, 4)
    )
}

fn size(golden: &Golden) -> String {
    format!(
        "{} outputs, {} tensors",
        golden.outputs.len(),
        golden.tensors.len()
    )
}

fn versions(made_with: &BTreeMap<String, String>) -> String {
    let each: Vec<String> = made_with
        .iter()
        .map(|(package, version)| format!("{package} {version}"))
        .collect();
    each.join(", ")
}

/// What made the outputs of a run.
fn made_with(run: &Run) -> BTreeMap<String, String> {
    let packages = &run.header.fingerprint.python.packages;
    let libraries = ["torch", "transformers"]
        .into_iter()
        .filter_map(|package| Some((package.to_owned(), packages.get(package)?.clone())));
    let assay = ("assay".to_owned(), run.header.fingerprint.assay.clone());
    libraries.chain([assay]).collect()
}

/// A subject of `assay golden diff`.
#[derive(Serialize)]
struct Compared<'a> {
    subject: &'a str,
    /// `same`, `differs`, `not_collected` or `not_expected`.
    state: &'static str,
    differences: Vec<GoldenDifference>,
}

fn diff(arguments: &GoldenArguments) -> Result<ExitCode, Failure> {
    let joined = Joined::read(arguments)?;
    let mut rows = Vec::new();
    for (subject, expected, collected) in joined.rows() {
        let (state, differences) = match (expected, collected) {
            (None, _) => ("not_expected", vec![]),
            (Some(expected), collected) => {
                match collected.and_then(|collected| collected.against(&expected.golden)) {
                    None => ("not_collected", vec![]),
                    Some(collected) => {
                        let found = differences(&expected.golden, collected);
                        (if found.is_empty() { "same" } else { "differs" }, found)
                    }
                }
            }
        };
        rows.push(Compared {
            subject,
            state,
            differences,
        });
    }
    let code = if rows.iter().any(|row| row.state == "differs") {
        ExitCode::Failed
    } else {
        ExitCode::Passed
    };
    if arguments.shown.as_json() {
        print_json(&rows)?;
        return Ok(code);
    }
    for row in &rows {
        match row.state {
            "same" => say!("{}: the same within its noise", row.subject),
            "differs" => {
                say!("{}: differs", row.subject);
                list(&row.differences);
            }
            "not_collected" => say!(
                "{}: not collected in {}",
                row.subject,
                joined.of_run.run.header.run
            ),
            _ => say!("{}: no expectation is kept", row.subject),
        }
    }
    Ok(code)
}

fn list(differences: &[GoldenDifference]) {
    for difference in differences {
        say!("    {difference}");
    }
}

/// A subject of `assay golden accept`.
#[derive(Serialize)]
struct Accepted {
    subject: String,
    /// `new`, `changed`, `left_alone` or `refused`.
    done: &'static str,
    /// The file, unless it was refused.
    path: Option<String>,
    /// Why it was refused.
    reason: Option<String>,
    /// What changed.
    differences: Vec<GoldenDifference>,
}

fn accept(arguments: &GoldenArguments) -> Result<ExitCode, Failure> {
    let joined = Joined::read(arguments)?;
    let mut rows = Vec::new();
    for (subject, expected, collected) in joined.rows() {
        // What is kept and was not run stays; unless it was asked for.
        let Some(collected) = collected else {
            if !arguments.subjects.is_empty() {
                rows.push(refused(
                    subject,
                    format!("nothing was collected in {}", joined.of_run.run.header.run),
                ));
            }
            continue;
        };
        rows.push(accept_one(&joined, subject, expected, collected)?);
    }
    let count = |done| rows.iter().filter(|row| row.done == done).count();
    let code = if count("refused") > 0 {
        ExitCode::Failed
    } else {
        ExitCode::Passed
    };
    if arguments.shown.as_json() {
        print_json(&rows)?;
        return Ok(code);
    }
    for row in &rows {
        let path = row.path.as_deref().unwrap_or_default();
        match (row.done, &row.reason) {
            ("new", _) => say!("{}: new, {path}", row.subject),
            ("changed", _) => say!("{}: changed, {path}", row.subject),
            (_, Some(reason)) => say!("{}: refused, {reason}", row.subject),
            _ => say!("{}: left alone, the same within its noise", row.subject),
        }
        list(&row.differences);
    }
    say!(
        "{} new, {} changed, {} left alone, {} refused",
        count("new"),
        count("changed"),
        count("left_alone"),
        count("refused")
    );
    Ok(code)
}

fn refused(subject: &str, reason: String) -> Accepted {
    Accepted {
        subject: subject.into(),
        done: "refused",
        path: None,
        reason: Some(reason),
        differences: vec![],
    }
}

fn accept_one(
    joined: &Joined,
    subject: &str,
    expected: Option<&Expectation>,
    collected: &Collected,
) -> Result<Accepted, Failure> {
    if let Some(reason) = &collected.unfit {
        return Ok(refused(subject, reason.clone()));
    }
    let Some(own) = &collected.own else {
        return Ok(refused(
            subject,
            "only what its renamed tensors gave under their old names was collected".into(),
        ));
    };
    let found = expected
        .and_then(|expected| {
            Some(differences(
                &expected.golden,
                collected.against(&expected.golden)?,
            ))
        })
        .unwrap_or_default();
    let done = match expected {
        None => "new",
        Some(_) if found.is_empty() => "left_alone",
        Some(_) => "changed",
    };
    let path = if done == "left_alone" {
        joined.kept.path(subject)
    } else {
        joined.kept.write(&Expectation {
            subject: subject.into(),
            made_with: made_with(&joined.of_run.run),
            golden: own.clone(),
        })?
    };
    Ok(Accepted {
        subject: subject.into(),
        done,
        path: Some(path.display().to_string()),
        reason: None,
        differences: found,
    })
}
