use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use serde::Deserialize;

use crate::peers;
use crate::setup::{Ready, cache, cargo, ready, root};
use crate::step::{Failed, OWN, loud, step};
use crate::summary::Summary;

/// How much is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// What needs no model: seconds once it is built.
    Fast,
    /// Everything.
    Full,
}

/// The version that is installed where there is none.
const NEXTEST: &str = "0.9.143";

/// `cargo xtask test`.
pub(crate) fn test(tier: Tier) -> Result<ExitCode, Failed> {
    let began = Instant::now();
    let ready = ready()?;
    step("rustfmt", cargo().args(["fmt", "--all", "--check"]))?;
    step(
        "clippy",
        cargo().args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    let ruff = ready.tools.join("bin/ruff");
    let python = root().join("python");
    step(
        "ruff check",
        Command::new(&ruff)
            .current_dir(&python)
            .args(["check", "--no-cache", ".", "../tests"]),
    )?;
    step(
        "ruff format",
        Command::new(&ruff).current_dir(&python).args([
            "format",
            "--no-cache",
            "--check",
            ".",
            "../tests",
        ]),
    )?;
    readme()?;
    // `--no-tests=fail` is nextest's default: a filter that matches nothing is an error.
    let mut nextest = nextest()?;
    nextest.args(["run", "--workspace"]);
    if tier == Tier::Fast {
        nextest.args(["-E", "not (package(assay) and kind(test))"]);
    }
    loud("nextest", with_environment(&mut nextest, &ready))?;
    let mut pytest = Command::new(&ready.python);
    pytest
        .current_dir(&python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"])
        .env("PYTHONPATH", &ready.tools);
    loud("pytest", with_environment(&mut pytest, &ready))?;
    eprintln!("api-peers");
    peers::quick(&ready)?;
    let mut left_out = vec![
        "benchmarks (cargo xtask bench)".to_owned(),
        "every architecture (assay run --all)".to_owned(),
        "peers that take longer (cargo xtask api-peers)".to_owned(),
    ];
    if tier == Tier::Full {
        sampler(&ready)?;
        platforms(&ready)?;
        left_out.extend(gpu(&ready)?.map(|lacking| format!("tests/gpu ({lacking})")));
        loud("mutants", Command::new(&*OWN).arg("mutants"))?;
    } else {
        left_out.extend(["runs of real models", "mutants", "tests/gpu"].map(str::to_owned));
    }
    eprintln!("left out: {}", left_out.join(", "));
    eprintln!("all tests passed, {:.0} s", began.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask api-mutants`: the tests of `assay-api` that plant faults, with what they count. They want no Python.
pub(crate) fn api_mutants() -> Result<ExitCode, Failed> {
    // One after the other: what is timed wants the machine for itself.
    let mut command = cargo();
    command.args(["test", "--quiet", "--package", "assay-api"]);
    command.args(["--test", "mutants", "--test", "client", "--"]);
    let status = command
        .args(["--nocapture", "--test-threads", "1"])
        .status()
        .map_err(|error| error.to_string())?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn with_environment<'a>(command: &'a mut Command, ready: &Ready) -> &'a mut Command {
    command
        .env("ASSAY_PYTHON", &ready.python)
        .env("ASSAY_TEST_CHECKPOINT", ready.checkpoint())
        .env("HF_HUB_OFFLINE", "1")
        .env("OMP_NUM_THREADS", "1")
        .env_remove("ASSAY_PYTHONPATH")
}

/// The sampler and the real checkpoint, for real: the same job as `cargo xtask run`.
fn sampler(ready: &Ready) -> Result<(), Failed> {
    let folder = scratch("sampler")?;
    let mut command = Command::new(&ready.assay);
    command
        .current_dir(&folder)
        .args(["run", "sampler"])
        .arg(ready.checkpoint());
    let done = loud(
        "the sampler and a real checkpoint",
        with_environment(&mut command, ready),
    );
    let _ = std::fs::remove_dir_all(&folder);
    done
}

/// Models on every platform that a processor has: an encoder, an encoder-decoder and a vision model, and one that has a plan for tensor
/// parallelism.
const PLATFORMS: [(&[&str], &str); 2] = [
    (
        &["bert", "t5", "vit"],
        "cpu@bfloat16,torch-compile,torch-export,onnxruntime,openvino,openvino@bfloat16,openvino@int8,executorch,disk-offload",
    ),
    (&["llama"], "disk-offload,tensor-parallel"),
];

/// A row of `assay list platforms --json`.
#[derive(Deserialize)]
struct Listed {
    platform: String,
    lacking: Option<Lacking>,
}

#[derive(Deserialize)]
struct Lacking {
    kind: String,
    words: String,
}

/// What `tests/gpu/` names, where there is a GPU; elsewhere what it lacks.
fn gpu(ready: &Ready) -> Result<Option<String>, Failed> {
    let mut list = Command::new(&ready.assay);
    list.args(["list", "platforms", "--json"]);
    let listed = with_environment(&mut list, ready).output();
    let listed = listed.map_err(|error| error.to_string())?;
    let rows: Vec<Listed> = serde_json::from_slice(&listed.stdout)
        .map_err(|error| format!("assay list platforms: {error}"))?;
    let cuda = rows.into_iter().find(|row| row.platform == "cuda");
    match cuda.ok_or("assay list platforms: no cuda")?.lacking {
        Some(Lacking { kind, words }) => Ok(Some(format!("{kind}: {words}"))),
        None => {
            let folder = scratch("gpu")?;
            let config = root().join("tests/gpu/assay.toml");
            let mut words = vec!["--profile".into(), "gpu".into(), "--config".into()];
            words.push(config.display().to_string());
            let done = all_pass(ready, &folder, &words);
            let _ = std::fs::remove_dir_all(&folder);
            done.map(|()| None)
        }
    }
}

/// An empty folder to run in.
fn scratch(name: &str) -> Result<PathBuf, Failed> {
    let folder = std::env::temp_dir().join(format!("assay-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// All of [`PLATFORMS`].
fn platforms(ready: &Ready) -> Result<(), Failed> {
    let folder = scratch("platforms")?;
    let done = PLATFORMS.iter().try_for_each(|(subjects, names)| {
        let words = [subjects, &["--classes", "base", "--platform", *names][..]].concat();
        // Inductor compiles C++: what is asked here is the verdict, on however slow a machine.
        let words = [words, vec!["--timeout", "300"]].concat();
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        all_pass(ready, &folder, &words)
    });
    let _ = std::fs::remove_dir_all(&folder);
    done
}

/// A run whose every case has to pass. What is skipped is no pass: there is all that it needs.
fn all_pass(ready: &Ready, folder: &Path, words: &[String]) -> Result<(), Failed> {
    let report = folder.join("report");
    let _ = std::fs::remove_dir_all(&report);
    let mut command = Command::new(&ready.assay);
    command.current_dir(folder).arg("run").args(words);
    command.arg("--report-dir").arg(&report);
    loud("platforms", with_environment(&mut command, ready))?;
    let summary = Summary::read(&report.join("summary.json"))?;
    let cases = summary.cases.iter();
    match cases.filter(|case| case.outcome != "passed").count() {
        0 => Ok(()),
        not_passed => Err(format!("platforms: {not_passed} cases are no pass")),
    }
}

/// The first two commands in the README are the ones that set up and run, and set up and test.
fn readme() -> Result<(), Failed> {
    let text = std::fs::read_to_string(root().join("README.md"))
        .map_err(|error| format!("README.md: {error}"))?;
    let commands: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("cargo "))
        .take(2)
        .collect();
    if commands == ["cargo xtask run", "cargo xtask test"] {
        eprintln!("the README's commands … ok");
        return Ok(());
    }
    Err(format!(
        "the README's first two commands are {commands:?}, not `cargo xtask run` and `cargo xtask test`"
    ))
}

/// Nextest from the path, or installed into the cache.
fn nextest() -> Result<Command, Failed> {
    let there = cargo()
        .args(["nextest", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if there {
        let mut command = cargo();
        command.arg("nextest");
        return Ok(command);
    }
    let folder = cache()?.join(format!("nextest-{NEXTEST}"));
    let binary = folder.join("bin/cargo-nextest");
    if !binary.exists() {
        let mut install = cargo();
        install
            .args([
                "install",
                "--quiet",
                "cargo-nextest",
                "--locked",
                "--version",
                NEXTEST,
                "--root",
            ])
            .arg(&folder);
        step("installing nextest", &mut install)?;
    }
    let mut command = Command::new(binary);
    command.current_dir(root()).arg("nextest");
    Ok(command)
}
