use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_catalog::{Cache, Candidate, Catalog, ProbeOutcome};
use assay_env::environment_key;
use assay_model::event::RunSettings;
use assay_model::protocol::Job;
use assay_model::{
    Backend, Discovered, Ending, Fingerprint, Lacking, Platform, Present, Probed,
    PythonEnvironment, Subject, Unavailable,
};
use assay_runner::{
    Environment, Flow, Interpreter, Limits, Notice, Runner, RunnerError, Settings, Task,
};

use crate::arguments::PythonArguments;
use crate::failure::Failure;
use crate::folders;
use crate::planning::base_class;

/// Time between SIGTERM and SIGKILL. A worker has nothing to save; two seconds let it end what it started.
const GRACE: Duration = Duration::from_secs(2);

/// How many times as long as one check a unit may take (`--timeout`).
const CHECKS_PER_UNIT: f64 = 10.0;

/// Time for the list of architectures, which takes a second once Python runs, and a minute on a machine that is busy with other things.
const DISCOVERY: Duration = Duration::from_secs(600);

/// Limits of a unit from the time that one check may take.
pub(crate) fn limits(check_seconds: f64, memory_bytes: Option<u64>) -> Limits {
    Limits {
        check: Duration::from_secs_f64(check_seconds),
        unit: Duration::from_secs_f64(check_seconds * CHECKS_PER_UNIT),
        grace: GRACE,
        memory_bytes,
    }
}

/// A Python environment, the processes that run in it, and what is known of it.
///
/// Discovery and probes run *without* the preloads wherever they can: a patch under test must not decide what is
/// tested. Only what exists through a preload alone is probed with it.
pub(crate) struct Session {
    pub(crate) fingerprint: Fingerprint,
    pythonpath: PathBuf,
    /// Whether there is a Python: endpoints want none.
    has_python: bool,
    cache: PathBuf,
    clean: Option<Runner>,
    preloaded: Option<Runner>,
    /// Platforms beside the reference that the next template is for.
    platforms: Vec<String>,
    /// Keeps the folder of scratch folders; removed at the end.
    scratch: PathBuf,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.clean = None;
        self.preloaded = None;
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

impl Session {
    /// Finds the Python and takes the fingerprint; starts nothing yet.
    pub(crate) fn open(arguments: &PythonArguments) -> Result<Self, Failure> {
        let cache = folders::cache()?;
        let unreadable = |path: &std::path::Path, error: &dyn std::fmt::Display| {
            Failure::usage(format!(
                "the preload {} can't be read: {error}",
                path.display()
            ))
        };
        if let Some(path) = arguments.preload.iter().find(|path| !path.is_file()) {
            return Err(unreadable(path, &"it is no file"));
        }
        let find = |named: Option<&Path>| {
            assay_env::find(named, Some(&cache))
                .map_err(|error| Failure::setup(error.to_string()).hint(error.hint()))
        };
        let python = find(arguments.python.as_deref())?;
        let platforms = arguments.platform_python.iter().map(|(backend, path)| {
            let named =
                |failure: Failure| failure.within(&format!("the Python of {}", backend.name()));
            Ok((backend.name().to_owned(), find(Some(path)).map_err(named)?))
        });
        let platforms = platforms.collect::<Result<_, Failure>>()?;
        let worker = assay_env::unpack(&cache)
            .map_err(|error| Failure::setup(error.to_string()).hint(error.hint()))?;
        let fingerprint = assay_env::fingerprint(python, platforms, &worker, &arguments.preload)
            .map_err(|(path, error)| unreadable(&path, &error))?;
        let scratch = std::env::temp_dir().join(format!("assay-{}", std::process::id()));
        Ok(Self {
            fingerprint,
            pythonpath: worker.folder,
            has_python: true,
            cache,
            clean: None,
            preloaded: None,
            platforms: Vec::new(),
            scratch,
        })
    }

    /// One for endpoints alone.
    pub(crate) fn without_python() -> Result<Self, Failure> {
        let cache = folders::cache()?;
        let worker = assay_env::unpack(&cache)
            .map_err(|error| Failure::setup(error.to_string()).hint(error.hint()))?;
        let none = PythonEnvironment::default();
        let fingerprint = assay_env::fingerprint(none, BTreeMap::new(), &worker, &[])
            .map_err(|(path, error)| Failure::internal(format!("{}: {error}", path.display())))?;
        Ok(Self {
            fingerprint,
            pythonpath: worker.folder,
            has_python: false,
            cache,
            clean: None,
            preloaded: None,
            platforms: Vec::new(),
            scratch: std::env::temp_dir().join(format!("assay-{}", std::process::id())),
        })
    }

    /// How the workers of a run are limited when the run says nothing of it: for discovery.
    fn own_settings(&self) -> Settings {
        self.settings(&RunSettings {
            workers: 1,
            check_seconds: DISCOVERY.as_secs_f64(),
            memory_bytes: self.memory_share(1),
            ..RunSettings::default()
        })
    }

    /// Number of processors.
    pub(crate) fn cpus(&self) -> u64 {
        self.fingerprint.cpus.max(1)
    }

    /// An equal share of the memory for each worker, and one for everything else.
    pub(crate) fn memory_share(&self, workers: u64) -> Option<u64> {
        let share = self.fingerprint.memory_bytes / (workers + 1);
        (share > 0).then_some(share)
    }

    /// How the tasks of a run are executed.
    pub(crate) fn settings(&self, run: &RunSettings) -> Settings {
        Settings {
            workers: usize::try_from(run.workers).unwrap_or(1).max(1),
            limits: limits(run.check_seconds, run.memory_bytes),
            scratch: self.scratch.clone(),
            handle_signals: true,
        }
    }

    fn has_preloads(&self) -> bool {
        !self.fingerprint.preloads.is_empty()
    }

    /// The template without preloads.
    fn clean(&mut self) -> Result<&Runner, Failure> {
        if self.clean.is_none() {
            self.clean = Some(self.start(false)?);
        }
        self.clean
            .as_ref()
            .ok_or_else(|| Failure::internal("the template is gone"))
    }

    /// The template with the preloads, if there are any; the other one ends, to free its memory.
    pub(crate) fn runner(&mut self) -> Result<&Runner, Failure> {
        if !self.has_preloads() {
            return self.clean();
        }
        self.clean = None;
        if self.preloaded.is_none() {
            self.preloaded = Some(self.start(true)?);
        }
        self.preloaded
            .as_ref()
            .ok_or_else(|| Failure::internal("the template is gone"))
    }

    /// What this machine has of each platform.
    pub(crate) fn detect(&mut self) -> Result<Vec<(Backend, Present)>, Failure> {
        let settings = self.own_settings();
        self.platforms = self.fingerprint.platforms.keys().cloned().collect();
        let environments = Backend::ALL
            .map(|backend| self.environment_of(backend))
            .to_vec();
        let mut found = detect_all(self.clean()?, environments, &settings)?;
        let accelerators = assay_env::accelerators();
        for (backend, present) in found.iter_mut().filter(|(_, its)| its.lacking.is_some()) {
            if let Some(lacking) = assay_env::lacking(*backend, &accelerators) {
                present.lacking = Some(lacking);
            }
        }
        Ok(found)
    }

    /// Lets the next template import what these platforms need.
    pub(crate) fn run_on(&mut self, platforms: impl Iterator<Item = Platform>) {
        let ported =
            platforms.filter(|platform| !platform.is_reference() && *platform != Platform::REMOTE);
        let names: BTreeSet<&str> = ported.map(|platform| platform.backend.name()).collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        if names != self.platforms {
            self.end();
            self.platforms = names;
        }
    }

    /// Those of the platforms of the next template that have a Python of their own.
    fn own(&self) -> impl Iterator<Item = (&String, &PythonEnvironment)> {
        let named = self.platforms.iter();
        named.filter_map(|name| self.fingerprint.platforms.get_key_value(name))
    }

    /// In which of the runner's environments a platform runs: the first is that of all others, the last that of endpoints.
    pub(crate) fn environment_of(&self, backend: Backend) -> usize {
        if backend == Backend::Remote {
            return usize::from(self.has_python) + self.own().count();
        }
        self.own()
            .position(|(name, _)| name == backend.name())
            .map_or(0, |index| index + 1)
    }

    /// Ends the template processes.
    pub(crate) fn end(&mut self) {
        self.clean = None;
        self.preloaded = None;
    }

    fn start(&self, with_preloads: bool) -> Result<Runner, Failure> {
        let preloads = self.fingerprint.preloads.iter().filter(|_| with_preloads);
        let preloads: Vec<PathBuf> = preloads.map(|preload| preload.path.clone()).collect();
        let interpreter = |python: &PythonEnvironment, platforms| Interpreter {
            python: python.executable.clone(),
            pythonpath: self.pythonpath.clone(),
            bytecode: Some(self.cache.join("bytecode")),
            preloads: preloads.clone(),
            platforms,
            // What a preload patches is another model.
            exports: (preloads.is_empty() && python.is_fixed()).then(|| self.cache.join("exports")),
            always_spawn: false,
        };
        let has_own = |name: &String| self.fingerprint.platforms.contains_key(name);
        let others = self.platforms.iter().filter(|name| !has_own(name)).cloned();
        let mut environments = Vec::new();
        if self.has_python {
            let main = interpreter(&self.fingerprint.python, others.collect());
            environments.push(Environment::Python(main));
        }
        environments
            .extend(self.own().map(|(name, python)| {
                Environment::Python(interpreter(python, vec![name.clone()]))
            }));
        let path = std::env::current_exe()
            .map_err(|error| Failure::internal(format!("this program is not found: {error}")))?;
        environments.push(Environment::Program {
            path,
            arguments: vec!["api".into(), "worker".into()],
        });
        let with = if preloads.is_empty() {
            ""
        } else {
            " with the preloads"
        };
        if self.has_python {
            anstream::eprintln!(
                "starting Python{with}: torch and transformers take some seconds to import"
            );
        }
        Runner::start(environments).map_err(|error| match error {
            RunnerError::Setup(error) => {
                Failure::internal(format!("the runner can't be set up: {error}"))
            }
            RunnerError::Template(detail) => {
                Failure::setup(format!("no worker can be started: {detail}"))
                    .hint("`assay doctor` says what is installed and what is missing")
            }
        })
    }

    fn cache(&self, with_preloads: bool) -> Cache {
        // Nothing found before is believed where somebody may have edited a package in place.
        let root = if self.fingerprint.python.is_fixed() {
            &self.cache
        } else {
            &self.scratch
        };
        Cache::new(root, &environment_key(&self.fingerprint, with_preloads))
    }

    /// Seconds that units took, kept for the next run.
    pub(crate) fn durations(&self) -> Cache {
        self.cache(false)
    }

    /// What can be tested: all that the library knows, and what preloads add.
    pub(crate) fn catalog(&mut self) -> Result<Catalog, Failure> {
        let kept = self.cache(false).discovered();
        let mut discovered = match kept {
            Some(discovered) => discovered,
            None => {
                let settings = self.own_settings();
                let found = discover(self.clean()?, &settings)?;
                self.cache(false).keep_discovered(&found);
                found
            }
        };
        if self.has_preloads() {
            let settings = self.own_settings();
            let with_preloads = discover(self.runner()?, &settings)?;
            let known: Vec<String> = discovered
                .architectures
                .iter()
                .map(|row| row.name.clone())
                .collect();
            let more = with_preloads
                .architectures
                .into_iter()
                .filter(|row| !known.contains(&row.name));
            discovered.architectures.extend(more);
            discovered.registered_checks = with_preloads.registered_checks;
        }
        Ok(Catalog::new(discovered)?)
    }

    /// Probes subjects, or takes what is kept of earlier probes.
    pub(crate) fn probe(
        &mut self,
        subjects: Vec<Subject>,
        platforms: &[Platform],
        seed: u64,
        settings: &Settings,
        catalog: &Catalog,
    ) -> Result<Vec<Candidate>, Failure> {
        let mut outcomes = BTreeMap::new();
        for with_preloads in [false, true] {
            if with_preloads && !self.has_preloads() {
                continue;
            }
            let cache = self.cache(with_preloads);
            let ready = |outcome: Option<&ProbeOutcome>| {
                matches!(outcome, Some(ProbeOutcome::Answered(Probed::Ready { .. })))
            };
            let mut open = Vec::new();
            let missing: Vec<&Subject> = subjects
                .iter()
                .filter(|subject| !ready(outcomes.get(*subject)))
                .collect();
            for subject in missing {
                // A checkpoint's folder can change: it is looked at each time.
                let kept = match subject {
                    Subject::Architecture { .. } | Subject::Workflow { .. } => {
                        cache.probed(&subject.to_string())
                    }
                    Subject::Checkpoint { .. } | Subject::Endpoint(_) => None,
                };
                match kept {
                    Some(probed) => {
                        outcomes.insert(subject.clone(), ProbeOutcome::Answered(probed));
                    }
                    None => open.push(subject.clone()),
                }
            }
            if open.is_empty() {
                continue;
            }
            let runner = if with_preloads {
                self.runner()?
            } else {
                self.clean()?
            };
            for (subject, outcome) in probe_all(runner, open, seed, settings)? {
                if let (
                    ProbeOutcome::Answered(probed),
                    Subject::Architecture { .. } | Subject::Workflow { .. },
                ) = (&outcome, &subject)
                {
                    cache.keep_probed(&subject.to_string(), probed);
                }
                outcomes.insert(subject, outcome);
            }
        }
        let candidate = |subject: &Subject, platform: Platform| Candidate {
            family: catalog.row_of(subject).map(|row| row.family),
            class: base_class(catalog.row_of(subject), subject).map(str::to_owned),
            subject: subject.clone(),
            platform,
            expected: None,
            probe: outcomes
                .get(subject)
                .cloned()
                .unwrap_or(ProbeOutcome::Lost(Ending::NotRun {
                    why: "interrupted".into(),
                })),
        };
        Ok(subjects
            .iter()
            .flat_map(|subject| platforms.iter().map(move |platform| (subject, *platform)))
            .map(|(s, p)| candidate(s, p))
            .collect())
    }
}

fn discover(runner: &Runner, settings: &Settings) -> Result<Discovered, Failure> {
    let mut found = None;
    let mut lost = String::from("it said nothing");
    let run = runner.run(vec![Task::new(Job::Discover)], settings, &mut |notice| {
        match notice {
            Notice::Discovered { discovered } => found = Some(*discovered),
            Notice::UnitEnded {
                lost: Some(ending),
                output,
                ..
            } => {
                let printed = output.tail.lines().chain(output.head.lines()).last();
                lost = std::iter::once(ending.to_string())
                    .chain(printed.map(str::to_owned))
                    .collect::<Vec<_>>()
                    .join("; it printed: ");
            }
            _ => {}
        }
        Flow::Continue
    });
    run.map_err(|error| Failure::internal(error.to_string()))?;
    found.ok_or_else(|| {
        Failure::setup(format!("the architectures can't be listed: {lost}")).hint(
            "see whether this Python imports transformers: python -c 'import torch, transformers'",
        )
    })
}

fn detect_all(
    runner: &Runner,
    environments: Vec<usize>,
    settings: &Settings,
) -> Result<Vec<(Backend, Present)>, Failure> {
    let task = |(backend, environment): (Backend, usize)| Task {
        environment,
        ..Task::new(Job::Detect {
            platform: Platform::of(backend),
        })
    };
    let tasks = Backend::ALL.into_iter().zip(environments).map(task);
    // Each in a worker of its own: a driver that kills who asks for it says something of this platform alone.
    let silent = Present {
        lacking: Some(Unavailable {
            kind: Lacking::Broken,
            words: "its worker said nothing".into(),
            mend: None,
        }),
        ..Present::default()
    };
    let mut found = Backend::ALL.map(|backend| (backend, silent.clone()));
    runner
        .run(tasks.collect(), settings, &mut |notice| {
            match notice {
                Notice::Detected { unit, present } => {
                    if let Some(row) = found.get_mut(unit as usize) {
                        row.1 = *present;
                    }
                }
                Notice::UnitEnded {
                    unit,
                    lost: Some(ending),
                    ..
                } => {
                    if let Some(row) = found.get_mut(unit as usize) {
                        row.1.lacking = Some(Unavailable {
                            kind: Lacking::Broken,
                            words: ending.to_string(),
                            mend: None,
                        });
                    }
                }
                _ => {}
            }
            Flow::Continue
        })
        .map_err(|error| Failure::internal(error.to_string()))?;
    Ok(found.to_vec())
}

fn probe_all(
    runner: &Runner,
    subjects: Vec<Subject>,
    seed: u64,
    settings: &Settings,
) -> Result<Vec<(Subject, ProbeOutcome)>, Failure> {
    let task = |subject: &Subject| {
        Task::new(Job::Probe {
            subject: subject.clone(),
            platform: Platform::CPU,
            seed,
        })
    };
    let tasks = subjects.iter().map(task).collect();
    let lost = ProbeOutcome::Lost(Ending::NotRun {
        why: "interrupted".into(),
    });
    let mut outcomes = vec![lost; subjects.len()];
    let mut interrupted = false;
    let mut sink = |notice| {
        match notice {
            Notice::Probed { unit, probed } => {
                if let Some(outcome) = outcomes.get_mut(unit as usize) {
                    *outcome = ProbeOutcome::Answered(*probed);
                }
            }
            Notice::UnitEnded {
                unit,
                lost: Some(ending),
                ..
            } => {
                if let Some(outcome) = outcomes.get_mut(unit as usize) {
                    *outcome = ProbeOutcome::Lost(ending);
                }
            }
            Notice::Interrupted { .. } => interrupted = true,
            _ => {}
        }
        Flow::Continue
    };
    runner
        .run(tasks, settings, &mut sink)
        .map_err(|error| Failure::internal(error.to_string()))?;
    if interrupted {
        return Err(Failure::interrupted());
    }
    Ok(subjects.into_iter().zip(outcomes).collect())
}
