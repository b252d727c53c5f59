use std::path::{Path, PathBuf};

use assay_config::{CommandLine, ConfigError, FILE_NAME, Loaded, Settings, Source, TEMPLATE};
use assay_model::ExitCode;

use crate::arguments::{ConfigAction, NoTests, RunArguments, SubjectArguments};
use crate::failure::Failure;
use crate::reporting::print_json;

/// The configuration that holds here: the file named, the nearest one, or none.
pub(crate) fn load(named: Option<&Path>) -> Result<Loaded, Failure> {
    let path = match named {
        Some(path) if !path.is_file() => {
            return Err(
                Failure::usage(format!("there is no configuration {}", path.display()))
                    .hint("`assay init` writes one into this folder"),
            );
        }
        Some(path) => Some(path.to_path_buf()),
        None => std::env::current_dir()
            .ok()
            .and_then(|folder| assay_config::find(&folder)),
    };
    path.map_or_else(
        || Ok(Loaded::default()),
        |path| Ok(assay_config::read(&path)?),
    )
}

/// What holds for cases under these arguments.
pub(crate) fn settings(
    arguments: &SubjectArguments,
    run: Option<&RunArguments>,
) -> Result<Settings, Failure> {
    let loaded = load(arguments.config.as_deref())?;
    resolve(
        &loaded,
        CommandLine {
            profile: arguments.profile.clone(),
            platforms: (!arguments.platform.is_empty()).then(|| arguments.platform.clone()),
            workers: arguments.workers,
            timeout: arguments.timeout,
            memory_limit: arguments.memory_limit,
            retries: run.and_then(|run| run.retries),
            fail_fast: run.and_then(|run| run.fail_fast.then_some(true)),
            no_tests: run
                .and_then(|run| run.no_tests)
                .map(|verdict| match verdict {
                    NoTests::Pass => assay_config::NoTests::Pass,
                    NoTests::Fail => assay_config::NoTests::Fail,
                }),
            seed: arguments.seed,
        },
    )
}

/// What holds where the command line says nothing.
pub(crate) fn settings_of(loaded: &Loaded) -> Result<Settings, Failure> {
    resolve(loaded, CommandLine::default())
}

fn resolve(loaded: &Loaded, said: CommandLine) -> Result<Settings, Failure> {
    loaded.settings(said).map_err(|(name, there)| {
        Failure::usage(format!("there is no profile `{name}`"))
            .hint(format!("there are {}", there.join(", ")))
    })
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string()).hint(error.hint())
    }
}

/// `assay init`.
pub(crate) fn init() -> Result<ExitCode, Failure> {
    use std::io::Write;
    let path = PathBuf::from(FILE_NAME);
    let written =
        std::fs::File::create_new(&path).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    match written {
        Ok(()) => {
            say!("{}", path.display());
            Ok(ExitCode::Passed)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::usage(format!("there is {FILE_NAME} here already"))
                .hint("it was left as it is; move it away to have a new one"))
        }
        Err(error) => Err(Failure::record(format!("can't write {FILE_NAME}: {error}"))),
    }
}

/// `assay config`.
pub(crate) fn config(action: &ConfigAction) -> Result<ExitCode, Failure> {
    match action {
        ConfigAction::Schema => print_json(&assay_config::schema())?,
        ConfigAction::Show {
            effective,
            profile,
            config,
            shown,
        } => {
            let loaded = load(config.as_deref())?;
            let said = CommandLine {
                profile: profile.clone(),
                ..CommandLine::default()
            };
            let mut rows = resolve(&loaded, said)?.effective();
            if !effective {
                rows.retain(|row| matches!(row.source, Source::File { .. }));
            }
            if shown.as_json() {
                print_json(&rows)?;
                return Ok(ExitCode::Passed);
            }
            match &loaded.path {
                Some(path) => say!("# {}", path.display()),
                None => say!("# there is no {FILE_NAME} here or above; `assay init` writes one"),
            }
            for row in rows {
                let value = match &row.value {
                    serde_json::Value::Null => "(chosen for each run)".to_owned(),
                    value => value.to_string(),
                };
                say!("{:<13} {value:<22} # {}", row.key, row.source);
            }
        }
    }
    Ok(ExitCode::Passed)
}
