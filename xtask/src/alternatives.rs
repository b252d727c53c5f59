use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde::Deserialize;

use crate::setup::{Ready, ready, root};
use crate::step::Failed;

/// Architectures that are compared.
const COUNT: usize = 60;

/// Processes at a time, in every way of running.
const WORKERS: usize = 2;

#[derive(Deserialize)]
struct Case {
    subject: String,
    check: String,
}

#[derive(Deserialize)]
struct Single {
    imports: f64,
    work: f64,
}

#[derive(Deserialize)]
struct Summary {
    wall_seconds: Option<f64>,
    cpu_seconds: f64,
    planned: u64,
}

/// `cargo xtask bench architectures`: the same checks on the same 60 architectures, by Assay, by pytest-xdist, in a fresh process each, and
/// in one process.
pub(crate) fn bench() -> Result<ExitCode, Failed> {
    let ready = ready()?;
    let folder = std::env::temp_dir().join(format!("assay-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let names = names(&ready, &folder)?;
    // Once untimed, so that every way finds its probes and recipes made.
    let mut plan = plan(&ready, &folder, &names)?;
    // Of what can't be made only the probe is planned.
    plan.retain(|_, checks| checks.len() > 1);
    let words: Vec<&str> = plan.keys().map(String::as_str).collect();
    let file = folder.join("recipes.json");
    let text = serde_json::to_string(&plan).map_err(|error| error.to_string())?;
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    let file = file.display().to_string();
    timed(&mut script(&ready, &folder, &["recipes", &file]))?;
    let tests = folder.join("tests");
    std::fs::create_dir_all(&tests).map_err(|error| error.to_string())?;
    let tests = tests.display().to_string();
    timed(&mut script(&ready, &folder, &["tests", &file, &tests]))?;

    let output = script(&ready, &folder, &["single", &file])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let single: Single = serde_json::from_str(text.lines().next_back().unwrap_or_default())
        .map_err(|error| format!("the single process: {error}"))?;
    let ours = ours(&ready, &folder, &words)?;
    let mut pytest = python(&ready, &folder);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n"]);
    pytest.arg(WORKERS.to_string()).arg(&tests);
    let xdist = timed(&mut pytest)?;
    let fresh = fresh(&ready, &folder, &file, &words)?;
    let wall = ours.wall_seconds.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "the number of workers is small")]
    let workers = WORKERS as f64;
    println!(
        "{} architectures, {} cases, {WORKERS} at a time, seconds of wall clock",
        words.len(),
        ours.planned
    );
    println!("assay                          {wall:8.1}");
    println!(
        "pytest -n {WORKERS}                    {xdist:8.1}   {:.2} times",
        xdist / wall
    );
    println!(
        "a fresh process each           {fresh:8.1}   {:.2} times",
        fresh / wall
    );
    println!(
        "one process                    {:8.1}   imports {:.1}, work {:.1}",
        single.imports + single.work,
        single.imports,
        single.work
    );
    println!(
        "assay / (imports + work / {WORKERS})   {:8.2}",
        wall / (single.imports + single.work / workers)
    );
    println!(
        "cores busy                     {:7.0} %",
        100.0 * ours.cpu_seconds / (wall * workers)
    );
    let _ = std::fs::remove_dir_all(&folder);
    Ok(ExitCode::SUCCESS)
}

/// Architectures spread over the list.
fn names(ready: &Ready, folder: &Path) -> Result<Vec<String>, Failed> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
    }
    let mut command = assay(ready, folder);
    command.args(["list", "architectures", "--format", "json"]);
    let all: Vec<Row> = json(&mut command)?;
    let step = (all.len() / COUNT).max(1);
    let spread = all.into_iter().step_by(step).take(COUNT);
    Ok(spread.map(|row| row.name).collect())
}

/// The checks of each.
fn plan(
    ready: &Ready,
    folder: &Path,
    names: &[String],
) -> Result<BTreeMap<String, Vec<String>>, Failed> {
    let mut command = assay(ready, folder);
    command.args(["list", "cases", "--profile", "quick", "--format", "json"]);
    let cases: Vec<Case> = json(command.args(names))?;
    let mut plan: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in cases {
        plan.entry(case.subject).or_default().push(case.check);
    }
    Ok(plan)
}

fn ours(ready: &Ready, folder: &Path, names: &[&str]) -> Result<Summary, Failed> {
    let mut command = assay(ready, folder);
    command
        .args(["run", "--profile", "quick", "--seed", "1", "--workers"])
        .arg(WORKERS.to_string())
        .args(["--report-dir", "run"])
        .args(names)
        .stdout(Stdio::null());
    // Red or green: the time is what is asked.
    command.status().map_err(|error| error.to_string())?;
    let text = std::fs::read(folder.join("run/summary.json")).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// A process for each architecture, so many at a time; seconds.
fn fresh(ready: &Ready, folder: &Path, file: &str, names: &[&str]) -> Result<f64, Failed> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _ = script(ready, folder, &["one", file, name])
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .status();
                }
            });
        }
    });
    Ok(began.elapsed().as_secs_f64())
}

fn assay(ready: &Ready, folder: &Path) -> Command {
    let mut command = Command::new(&ready.assay);
    command
        .current_dir(folder)
        .env("ASSAY_PYTHON", &ready.python)
        .env("HF_HUB_OFFLINE", "1")
        .stdin(Stdio::null());
    command
}

fn python(ready: &Ready, folder: &Path) -> Command {
    let sources = root().join("python");
    let paths = [
        sources.clone(),
        sources.join("benches"),
        ready.tools.clone(),
    ];
    let mut command = Command::new(&ready.python);
    command
        .current_dir(folder)
        .env(
            "PYTHONPATH",
            std::env::join_paths(paths).unwrap_or_default(),
        )
        .env("HF_HUB_OFFLINE", "1")
        .env("OMP_NUM_THREADS", "1")
        // As Assay does: finding recipes, which is not timed, has compiled everything.
        .env("PYTHONPYCACHEPREFIX", folder.join("bytecode"))
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .stdin(Stdio::null());
    command
}

fn script(ready: &Ready, folder: &Path, words: &[&str]) -> Command {
    let mut command = python(ready, folder);
    command
        .arg(root().join("python/benches/architectures.py"))
        .args(words);
    command
}

/// Seconds that a command took; it must succeed.
fn timed(command: &mut Command) -> Result<f64, Failed> {
    let began = Instant::now();
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(began.elapsed().as_secs_f64());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    Err(format!(
        "{command:?} failed: {} {}",
        said.lines().last().unwrap_or_default(),
        words.lines().last().unwrap_or_default()
    ))
}

fn json<T: serde::de::DeserializeOwned>(command: &mut Command) -> Result<T, Failed> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{command:?}: {error}"))
}
