//! What a unit costs: forked from the template, spawned afresh, and in the runner itself. `cargo xtask bench runner`.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark for a person"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assay_model::protocol::Job;
use assay_model::{CheckId, Platform, Subject};
use assay_runner::{Environment, Flow, Interpreter, Limits, Notice, Runner, Settings, Task};

const FORKED: usize = 200;
const SPAWNED: usize = 20;
const PLANNED: usize = 100_000;

fn task(checks: Vec<CheckId>) -> Task {
    let job = Job::Check {
        subject: Subject::architecture("bert"),
        platform: Platform::CPU,
        recipe: serde_json::Value::Null,
        checks,
        seed: 0,
        nonce: "0".into(),
        second_nonce: "0".into(),
        evidence: false,
        expected_tensors: None,
        scratch: PathBuf::new(),
    };
    Task::new(job)
}

fn settings() -> Settings {
    let limit = Duration::from_secs(300);
    Settings {
        workers: 1,
        limits: Limits {
            check: limit,
            unit: limit,
            grace: Duration::from_secs(2),
            memory_bytes: Some(1 << 30),
        },
        scratch: std::env::temp_dir().join(format!("assay-bench-{}", std::process::id())),
        handle_signals: false,
    }
}

/// Seconds of wall-clock time, and of this process's own CPU, per trivial unit.
fn units(count: usize, always_spawn: bool) -> (f64, f64) {
    let python = std::env::var_os("ASSAY_PYTHON")
        .expect("set ASSAY_PYTHON")
        .into();
    let pythonpath = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python");
    let runner = Runner::start(vec![Environment::Python(Interpreter {
        python,
        pythonpath,
        bytecode: None,
        preloads: vec![],
        platforms: vec![],
        exports: None,
        always_spawn,
    })])
    .unwrap();
    let (began, cpu) = (Instant::now(), own_cpu());
    let mut ended = 0;
    let tasks = (0..count).map(|_| task(vec![])).collect();
    runner
        .run(tasks, &settings(), &mut |notice| {
            if let Notice::UnitEnded { lost, .. } = notice {
                assert!(lost.is_none(), "{lost:?}");
                ended += 1;
            }
            Flow::Continue
        })
        .unwrap();
    assert_eq!(ended, count);
    (
        began.elapsed().as_secs_f64() / count as f64,
        (own_cpu() - cpu) / count as f64,
    )
}

/// User and system seconds of this process alone.
fn own_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(2);
    fields
        .map(|field| field.parse::<f64>().unwrap())
        .sum::<f64>()
        / rustix::param::clock_ticks_per_second() as f64
}

/// Resident memory of this process in MiB, now and at its peak.
fn memory() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}

fn main() {
    // First, so that nothing else is in the peak: every case is stopped before it starts, and gets its ending.
    let checks: Vec<CheckId> = (0..25)
        .map(|i| CheckId::from(format!("bench.check_{i}").as_str()))
        .collect();
    let before = memory().0;
    let tasks: Vec<Task> = (0..PLANNED / checks.len())
        .map(|_| task(checks.clone()))
        .collect();
    let planned = memory();
    println!(
        "{PLANNED} cases planned: {:.1} MiB resident, {:.1} MiB of it for the plan",
        planned.0,
        planned.0 - before
    );
    drop(tasks);
    let (forked, cpu) = units(FORKED, false);
    println!(
        "(a) {FORKED} units, forked from the template: {:.2} ms each",
        forked * 1e3
    );
    println!("(c) the runner's own CPU in (a): {:.2} ms each", cpu * 1e3);
    let (spawned, _) = units(SPAWNED, true);
    println!(
        "(b) {SPAWNED} units, a fresh Python process each: {:.0} ms each",
        spawned * 1e3
    );
    println!("(b) / (a): {:.0} times", spawned / forked);
}
