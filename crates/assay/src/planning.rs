use std::collections::BTreeMap;

use assay_catalog::battery::EXPECTATION;
use assay_catalog::filter::{self, CaseFacts, Filter, FilterError, PreviousRun};
use assay_catalog::{Catalog, Planned, Selection, battery, plan};
use assay_config::Settings;
use assay_model::event::RunSettings;
use assay_model::{Architecture, BASE, Backend, CheckSpec, Family, Platform, Profile, Subject};

use crate::arguments::{Classes, SubjectArguments};
use crate::expectations::Expectations;
use crate::failure::Failure;
use crate::session::Session;
use crate::{endpoints, newest, subjects, targets};

/// What would be run; `assay list cases` shows it.
pub(crate) fn make_plan(
    session: &mut Session,
    arguments: &SubjectArguments,
    settings: &Settings,
    seed: u64,
) -> Result<Planned, Failure> {
    let platforms = subjects::platforms(&settings.platforms.value, &arguments.dtype)?;
    subjects::families(&arguments.family)?;
    let said = said(arguments)?;
    let targets = subjects::targets(arguments)?;
    let has_models = subjects::has_models(arguments);
    let mut catalog = if has_models {
        session.catalog()?
    } else {
        Catalog::without_models()
    };
    if !targets.is_empty() {
        endpoints::keep_no_dump();
        catalog = catalog.with_checks(targets::chosen(&[])?);
    }
    let mut checks = catalog.select_checks(settings.checks.value, &arguments.checks)?;
    let profile = settings.checks.value;
    let mut subjects = Vec::new();
    if has_models {
        subjects = subjects::select(
            arguments,
            arguments.classes.unwrap_or(Classes::of(profile)),
            &settings.subjects.value,
            &checks,
            &catalog,
            &session.fingerprint.python,
        )?;
    }
    // A workflow that is asked for by name is checked, whatever the profile: nothing but its own checks applies to it.
    let is_workflow = |subject: &Subject| matches!(subject, Subject::Workflow { .. });
    if subjects.iter().any(is_workflow) {
        let all = catalog.select_checks(Profile::Full, &arguments.checks)?;
        let own = all
            .into_iter()
            .filter(|spec| subjects::is_of_workflows(spec));
        checks.extend(
            own.filter(|spec| !checks.contains(spec))
                .collect::<Vec<_>>(),
        );
    }
    // Both narrow: that of the configuration, and that of the command line.
    let narrowed = targets::narrowed(&targets)?;
    let filters = said.iter().chain([&settings.filter.value]).chain(&narrowed);
    let filters: Vec<&Filter> = filters.collect();
    for filter in &filters {
        filter.validate(&|kind| names(&catalog, kind))?;
    }
    let filter = filters
        .into_iter()
        .cloned()
        .reduce(Filter::and)
        .unwrap_or_else(Filter::all);
    let newest = if filter.looks_back() {
        Some(newest::read()?)
    } else {
        None
    };
    subjects
        .retain(|subject| may_be_meant(&filter, &catalog, subject, &platforms, newest.as_ref()));
    subjects.truncate(arguments.limit.unwrap_or(usize::MAX));
    let workers = settings.workers.value.map_or(session.cpus(), u64::from);
    let limits = session.settings(&run_settings(session, settings, &filter, workers));
    // Read before anything is run: a file that is wrong must not cost a run.
    let mut expected = BTreeMap::new();
    if checks
        .iter()
        .any(|spec| spec.needs.iter().any(|fact| fact == EXPECTATION))
    {
        let kept = Expectations::open(arguments.config.as_deref());
        for name in subjects.iter().map(ToString::to_string) {
            if let Some(expectation) = kept.read(&name)? {
                expected.insert(name, Box::new(expectation.golden));
            }
        }
    }
    let mut candidates = Vec::new();
    if has_models {
        candidates = session.probe(subjects, &platforms, seed, &limits, &catalog)?;
    }
    for candidate in &mut candidates {
        candidate.expected = expected.get(&candidate.subject.to_string()).cloned();
    }
    for target in &targets {
        candidates.push(target.candidate()?);
    }
    let probe = probe(&catalog)?;
    let overrides: Vec<_> = settings
        .overrides
        .iter()
        .map(|rule| rule.holds.clone())
        .collect();
    let planned = plan(
        &candidates,
        &Selection {
            checks: &checks,
            probe,
            filter: &filter,
            overrides: &overrides,
            previous: newest.as_ref(),
            share_base: profile < Profile::Full,
        },
    );
    Ok(match arguments.partition {
        Some(partition) => partition.of(planned),
        None => planned,
    })
}

/// The check that stands for a subject that can't be probed.
pub(crate) fn probe(catalog: &Catalog) -> Result<&CheckSpec, Failure> {
    let found = catalog
        .checks()
        .iter()
        .find(|spec| spec.id.as_str() == battery::PROBE);
    found.ok_or_else(|| Failure::internal("the battery has no probe"))
}

/// How a run is executed, for its record.
pub(crate) fn run_settings(
    session: &Session,
    settings: &Settings,
    filter: &Filter,
    workers: u64,
) -> RunSettings {
    RunSettings {
        profile: settings.profile.value.clone(),
        filter: filter.source().to_owned(),
        workers,
        check_seconds: settings.timeout.value,
        memory_bytes: settings
            .memory_limit
            .value
            .or_else(|| session.memory_share(workers)),
        retries: settings.retries.value,
        fail_fast: settings.fail_fast.value,
    }
}

/// The filter of the command line: what any `-E` takes.
pub(crate) fn said(arguments: &SubjectArguments) -> Result<Option<Filter>, FilterError> {
    let filters: Result<Vec<Filter>, FilterError> = arguments
        .filter
        .iter()
        .map(|text| filter::parse(text))
        .collect();
    Ok(filters?.into_iter().reduce(Filter::or))
}

/// Whether a filter may take a case of a subject, by what is known before it is probed.
fn may_be_meant(
    filter: &Filter,
    catalog: &Catalog,
    subject: &Subject,
    platforms: &[Platform],
    newest: Option<&PreviousRun>,
) -> bool {
    let name = subject.to_string();
    let row = catalog.row_of(subject);
    platforms.iter().any(|&platform| {
        let facts = CaseFacts {
            subject: &name,
            architecture: row.map(|row| row.name.as_str()),
            class: base_class(row, subject),
            family: row.map(|row| row.family),
            platform,
            check: None,
            parameters: None,
            previous: newest.and_then(|run| run.before_checks(&name, platform)),
        };
        filter.evaluate(&facts) != Some(false)
    })
}

/// The class that is known before a probe: that of the base model. The classes of other auto classes are not, so any may come.
pub(crate) fn base_class<'a>(row: Option<&'a Architecture>, subject: &Subject) -> Option<&'a str> {
    let is_base = |subject: &Subject| matches!(subject, Subject::Architecture { auto_class, .. } if auto_class == BASE);
    row.filter(|_| is_base(subject))
        .map(|row| row.class.as_str())
}

/// The names that a pattern of this kind can match. Classes of checkpoints are not known, so any may come.
fn names(catalog: &Catalog, kind: &str) -> Option<Vec<String>> {
    Some(match kind {
        "arch" => catalog
            .architectures()
            .map(|row| row.name.clone())
            .collect(),
        "family" => Family::ALL.map(|family| family.name().to_owned()).to_vec(),
        "platform" => Backend::ALL
            .into_iter()
            .flat_map(Backend::every)
            .map(|platform| platform.to_string())
            .collect(),
        "check" => catalog
            .checks()
            .iter()
            .map(|spec| spec.id.to_string())
            .collect(),
        _ => return None,
    })
}
