use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use assay_model::ExitCode;
use assay_store::{Changed, Difference, SqlFormat, Store, StoreError};

use crate::arguments::{DiffArguments, HistoryArguments, SqlArguments, SqlOutput, StoreAction};
use crate::failure::Failure;
use crate::folders::{self, HOME, REPORTS};
use crate::reporting::print_json;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        match error {
            StoreError::UnknownRun { .. } | StoreError::Sql(_) | StoreError::Timeout { .. } => {
                Self::usage(error.to_string())
            }
            _ => Self::record(error.to_string()),
        }
        .hint(hint)
    }
}

/// The store, brought up to the logs; if it can't be used, the same from the logs alone.
pub(crate) fn open() -> Result<Store, Failure> {
    let runs = folders::runs();
    if runs.is_empty() && !Path::new(HOME).join(assay_store::STORE_FILE).exists() {
        return Err(
            Failure::usage(format!("there are no runs in {REPORTS} here"))
                .hint("`assay run` makes one"),
        );
    }
    let store = match Store::open(Path::new(HOME), &runs) {
        Ok(store) => store,
        // Whatever is wrong with the file, the runs can be shown.
        Err(error) => {
            anstream::eprintln!("warning: {error}; the logs were read instead");
            Store::of_runs(&runs)?
        }
    };
    tell(&store);
    Ok(store)
}

/// What to say of a subject that no run has tested.
pub(crate) fn unknown_subject(store: &Store, subject: &str) -> Result<Failure, Failure> {
    let subjects = store.subjects()?;
    let near = assay_catalog::nearest(subject, subjects.iter().map(String::as_str));
    let hint = if near.is_empty() {
        "`assay sql \"SELECT name FROM subjects\"` lists what was tested".into()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    Ok(Failure::usage(format!("no run has tested `{subject}`")).hint(hint))
}

fn tell(store: &Store) {
    for notice in &store.notices {
        anstream::eprintln!("warning: {notice}");
    }
}

/// `assay history`.
pub(crate) fn history(arguments: &HistoryArguments) -> Result<ExitCode, Failure> {
    let store = open()?;
    let rows = store.history(&arguments.subject, arguments.limit)?;
    if rows.is_empty() {
        return Err(unknown_subject(&store, &arguments.subject)?);
    }
    if arguments.shown.as_json() {
        print_json(&rows)?;
        return Ok(ExitCode::Passed);
    }
    say!(
        "{:<22} {:<20} {:<8} {:<5} {:>9} {:>7} {:>9}  environment",
        "run",
        "began",
        "platform",
        "proof",
        "passed",
        "failed",
        "seconds"
    );
    for row in rows {
        say!(
            "{:<22} {:<20} {:<8} {:<5} {:>9} {:>7} {:>9.2}  torch {}, transformers {}{}",
            row.run,
            row.started.as_deref().unwrap_or("-"),
            row.platform,
            row.provenance.as_deref().unwrap_or("-"),
            format!("{}/{}", row.passed, row.cases),
            row.failed,
            row.seconds,
            row.torch.as_deref().unwrap_or("-"),
            row.transformers.as_deref().unwrap_or("-"),
            if row.flaky > 0 {
                format!(", {} flaky", row.flaky)
            } else {
                String::new()
            },
        );
        if let Some(failure) = row.first_failure {
            say!("    {failure}");
        }
    }
    Ok(ExitCode::Passed)
}

/// `assay diff`. Ends with the exit code of failed cases if there are new failures.
pub(crate) fn diff(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let (store, [before, after]) = store_of([&arguments.before, &arguments.after])?;
    let difference = store.diff(&before, &after)?;
    let code = if difference.new_failures.is_empty() {
        ExitCode::Passed
    } else {
        ExitCode::Failed
    };
    if arguments.shown.as_json() {
        print_json(&difference)?;
    } else {
        print(&difference);
    }
    Ok(code)
}

/// A store that holds these runs, and their names in it.
pub(crate) fn store_of<const N: usize>(runs: [&str; N]) -> Result<(Store, [String; N]), Failure> {
    let folders: Result<Vec<_>, Failure> = runs
        .iter()
        .map(|run| Ok(real(&folders::run_folder(run)?)))
        .collect();
    let folders = folders?;
    let kept = std::fs::canonicalize(REPORTS).unwrap_or_default();
    let in_reports = folders
        .iter()
        .all(|folder| folder.parent() == Some(kept.as_path()));
    let store = if in_reports {
        open()?
    } else {
        let store = Store::of_runs(&folders)?;
        tell(&store);
        store
    };
    // The store names logs by the path under which it met them.
    let name = |folder: &std::path::PathBuf| {
        let here = folder
            .file_name()
            .map(|name| Path::new(REPORTS).join(name))
            .unwrap_or_default();
        match store.run_of(folder) {
            Err(_) if in_reports => store.run_of(&here),
            found => found,
        }
    };
    let mut names = [const { String::new() }; N];
    for (named, folder) in names.iter_mut().zip(&folders) {
        *named = name(folder)?;
    }
    Ok((store, names))
}

fn real(path: &Path) -> std::path::PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.into())
}

fn print(difference: &Difference) {
    let cases = |title: &str, list: &[Changed]| {
        if list.is_empty() {
            return;
        }
        say!("{title}: {}", list.len());
        for case in list {
            let outcome =
                |outcome: &Option<String>| outcome.clone().unwrap_or_else(|| "not planned".into());
            say!(
                "    {} {} {}: {} → {}",
                case.subject,
                case.platform,
                case.check,
                outcome(&case.before),
                outcome(&case.after)
            );
            if let Some(reason) = &case.reason {
                say!("        {reason}");
            }
        }
    };
    say!("{} → {}", difference.before, difference.after);
    for line in &difference.environment {
        say!("environment: {line}");
    }
    cases("new failures", &difference.new_failures);
    cases("fixed", &difference.fixed);
    cases("changed in another way", &difference.changed);
    cases(
        "checks that ceased to apply or were not selected",
        &difference.ceased,
    );
    cases("checks that were not planned before", &difference.began);
    for (title, names) in [
        (
            "subjects that are not planned any more",
            &difference.subjects_gone,
        ),
        (
            "subjects that were not planned before",
            &difference.subjects_new,
        ),
    ] {
        if !names.is_empty() {
            say!("{title}: {}", names.join(", "));
        }
    }
    say!("the same in both: {} cases", difference.same);
    let (before, after) = difference.common_seconds;
    let seconds =
        |wall: Option<f64>| wall.map_or_else(|| "-".into(), |wall| format!("{wall:.1} s"));
    say!(
        "time: cases in both {before:.2} s → {after:.2} s, wall {} → {}",
        seconds(difference.wall_seconds.0),
        seconds(difference.wall_seconds.1)
    );
}

/// `assay store`.
pub(crate) fn store(action: &StoreAction) -> Result<ExitCode, Failure> {
    let home = Path::new(HOME);
    match action {
        StoreAction::Status { shown } => {
            let store = open()?;
            let status = assay_store::status(home, &store)?;
            if shown.as_json() {
                print_json(&status)?;
            } else {
                say!(
                    "store        {}, {} KiB, version {}",
                    status.path.display(),
                    status.bytes >> 10,
                    status.version
                );
                say!(
                    "runs         {}, {} of them without their log",
                    status.runs,
                    status.without_log
                );
                say!("cases        {}", status.cases);
                say!("samples      {}", status.samples);
                say!(
                    "from, to     {}, {}",
                    status.oldest.as_deref().unwrap_or("-"),
                    status.newest.as_deref().unwrap_or("-")
                );
            }
        }
        StoreAction::Rebuild => {
            let (store, aside) = assay_store::rebuild(home, &folders::runs())?;
            tell(&store);
            say!(
                "{} runs, {} cases",
                store.runs()?.len(),
                assay_store::status(home, &store)?.cases
            );
            if let Some(aside) = aside {
                say!("the old one is {}", aside.display());
            }
        }
        StoreAction::Prune {
            older_than,
            dry_run,
        } => {
            for run in assay_store::prune(home, since(*older_than)?, *dry_run)? {
                say!(
                    "{} {run}",
                    if *dry_run {
                        "would take out"
                    } else {
                        "took out"
                    }
                );
            }
        }
        StoreAction::Archive { older_than, folder } => {
            if folder.exists() {
                return Err(
                    Failure::usage(format!("there is {} already", folder.display()))
                        .hint("name a new folder"),
                );
            }
            for run in assay_store::archive(home, since(*older_than)?, folder)? {
                say!("archived {run}");
            }
        }
    }
    Ok(ExitCode::Passed)
}

fn since(age: jiff::SignedDuration) -> Result<jiff::Timestamp, Failure> {
    jiff::Timestamp::now()
        .checked_sub(age)
        .map_err(|_| Failure::usage("the age reaches back before all time"))
}

/// `assay sql`.
pub(crate) fn sql(arguments: &SqlArguments) -> Result<ExitCode, Failure> {
    let format = match arguments.format {
        SqlOutput::Table => SqlFormat::Table,
        SqlOutput::Json => SqlFormat::Json,
        SqlOutput::Csv => SqlFormat::Csv,
        SqlOutput::Parquet => SqlFormat::Parquet,
    };
    if format == SqlFormat::Parquet && std::io::stdout().is_terminal() {
        return Err(Failure::usage("Parquet is no text for a terminal")
            .hint("write it into a file: `> result.parquet`"));
    }
    let store = open()?;
    let mut output = std::io::BufWriter::new(std::io::stdout());
    let timeout = Duration::from_secs_f64(arguments.timeout);
    match assay_store::query(&store, &arguments.sql, format, timeout, &mut output) {
        Err(StoreError::Output(detail)) if detail.is_empty() => {}
        other => other?,
    }
    match output.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            return Err(StoreError::Output(error.to_string()).into());
        }
        _ => {}
    }
    Ok(ExitCode::Passed)
}
