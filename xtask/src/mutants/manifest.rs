//! Which bugs are planted, where, and which check has to report each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::step::Failed;

/// A check that catches its own mutants only shows little: at most so many may be planted for one.
const MOST_PER_CHECK: usize = 3;

/// Every family has at least so many.
const LEAST_PER_FAMILY: usize = 3;

/// Subjects that chain several models are shown as `workflow:NAME`.
const WORKFLOW: &str = "workflow";

/// Kinds of bug, and patches that change nothing, that there have to be at least.
const LEAST_MUTANTS: usize = 60;
const LEAST_NULLS: usize = 12;

/// `tests/mutants/manifest.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) mutant: Vec<Mutant>,
    pub(super) null: Vec<Null>,
}

/// A planted bug.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutant {
    pub(super) file: String,
    pub(super) family: String,
    pub(super) subject: String,
    pub(super) check: String,
    #[serde(default = "standard")]
    pub(super) profile: String,
    /// The platform that the check is asked on.
    #[serde(default = "reference")]
    pub(super) platform: String,
}

/// A patch that changes nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Null {
    pub(super) file: String,
    pub(super) family: String,
    pub(super) subject: String,
}

/// The profile that a mutant runs under unless it names one.
pub(super) fn standard() -> String {
    "standard".into()
}

/// The platform that a mutant runs on unless it names one.
pub(super) fn reference() -> String {
    "cpu".into()
}

/// Reads the manifest of a folder.
pub(super) fn read(folder: &Path) -> Result<Manifest, Failed> {
    let text =
        std::fs::read_to_string(folder.join("manifest.toml")).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| format!("manifest.toml: {error}"))
}

/// Checks that no mutant is for.
pub(super) fn bare(manifest: &Manifest, checks: &BTreeSet<String>) -> Vec<String> {
    let has_one = |check: &&String| manifest.mutant.iter().any(|mutant| mutant.check == **check);
    let bare = checks.iter().filter(|check| !has_one(check));
    bare.cloned().collect()
}

/// What of the manifest is not as it should be: `checks` are those of the battery, `families` those of the architectures by name.
pub(super) fn faults(
    manifest: &Manifest,
    folder: &Path,
    checks: &BTreeSet<String>,
    families: &BTreeMap<String, String>,
) -> Result<Vec<String>, Failed> {
    let mut faults = Vec::new();
    let mut listed = BTreeMap::<&str, usize>::new();
    for file in files(manifest) {
        *listed.entry(file).or_default() += 1;
    }
    let twice = listed.iter().filter(|(_, count)| **count > 1);
    faults.extend(twice.map(|(file, _)| format!("{file} is listed twice")));
    let there = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let there: BTreeSet<String> = there
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "py")
        })
        .collect();
    let missing = listed.keys().filter(|file| !there.contains(**file));
    faults.extend(missing.map(|file| format!("{file} is listed and not there")));
    let unlisted = there
        .iter()
        .filter(|file| !listed.contains_key(file.as_str()));
    faults.extend(unlisted.map(|file| format!("{file} is there and not listed")));

    let mut per_check = BTreeMap::<&str, usize>::new();
    for mutant in &manifest.mutant {
        *per_check.entry(&mutant.check).or_default() += 1;
        if !checks.contains(&mutant.check) {
            faults.push(format!("{}: no check `{}`", mutant.file, mutant.check));
        }
    }
    let crowded = per_check
        .iter()
        .filter(|(_, count)| **count > MOST_PER_CHECK);
    faults
        .extend(crowded.map(|(check, count)| {
            format!("{count} mutants for {check}, at most {MOST_PER_CHECK}")
        }));
    let mut per_family: BTreeMap<&str, usize> = families
        .values()
        .filter(|family| *family != "other")
        .map(|family| (family.as_str(), 0))
        .collect();
    let of_mutants = manifest
        .mutant
        .iter()
        .map(|mutant| (&mutant.file, &mutant.family, &mutant.subject));
    let of_nulls = manifest
        .null
        .iter()
        .map(|null| (&null.file, &null.family, &null.subject));
    for (file, family, subject) in of_mutants.clone().chain(of_nulls) {
        let name = subject.split(':').next().unwrap_or(subject);
        match families.get(name) {
            Some(its) if its != family => faults.push(format!("{file}: {subject} is {its}")),
            None if ![super::CHECKPOINT, WORKFLOW].contains(&name) => {
                faults.push(format!("{file}: no architecture `{name}`"));
            }
            _ => {}
        }
    }
    for (_, family, _) in of_mutants {
        if let Some(count) = per_family.get_mut(family.as_str()) {
            *count += 1;
        }
    }
    let thin = per_family
        .iter()
        .filter(|(_, count)| **count < LEAST_PER_FAMILY);
    faults.extend(thin.map(|(family, count)| {
        format!("{count} mutants of {family}, at least {LEAST_PER_FAMILY}")
    }));
    for (what, count, least) in [
        ("mutants", manifest.mutant.len(), LEAST_MUTANTS),
        ("null mutants", manifest.null.len(), LEAST_NULLS),
    ] {
        if count < least {
            faults.push(format!("{count} {what}, at least {least}"));
        }
    }
    Ok(faults)
}

fn files(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let mutants = manifest.mutant.iter().map(|mutant| mutant.file.as_str());
    mutants.chain(manifest.null.iter().map(|null| null.file.as_str()))
}
