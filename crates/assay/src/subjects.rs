use std::collections::BTreeSet;
use std::path::Path;

use assay_catalog::{Catalog, SelectionError, Wanted, wanted};
use assay_model::{
    BASE, Backend, CheckSpec, ENDPOINT, Family, Platform, PythonEnvironment, Subject,
    UnknownPlatform, WORKFLOW,
};

use crate::arguments::{Classes, SubjectArguments, SubjectKind};
use crate::configuration;
use crate::failure::Failure;
use crate::targets::{self, Target};

/// The families named, or an error that says which there are.
pub(crate) fn families(names: &[String]) -> Result<Vec<Family>, SelectionError> {
    let family = |name: &String| {
        Family::ALL
            .into_iter()
            .find(|family| family.name() == name)
            .ok_or_else(|| SelectionError::UnknownFamily { name: name.clone() })
    };
    names.iter().map(family).collect()
}

/// The platforms named, each in each of the numbers named, or an error that says which there are.
pub(crate) fn platforms(names: &[String], dtypes: &[String]) -> Result<Vec<Platform>, Failure> {
    let mut platforms = Vec::new();
    for name in names {
        if let (Some((place, numbers)), Some(_)) = (name.split_once('@'), dtypes.first()) {
            let asked = dtypes.join(",");
            let said = format!("`{name}` says `@{numbers}`, and --dtype says `{asked}`");
            let hint = format!("leave out one of them: `{name}`, or `{place}` with --dtype");
            return Err(Failure::usage(said).hint(hint));
        }
        let wanted = match dtypes {
            [] => vec![name.clone()],
            _ => dtypes.iter().map(|its| format!("{name}@{its}")).collect(),
        };
        for name in wanted {
            let platform = platform(&name)
                .map_err(|unknown| SelectionError::UnknownPlatform { name, unknown })?;
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
    }
    Ok(platforms)
}

/// A platform that a model can be asked to run on; logs name that of endpoints, too.
fn platform(name: &str) -> Result<Platform, UnknownPlatform> {
    let platform: Platform = name.parse()?;
    if platform.backend != Backend::Remote {
        return Ok(platform);
    }
    Err(UnknownPlatform {
        part: platform.backend.name().to_owned(),
        kind: "platform",
        of: None,
        known: Backend::ALL.map(Backend::name).to_vec(),
    })
}

/// What a word for an endpoint begins with.
fn endpoint(word: &str) -> Option<&str> {
    word.strip_prefix(ENDPOINT)?.strip_prefix(':')
}

/// Whether models are asked for.
pub(crate) fn has_models(arguments: &SubjectArguments) -> bool {
    match arguments.kind {
        Some(SubjectKind::Model | SubjectKind::All) => true,
        Some(SubjectKind::Api) => false,
        None => {
            let words = &arguments.subjects;
            words.is_empty() || words.iter().any(|word| endpoint(word).is_none())
        }
    }
}

/// The endpoints that the command line asks for.
pub(crate) fn targets(arguments: &SubjectArguments) -> Result<Vec<Target>, Failure> {
    let words = arguments.subjects.iter();
    let named: Vec<String> = words
        .filter_map(|word| endpoint(word).map(str::to_owned))
        .collect();
    let other = arguments
        .subjects
        .iter()
        .find(|word| endpoint(word).is_none());
    match (arguments.kind, other) {
        (Some(SubjectKind::Api), Some(word)) => {
            return Err(
                Failure::usage(format!("`{word}` is no endpoint")).hint(format!(
                    "an endpoint of assay.toml is named {ENDPOINT}:NAME; --type all runs both kinds"
                )),
            );
        }
        (Some(SubjectKind::Model), _) if !named.is_empty() => {
            return Err(
                Failure::usage(format!("{ENDPOINT}:{} is no model", named[0]))
                    .hint("leave --type out, or name what is meant: --type all"),
            );
        }
        (Some(SubjectKind::Model), _) => return Ok(Vec::new()),
        (None, _) if named.is_empty() => return Ok(Vec::new()),
        _ => {}
    }
    let loaded = configuration::load(arguments.config.as_deref())?;
    let targets = targets::of_file(&loaded, &named, arguments.live)?;
    targets::tell_unsigned(&targets)?;
    Ok(targets)
}

/// The subjects that the command line asks for, or the ones that the configuration names for a command line that asks for none, each with
/// the classes that are wanted of it; each once, in order.
pub(crate) fn select(
    arguments: &SubjectArguments,
    classes: Classes,
    otherwise: &[String],
    checks: &[&CheckSpec],
    catalog: &Catalog,
    python: &PythonEnvironment,
) -> Result<Vec<Subject>, Failure> {
    let families = families(&arguments.family)?;
    let mut subjects: Vec<Subject> = Vec::new();
    let mut known = BTreeSet::new();
    let mut add = |subject: Subject| {
        let mut more = Vec::new();
        if let (Subject::Architecture { name, auto_class }, Some(row)) =
            (&subject, catalog.row_of(&subject))
            && auto_class == BASE
        {
            let of_class = |class: &String| Subject::Architecture {
                name: name.clone(),
                auto_class: class.clone(),
            };
            let names = match classes {
                Classes::Base => &[],
                Classes::Heads => row.heads.as_slice(),
                Classes::All => row.auto_classes.as_slice(),
            };
            more.extend(names.iter().map(of_class));
        }
        for subject in std::iter::once(subject).chain(more) {
            if known.insert(subject.clone()) {
                subjects.push(subject);
            }
        }
    };
    let sampler = || {
        catalog
            .sampler()
            .into_iter()
            .map(|row| Subject::architecture(&row.name))
    };
    // A filter chooses from all that there is.
    let filtered = arguments.subjects.is_empty() && !arguments.filter.is_empty();
    let everything = families.is_empty() && (arguments.all || filtered);
    if arguments.all || !families.is_empty() {
        let of_family = |family| families.is_empty() || families.contains(&family);
        catalog
            .architectures()
            .filter(|row| of_family(row.family))
            .for_each(|row| add(Subject::architecture(&row.name)));
    } else if everything {
        catalog
            .architectures()
            .for_each(|row| add(Subject::architecture(&row.name)));
    }
    // With a profile that asks nothing of them they would be probed for nothing.
    if everything && checks.iter().any(|spec| is_of_workflows(spec)) {
        catalog
            .workflows()
            .iter()
            .for_each(|row| add(row.subject()));
    }
    let nothing_said = !arguments.all && families.is_empty() && arguments.filter.is_empty();
    let words = if arguments.subjects.is_empty() && nothing_said {
        otherwise
    } else {
        &arguments.subjects
    };
    for word in words.iter().filter(|word| endpoint(word).is_none()) {
        match wanted(word, |folder| Path::new(folder).is_dir()) {
            Wanted::Sampler => sampler().for_each(&mut add),
            Wanted::Architecture(name) => add(catalog.subject(&name)?),
            Wanted::Folder(folder) => add(checkpoint(word, Path::new(&folder), arguments)?),
            Wanted::Hub(id) => {
                let folder = assay_env::folder_of_hub_id(&id, python, arguments.allow_pickle)
                    .map_err(refused)?;
                add(checkpoint(word, &folder, arguments)?);
            }
        }
    }
    Ok(subjects)
}

/// Whether a check is one of workflows.
pub(crate) fn is_of_workflows(spec: &CheckSpec) -> bool {
    spec.needs.iter().any(|need| need == WORKFLOW)
}

fn checkpoint(name: &str, folder: &Path, arguments: &SubjectArguments) -> Result<Subject, Failure> {
    assay_env::inspect_checkpoint(
        name,
        folder,
        arguments.trust_remote_code,
        arguments.allow_pickle,
    )
    .map_err(refused)
}

fn refused(error: assay_env::CheckpointError) -> Failure {
    let hint = error.hint();
    Failure::setup(error.to_string()).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str], dtypes: &[&str]) -> Result<Vec<Platform>, Failure> {
        let owned = |list: &[&str]| list.iter().map(|&its| its.to_owned()).collect::<Vec<_>>();
        platforms(&owned(names), &owned(dtypes))
    }

    #[test]
    fn numbers_that_contradict_each_other_and_what_no_model_runs_on_are_refused() {
        let listed = named(&["openvino", "cpu"], &["float16"]).unwrap();
        let listed: Vec<_> = listed.iter().map(ToString::to_string).collect();
        assert_eq!(listed, ["openvino@float16", "cpu@float16"]);
        assert!(named(&["openvino@int8"], &[]).is_ok());
        assert!(named(&["openvino@int8"], &["float16"]).is_err());
        assert!(named(&["remote"], &[]).is_err());
        assert!("remote".parse::<Platform>().is_ok(), "logs name it");
    }
}
