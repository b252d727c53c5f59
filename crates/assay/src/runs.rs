use std::io::{self, Write};
use std::path::{Path, PathBuf};

use assay_model::event::RunSettings;
use assay_model::{Counts, ExitCode, Fingerprint, Part};
use assay_record::{EXPORTED, LOG_FILE, read_run};
use serde::Serialize;

use crate::arguments::{PruneArguments, RunsAction};
use crate::failure::Failure;
use crate::folders::{self, REPORTS};
use crate::reporting::print_json;

/// `assay runs`.
pub(crate) fn runs(action: &RunsAction) -> Result<ExitCode, Failure> {
    match action {
        RunsAction::List { shown } => list(shown.as_json())?,
        RunsAction::Show { run, shown } => show(run, shown.as_json())?,
        RunsAction::Export { run, output } => export(run, output.as_deref())?,
        RunsAction::Prune(arguments) => prune(arguments)?,
    }
    Ok(ExitCode::Passed)
}

/// A line of the list.
#[derive(Serialize)]
struct Listed {
    run: String,
    started: Option<String>,
    /// `passed`, `failed`, `nothing ran`, `interrupted`, `running` or `unreadable`.
    state: &'static str,
    /// What is wrong with the record, if anything.
    damage: Option<String>,
    counts: Option<Counts>,
    wall_seconds: Option<f64>,
    bytes: u64,
    command: Vec<String>,
}

impl Listed {
    fn read(folder: &Path) -> Self {
        let run = folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let bytes = size(folder);
        match read_run(folder) {
            Ok(found) => Self {
                run,
                started: Some(found.header.started.clone()),
                state: found.state(),
                damage: found.damages.first().map(ToString::to_string),
                counts: Some(found.counts),
                wall_seconds: found.wall_seconds,
                bytes,
                command: found.header.command,
            },
            Err(error) => Self {
                run,
                started: None,
                state: "unreadable",
                damage: Some(error.to_string()),
                counts: None,
                wall_seconds: None,
                bytes,
                command: vec![],
            },
        }
    }
}

fn list(json: bool) -> Result<(), Failure> {
    let rows: Vec<Listed> = folders::runs()
        .iter()
        .map(|folder| Listed::read(folder))
        .collect();
    if json {
        return print_json(&rows);
    }
    if rows.is_empty() {
        anstream::eprintln!("there are no runs in {REPORTS} here");
        return Ok(());
    }
    say!(
        "{:<22} {:<12} {:>12} {:>8} {:>9} {:>10}  command",
        "run",
        "state",
        "passed",
        "failed",
        "wall",
        "size"
    );
    for row in rows {
        let counts = row.counts.unwrap_or_default();
        let wall = row
            .wall_seconds
            .map_or_else(|| "-".into(), |wall| format!("{wall:.1} s"));
        let command = row
            .command
            .iter()
            .skip(1)
            .cloned()
            .collect::<Vec<_>>()
            .join(" ");
        say!(
            "{:<22} {:<12} {:>12} {:>8} {wall:>9} {:>6} KiB  {command}",
            row.run,
            row.state,
            format!("{}/{}", counts.passed, counts.planned),
            counts.failed
                + counts.crashed
                + counts.timed_out
                + counts.out_of_memory
                + counts.errored,
            row.bytes >> 10,
        );
        if let Some(damage) = row.damage {
            say!("    {damage}");
        }
    }
    Ok(())
}

/// What a run was, without its cases.
#[derive(Serialize)]
struct Details<'a> {
    run: &'a str,
    started: &'a str,
    state: &'static str,
    command: &'a [String],
    folder: &'a str,
    seed: u64,
    settings: &'a RunSettings,
    part: Option<&'a Part>,
    merged: &'a [String],
    resumed: u32,
    units: usize,
    counts: Counts,
    wall_seconds: Option<f64>,
    cpu_seconds: f64,
    warnings: &'a [String],
    damages: Vec<String>,
    environment: &'a Fingerprint,
}

fn show(name: &str, json: bool) -> Result<(), Failure> {
    let folder = folders::run_folder(name)?;
    let run = read_run(&folder).map_err(|error| Failure::record(error.to_string()))?;
    let header = &run.header;
    let details = Details {
        run: &header.run,
        started: &header.started,
        state: run.state(),
        command: &header.command,
        folder: &header.folder,
        seed: header.seed,
        settings: &header.settings,
        part: run.part.as_ref(),
        merged: &header.merged,
        resumed: run.resumed,
        units: run.units.len(),
        counts: run.counts,
        wall_seconds: run.wall_seconds,
        cpu_seconds: run.cpu_seconds,
        warnings: &run.warnings,
        damages: run.damages.iter().map(ToString::to_string).collect(),
        environment: &header.fingerprint,
    };
    if json {
        return print_json(&details);
    }
    let say = |what: &str, text: &str| say!("{what:<12} {text}");
    say("run", &format!("{}, {}", header.run, run.state()));
    say("began", &header.started);
    say("command", &header.command.join(" "));
    say("folder", &header.folder);
    say("seed", &header.seed.to_string());
    let settings = &header.settings;
    let memory = settings
        .memory_bytes
        .map_or_else(|| "no limit".into(), |bytes| format!("{} MiB", bytes >> 20));
    say(
        "settings",
        &format!(
            "profile {}, {} workers, {} s a check, {memory} a unit, {} retries{}",
            settings.profile,
            settings.workers,
            settings.check_seconds,
            settings.retries,
            if settings.fail_fast {
                ", fail-fast"
            } else {
                ""
            },
        ),
    );
    say("filter", &settings.filter);
    if let Some(part) = &run.part {
        say("part", &part.partition);
    }
    if !header.merged.is_empty() {
        say("merged of", &header.merged.join(", "));
    }
    if run.resumed > 0 {
        say("resumed", &format!("{} times", run.resumed));
    }
    let counts = &run.counts;
    say(
        "cases",
        &format!(
            "{} planned in {} units, {} recorded, {} passed",
            counts.planned,
            run.units.len(),
            counts.recorded,
            counts.passed
        ),
    );
    let environment = &header.fingerprint;
    say(
        "machine",
        &format!(
            "{}, {} × {}, {} MiB",
            environment.system,
            environment.cpus,
            environment.cpu,
            environment.memory_bytes >> 20
        ),
    );
    say(
        "python",
        &format!(
            "{} ({})",
            environment.python.version,
            environment.python.executable.display()
        ),
    );
    let packages: Vec<String> = environment
        .python
        .packages
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    say("packages", &packages.join(", "));
    for preload in &environment.preloads {
        say(
            "preload",
            &format!("{} (sha256 {})", preload.path.display(), preload.sha256),
        );
    }
    for warning in &run.warnings {
        say("warning", warning);
    }
    for damage in &run.damages {
        say("damaged", &damage.to_string());
    }
    Ok(())
}

fn export(name: &str, output: Option<&Path>) -> Result<(), Failure> {
    let folder = folders::run_folder(name)?;
    let run = read_run(&folder).map_err(|error| Failure::record(error.to_string()))?;
    if run.running {
        return Err(
            Failure::usage(format!("{name} is still going on")).hint("export it when it has ended")
        );
    }
    let path = output.map_or_else(
        || PathBuf::from(format!("{}{EXPORTED}", run.header.run)),
        Path::to_path_buf,
    );
    if !path.to_string_lossy().ends_with(EXPORTED) {
        return Err(
            Failure::usage(format!("{} does not end in {EXPORTED}", path.display()))
                .hint("the ending tells other commands what the file is"),
        );
    }
    let write = || -> io::Result<()> {
        let mut log = std::fs::File::open(assay_record::log_path(&folder))?;
        let file = std::fs::File::create_new(&path)?;
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        io::copy(&mut log, &mut encoder)?;
        encoder.finish()?.flush()
    };
    match write() {
        Ok(()) => {
            say!("{}", path.display());
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::usage(format!(
            "there is {} already",
            path.display()
        ))
        .hint("name another file with --output")),
        Err(error) => {
            let _ = std::fs::remove_file(&path);
            Err(Failure::record(format!(
                "can't write {}: {error}",
                path.display()
            )))
        }
    }
}

/// Removes runs from the oldest on, as far as any of the limits asks for it.
fn prune(arguments: &PruneArguments) -> Result<(), Failure> {
    let now = jiff::Timestamp::now();
    let newest = std::fs::canonicalize(Path::new(REPORTS).join("latest")).ok();
    let mut kept = 0;
    let mut kept_bytes = 0;
    for folder in folders::runs() {
        let bytes = size(&folder);
        let run = read_run(&folder).ok();
        let is_newest = std::fs::canonicalize(&folder).ok() == newest || kept == 0;
        let stays = is_newest || run.as_ref().is_some_and(|run| run.running);
        let began = run
            .as_ref()
            .and_then(|run| run.header.started.parse::<jiff::Timestamp>().ok());
        let too_old = arguments
            .older_than
            .zip(began)
            .is_some_and(|(age, began)| now.duration_since(began) > age);
        let too_many = arguments.keep.is_some_and(|most| kept >= most);
        let too_large = arguments
            .max_size
            .is_some_and(|most| kept_bytes + bytes > most);
        if stays || !(too_old || too_many || too_large) {
            kept += 1;
            kept_bytes += bytes;
            continue;
        }
        say!(
            "{} {}",
            if arguments.dry_run {
                "would remove"
            } else {
                "removed"
            },
            folder.display()
        );
        if !arguments.dry_run {
            // Renamed first, so that an interruption leaves no half of a run that looks like one.
            let going = folder.with_file_name(format!(".removed-{}", std::process::id()));
            std::fs::rename(&folder, &going)
                .and_then(|()| std::fs::remove_dir_all(&going))
                .map_err(|error| {
                    Failure::record(format!("can't remove {}: {error}", folder.display()))
                })?;
        }
    }
    Ok(())
}

/// Bytes of a run's files.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return std::fs::metadata(folder.join(LOG_FILE)).map_or(0, |found| found.len());
    };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|found| found.len())
        .sum()
}
