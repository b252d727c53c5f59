//! `assay list architectures`, with what a probe or a run knows of each.

use std::collections::{BTreeMap, BTreeSet};

use assay_catalog::{Catalog, ProbeOutcome};
use assay_model::event::{Event, RunSettings};
use assay_model::{
    Architecture, ConfigChange, Ending, ExitCode, Facts, InputFact, Platform, Probed, Subject,
};
use assay_record::{Wanted, log_path, read_entries};
use serde::Serialize;

use crate::failure::Failure;
use crate::folders;
use crate::reporting::print_json;
use crate::session::Session;

/// Seconds for one probe.
const PROBE_SECONDS: f64 = 60.0;

/// Seeds the inputs that a probe tries; what it finds does not depend on it.
const SEED: u64 = 0;

/// Rules whose changes are no sizes: an entry of `python/assay/subjects/overrides.json`, and what is guessed from an error.
const OVERRIDES: [&str; 2] = [
    "override",
    "a field that the default lacks and the model reads",
];

/// Rules whose changes are sizes, though what they write is a name or a factor.
const SIZES: [&str; 2] = [
    "the same timm model by smaller sizes",
    "smaller factors on widths and depths",
];

/// Whether a change is one of sizes and lengths, as shrinking is meant to be.
fn is_of_size(change: &ConfigChange) -> bool {
    let is_text_or_switch = change.to.is_boolean() || change.to.is_f64() || change.to.is_string();
    let rule = change.rule.as_str();
    !OVERRIDES.contains(&rule) && (!is_text_or_switch || SIZES.contains(&rule))
}

fn probe(
    session: &mut Session,
    catalog: &Catalog,
    names: &[&str],
) -> Result<Vec<ProbeOutcome>, Failure> {
    let subjects = names.iter().map(|name| Subject::architecture(*name));
    let settings = session.settings(&RunSettings {
        workers: session.cpus(),
        check_seconds: PROBE_SECONDS,
        memory_bytes: session.memory_share(session.cpus()),
        ..RunSettings::default()
    });
    let candidates = session.probe(
        subjects.collect(),
        &[Platform::CPU],
        SEED,
        &settings,
        catalog,
    )?;
    Ok(candidates
        .into_iter()
        .map(|candidate| candidate.probe)
        .collect())
}

/// The facts of one architecture, or why there are none.
fn facts(session: &mut Session, catalog: &Catalog, name: &str) -> Result<Box<Facts>, Failure> {
    made(session, catalog, name).map(|(facts, _)| facts)
}

fn made(
    session: &mut Session,
    catalog: &Catalog,
    name: &str,
) -> Result<(Box<Facts>, serde_json::Value), Failure> {
    let name = catalog.architecture(name)?.name.clone();
    match probe(session, catalog, &[&name])?.pop() {
        Some(ProbeOutcome::Answered(Probed::Ready { facts, recipe })) => Ok((facts, recipe)),
        Some(other) => Err(
            Failure::usage(format!("{name} can't be made: {}", state(&other).1))
                .hint("`assay run` records it as the case load.probe"),
        ),
        None => Err(Failure::internal("a probe gave no answer")),
    }
}

/// `--config`: what shrinking changed.
pub(crate) fn config(
    session: &mut Session,
    catalog: &Catalog,
    name: &str,
    json: bool,
) -> Result<(), Failure> {
    let facts = facts(session, catalog, name)?;
    if json {
        return print_json(&facts.changes);
    }
    say!(
        "{}: {} parameters, by \"{}\"",
        facts.class,
        facts.parameters,
        facts.mode
    );
    for ConfigChange {
        field,
        from,
        to,
        rule,
    } in &facts.changes
    {
        say!("{field:<44} {} → {}  ({rule})", short(from), short(to));
    }
    if !facts.lost.is_empty() {
        say!(
            "module types that differ from the default's: {}",
            facts.lost.join(", ")
        );
    }
    Ok(())
}

fn short(value: &serde_json::Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// `--inputs`: what is fed, all sets of inputs; as JSON the first, which has all that the model takes.
pub(crate) fn inputs(
    session: &mut Session,
    catalog: &Catalog,
    name: &str,
    json: bool,
) -> Result<(), Failure> {
    let (facts, recipe) = made(session, catalog, name)?;
    if json {
        return print_json(&facts.inputs);
    }
    let sets = sets(&recipe);
    for (set, inputs) in &sets {
        if sets.len() > 1 {
            say!("{set}");
        }
        let indent = if sets.len() > 1 { "  " } else { "" };
        for InputFact { name, shape, dtype } in inputs {
            let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
            say!("{indent}{name:<32} {dtype:<8} [{}]", shape.join(", "));
        }
    }
    let reach = &facts.reach;
    say!(
        "leaf modules reached: {} of {}{}",
        reach.leaves - reach.unreached_count,
        reach.leaves,
        if reach.unreached.is_empty() {
            String::new()
        } else {
            format!("; not {}", reach.unreached.join(", "))
        }
    );
    Ok(())
}

/// The sets of inputs of a recipe in their order, by name.
fn sets(recipe: &serde_json::Value) -> Vec<(String, Vec<InputFact>)> {
    let batch = recipe["batch"].as_u64().unwrap_or(1);
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let input = |row: &serde_json::Value| {
        let mut shape: Vec<u64> = list(&row["shape"])
            .iter()
            .filter_map(serde_json::Value::as_u64)
            .collect();
        match shape.first_mut() {
            Some(first) if row["packed"] == true => *first *= batch,
            _ => shape.insert(0, batch),
        }
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        InputFact {
            name: text("name"),
            shape,
            dtype: text("dtype"),
        }
    };
    list(&recipe["variants"])
        .iter()
        .filter_map(serde_json::Value::as_str)
        .map(|set| {
            let rows = list(&recipe["inputs"][set]);
            (set.to_owned(), rows.iter().map(input).collect())
        })
        .collect()
}

/// What a probe found, for a table.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    family: &'static str,
    class: &'a str,
    /// `ready`, `failed`, `missing_dependency` or `lost`.
    state: &'static str,
    /// Why it is not ready.
    detail: Option<String>,
    parameters: Option<u64>,
    mode: Option<String>,
    /// Whether a change counts as an override.
    overridden: bool,
    /// The rules that changed its configuration.
    rules: BTreeSet<String>,
    /// Module types that differ from those of the full-size default.
    lost: Vec<String>,
    leaves: u64,
    unreached: u64,
}

impl<'a> Row<'a> {
    fn new(architecture: &'a Architecture, outcome: ProbeOutcome) -> Self {
        let (state, detail) = state(&outcome);
        let facts = match outcome {
            ProbeOutcome::Answered(Probed::Ready { facts, .. }) => Some(facts),
            _ => None,
        };
        let found = facts.as_deref();
        Self {
            name: &architecture.name,
            family: architecture.family.name(),
            class: &architecture.class,
            state,
            detail: (!detail.is_empty()).then_some(detail),
            parameters: found.map(|facts| facts.parameters),
            mode: found.map(|facts| facts.mode.clone()),
            overridden: found
                .is_some_and(|facts| facts.changes.iter().any(|change| !is_of_size(change))),
            rules: found
                .map(|facts| {
                    facts
                        .changes
                        .iter()
                        .map(|change| change.rule.clone())
                        .collect()
                })
                .unwrap_or_default(),
            lost: found.map(|facts| facts.lost.clone()).unwrap_or_default(),
            leaves: found.map_or(0, |facts| facts.reach.leaves),
            unreached: found.map_or(0, |facts| facts.reach.unreached_count),
        }
    }
}

/// `--probed`: a row for each architecture.
pub(crate) fn probed(
    session: &mut Session,
    catalog: &Catalog,
    rows: &[&Architecture],
    json: bool,
) -> Result<(), Failure> {
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let outcomes = probe(session, catalog, &names)?;
    let rows: Vec<Row<'_>> = rows
        .iter()
        .zip(outcomes)
        .map(|(architecture, outcome)| Row::new(architecture, outcome))
        .collect();
    if json {
        return print_json(&rows);
    }
    for row in rows {
        let parameters = row
            .parameters
            .map_or_else(|| "-".into(), |count| count.to_string());
        say!(
            "{:<36} {:<18} {:<8} {parameters:>9} {:>9}  {}",
            row.name,
            row.family,
            row.state,
            format!("{}/{}", row.leaves - row.unreached, row.leaves),
            row.detail.or(row.mode).unwrap_or_default()
        );
    }
    Ok(())
}

fn state(outcome: &ProbeOutcome) -> (&'static str, String) {
    match outcome {
        ProbeOutcome::Answered(Probed::Ready { .. }) => ("ready", String::new()),
        ProbeOutcome::Answered(Probed::Failed { stage, raised }) => {
            let message = raised.message.lines().next().unwrap_or_default();
            (
                "failed",
                format!("{stage}: {}: {message}", raised.exception),
            )
        }
        ProbeOutcome::Answered(Probed::NotAModel { detail }) => ("not_a_model", detail.clone()),
        ProbeOutcome::Answered(Probed::MissingDependency { package }) => {
            ("missing_dependency", format!("needs the package {package}"))
        }
        ProbeOutcome::Lost(ending) => ("lost", ending.to_string()),
    }
}

/// What a run saw of an architecture's parameter tensors.
#[derive(Serialize)]
struct Sensitive {
    subject: String,
    tensors: u64,
    visible: u64,
    /// The others, counted by the kind of reason: unreached, cancelled, without_effect, unused_by_design.
    silent: BTreeMap<String, u64>,
    /// And by name, as the check noted them.
    notes: Vec<String>,
}

/// `--sensitivity`: the share of parameter tensors whose small change some output shows, as a run saw it.
pub(crate) fn sensitivity(run: &str, json: bool) -> Result<ExitCode, Failure> {
    let path = log_path(&folders::run_folder(run)?);
    let mut plan = assay_model::Plan::default();
    let mut rows = Vec::new();
    let read = read_entries(
        &path,
        Wanted::All,
        |entry| match entry.event {
            Event::Planned { plan: planned } => plan = planned,
            Event::CaseEnded {
                unit,
                check,
                ending: Ending::Observed(seen),
                ..
            } if check.as_str() == "sensitivity.weights" => {
                let count = |name: &str| seen.measures.get(name).map_or(0, |&value| whole(value));
                if let Some(unit) = plan.units.get(unit as usize)
                    && count("parameter_tensors") > 0
                {
                    rows.push(Sensitive {
                        subject: unit.subject.to_string(),
                        tensors: count("parameter_tensors"),
                        visible: count("visible_parameter_tensors"),
                        silent: silent_by_kind(&seen.measures),
                        notes: seen.notes.clone(),
                    });
                }
            }
            _ => {}
        },
        |_| {},
    );
    read.map_err(|error| Failure::record(error.to_string()))?;
    if rows.is_empty() {
        return Err(
            Failure::usage(format!("{run} has no case of sensitivity.weights"))
                .hint("`assay run --all --checks sensitivity.weights` makes them"),
        );
    }
    if json {
        print_json(&rows)?;
        return Ok(ExitCode::Passed);
    }
    rows.sort_by(|a, b| a.subject.cmp(&b.subject));
    let (mut tensors, mut visible) = (0, 0);
    let mut silent: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &rows {
        say!(
            "{:<40} {:>5} of {:>5}  {}",
            row.subject,
            row.visible,
            row.tensors,
            row.notes.join("; ")
        );
        tensors += row.tensors;
        visible += row.visible;
        for (kind, count) in &row.silent {
            *silent.entry(kind).or_default() += count;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
    let share = 100.0 * visible as f64 / tensors as f64;
    say!(
        "{} subjects: {visible} of {tensors} parameter tensors visible ({share:.2} %)",
        rows.len()
    );
    let kinds: Vec<String> = silent
        .iter()
        .map(|(kind, count)| format!("{count} {}", kind.replace('_', " ")))
        .collect();
    say!("the others: {}", kinds.join(", "));
    Ok(ExitCode::Passed)
}

/// The kinds of silent tensors with their counts, those of none left out.
fn silent_by_kind(measures: &BTreeMap<String, f64>) -> BTreeMap<String, u64> {
    let kinds = measures.iter().filter_map(|(name, &value)| {
        let kind = name.strip_suffix("_parameter_tensors")?;
        (kind != "visible" && value > 0.0).then(|| (kind.to_owned(), whole(value)))
    });
    kinds.collect()
}

/// A count that went through JSON as a number.
fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of tensors are small and not negative"
    )]
    let count = value.max(0.0) as u64;
    count
}
