//! The proof that the checks catch bugs and accuse nobody: `tests/mutants/`.

mod manifest;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::setup::{Ready, ready, root};
use crate::step::Failed;
use manifest::{Manifest, faults, reference, standard};
use runs::{Case, How, Job, Seen, accept, change, groups, run};

/// The subject that stands for the real checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// Runs at a time.
const AT_ONCE: usize = 2;

/// The check that holds outputs against those of the clean run. It sees any change of the numbers, so that it says nothing of the others.
const DRIFT: &str = "golden.output";

/// Reasons by which a check reports a bug of the model. A mock, an unproven case or a fault of Assay is no kill.
const KILLS: [&str; 10] = [
    "fell_back",
    "differs",
    "unmoved",
    "incomplete",
    "non_finite",
    "not_refused",
    "broken_promise",
    "grows",
    "exception",
    "probe",
];

/// One row of `target/mutants.json`.
#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    /// The bug in one line, as its file says it.
    bug: String,
    family: &'a str,
    subject: &'a str,
    check: &'a str,
    killed: bool,
    /// What the check says.
    detail: String,
    /// How the model's numbers change at the same weights and input; none where they change elsewhere (a file, a long input).
    numbers: Option<String>,
    /// Every check that reports the bug, but [`DRIFT`]: that one knows what was right before.
    reported_by: Vec<&'a str>,
    /// Whether [`DRIFT`] reports it.
    drifts: bool,
}

/// `cargo xtask mutants`: fails if a mutant survives, a null mutant is accused, or the manifest is not as it should be.
pub(crate) fn mutants(names: &[&str]) -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let began = Instant::now();
    let folder = root().join("tests/mutants");
    let work = std::env::temp_dir().join(format!("assay-mutants-{}", std::process::id()));
    std::fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
    let mut manifest = manifest::read(&folder)?;
    let checks = checks(&ready)?;
    let faults = faults(&manifest, &folder, &checks, &families(&ready)?)?;
    let bare = manifest::bare(&manifest, &checks);
    let wanted = |file: &str| names.is_empty() || names.iter().any(|name| file.contains(name));
    manifest.mutant.retain(|mutant| wanted(&mutant.file));
    manifest.null.retain(|null| wanted(&null.file));
    let (standard, reference) = (standard(), reference());
    let mut jobs: Vec<Job> = Vec::new();
    jobs.extend(manifest.mutant.iter().map(|mutant| Job {
        file: &mutant.file,
        subject: &mutant.subject,
        how: How {
            profile: &mutant.profile,
            platform: &mutant.platform,
        },
    }));
    jobs.extend(manifest.null.iter().map(|null| Job {
        file: &null.file,
        subject: &null.subject,
        how: How {
            profile: &standard,
            platform: &reference,
        },
    }));

    // Clean runs first: their probes are what every plan below is made of, and they must accuse nobody.
    let mut clean = BTreeMap::new();
    let mut accused: Vec<String> = Vec::new();
    for how in jobs.iter().map(|job| job.how).collect::<BTreeSet<_>>() {
        let subjects = jobs.iter().filter(|job| job.how == how);
        let subjects = subjects.map(|job| (job.subject, None)).collect();
        let report = format!("clean-{}-{}", how.profile, how.platform);
        let seen = run(&ready, &work, &report, how, &subjects)?;
        accept(&ready, &work, &work.join(&report))?;
        for (subject, seen) in &seen {
            accused
                .extend(failures(seen).map(|case| format!("clean {subject}: {}", describe(case))));
        }
        clean.extend(seen);
    }
    let groups = groups(&jobs);
    let one = |(number, group): (usize, &Vec<usize>)| -> Result<Vec<(usize, Seen)>, Failed> {
        let planted = group.iter().map(|&index| &jobs[index]);
        let planted = planted.map(|job| (job.subject, Some(folder.join(job.file))));
        let report = format!("run-{number}");
        let how = jobs[group[0]].how;
        let mut results = run(&ready, &work, &report, how, &planted.collect())?;
        let of = |&index: &usize| {
            let result = results.remove(jobs[index].subject);
            (index, result.unwrap_or_default())
        };
        Ok(group.iter().map(of).collect())
    };
    // Importing keeps one core busy: while one run starts, another works.
    let queue = Mutex::new(groups.iter().enumerate());
    let next = || queue.lock().ok()?.next();
    let work_off = || std::iter::from_fn(next).map(one).collect::<Vec<_>>();
    let parts = std::thread::scope(|scope| {
        let threads = [(); AT_ONCE].map(|()| scope.spawn(work_off));
        threads.map(std::thread::ScopedJoinHandle::join)
    });
    let mut seen: BTreeMap<usize, Seen> = BTreeMap::new();
    for part in parts {
        for done in part.map_err(|_| "a run of mutants panicked")? {
            seen.extend(done?);
        }
    }
    for (index, null) in manifest.null.iter().enumerate() {
        let its = &seen[&(manifest.mutant.len() + index)];
        accused.extend(failures(its).map(|case| format!("{}: {}", null.file, describe(case))));
        // One that is nowhere accuses nobody.
        let planted = its.numbers.as_ref().and_then(|its| its.planted.as_ref());
        if planted != Some(&folder.join(&null.file)) {
            accused.push(format!("{}: it was not planted", null.file));
        }
    }

    let _ = std::fs::remove_dir_all(&work);
    let rows = rows(&manifest, &folder, &clean, &seen)?;
    print(&rows, &manifest, &accused);
    let path = root().join("target/mutants.json");
    let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("manifest: {}", list(&faults));
    println!("checks without a mutant: {}", list(&bare));
    println!(
        "{} runs, {:.0} s; {}",
        groups.len() + 1,
        began.elapsed().as_secs_f64(),
        path.display()
    );
    let good = accused.is_empty()
        && faults.is_empty()
        && bare.is_empty()
        && rows.iter().all(|row| row.killed);
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// One row per mutant.
fn rows<'a>(
    manifest: &'a Manifest,
    folder: &std::path::Path,
    clean: &BTreeMap<String, Seen>,
    seen: &'a BTreeMap<usize, Seen>,
) -> Result<Vec<Row<'a>>, Failed> {
    let mut rows = Vec::new();
    for (index, mutant) in manifest.mutant.iter().enumerate() {
        let its = &seen[&index];
        let case = its.cases.iter().find(|case| case.check == mutant.check);
        let before = clean
            .get(&mutant.subject)
            .and_then(|seen| seen.numbers.as_ref());
        let text = std::fs::read_to_string(folder.join(&mutant.file));
        let text = text.map_err(|error| format!("{}: {error}", mutant.file))?;
        rows.push(Row {
            file: &mutant.file,
            bug: text
                .trim_start_matches('"')
                .lines()
                .next()
                .unwrap_or_default()
                .trim_end_matches('"')
                .into(),
            family: &mutant.family,
            subject: &mutant.subject,
            check: &mutant.check,
            killed: case.is_some_and(is_report),
            detail: case.map_or_else(|| "not planned".into(), describe),
            numbers: before
                .zip(its.numbers.as_ref())
                .and_then(|(before, after)| change(before, after)),
            reported_by: its
                .cases
                .iter()
                .filter(|case| is_report(case) && (case.check != DRIFT || mutant.check == DRIFT))
                .map(|case| case.check.as_str())
                .collect(),
            drifts: its
                .cases
                .iter()
                .any(|case| case.check == DRIFT && is_report(case)),
        });
    }
    Ok(rows)
}

/// The check reports a bug of the model.
fn is_report(case: &Case) -> bool {
    let reason = case.reason.as_ref();
    case.outcome == "failed" && reason.is_some_and(|reason| KILLS.contains(&reason.kind.as_str()))
}

fn print(rows: &[Row], manifest: &Manifest, accused: &[String]) {
    for row in rows.iter().filter(|row| row.killed) {
        println!("killed    {:<44} {}", row.file, row.detail);
        if let Some(numbers) = &row.numbers {
            println!("{:>54} {numbers}", "numbers:");
        }
    }
    let mut families = BTreeMap::<&str, (u32, u32)>::new();
    // Killed, of how many, and by that check alone.
    let mut checks = BTreeMap::<&str, (u32, u32, u32)>::new();
    for row in rows {
        let family = families.entry(row.family).or_default();
        family.0 += u32::from(row.killed);
        family.1 += 1;
        let check = checks.entry(row.check).or_default();
        check.0 += u32::from(row.killed);
        check.1 += 1;
        check.2 += u32::from(row.reported_by == [row.check]);
    }
    println!();
    for (family, (killed, all)) in &families {
        println!("{family:<36} {killed} of {all}");
    }
    println!();
    for (check, (killed, all, alone)) in &checks {
        println!("{check:<36} {killed} of {all}, {alone} by it alone");
    }
    let survivors: Vec<String> = rows
        .iter()
        .filter(|row| !row.killed)
        .map(|row| {
            format!(
                "{} ({}; reported by {:?})",
                row.file, row.detail, row.reported_by
            )
        })
        .collect();
    println!(
        "\nkilled {} of {}; survivors: {}",
        rows.len() - survivors.len(),
        rows.len(),
        list(&survivors)
    );
    println!(
        "{DRIFT}, held against the clean run, reports {}",
        rows.iter().filter(|row| row.drifts).count()
    );
    println!(
        "null mutants: {}; falsely accused: {}",
        manifest.null.len(),
        list(accused)
    );
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".into()
    } else {
        format!("\n  {}", names.join("\n  "))
    }
}

fn describe(case: &Case) -> String {
    let reason = case.reason.as_ref().map_or_else(String::new, |reason| {
        format!(" {}: {}", reason.kind, reason.detail)
    });
    let text = format!("{} {}{reason}", case.check, case.outcome);
    text.chars().take(160).collect()
}

fn failures(seen: &Seen) -> impl Iterator<Item = &Case> {
    seen.cases.iter().filter(|case| case.outcome != "passed")
}

/// Names of the battery's checks.
fn checks(ready: &Ready) -> Result<BTreeSet<String>, Failed> {
    #[derive(Deserialize)]
    struct Check {
        id: String,
    }
    let rows: Vec<Check> = listed(ready, "checks")?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The family of each architecture.
pub(crate) fn families(ready: &Ready) -> Result<BTreeMap<String, String>, Failed> {
    #[derive(Deserialize)]
    struct Architecture {
        name: String,
        family: String,
    }
    let rows: Vec<Architecture> = listed(ready, "architectures")?;
    Ok(rows.into_iter().map(|row| (row.name, row.family)).collect())
}

fn listed<T: serde::de::DeserializeOwned>(ready: &Ready, what: &str) -> Result<Vec<T>, Failed> {
    let output = Command::new(&ready.assay)
        .args(["list", what, "--json"])
        .env("ASSAY_PYTHON", &ready.python)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        format!(
            "assay list {what}: {error}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
