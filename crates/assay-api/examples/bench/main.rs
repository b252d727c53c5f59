//! What the client itself costs, and how true its clock is. `cargo xtask bench api`.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark for a person"
)]

mod clock;
mod requests;
mod server;
mod streams;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use assay_api::wire::{Bounds, Wire};
use assay_api::{Endpoint, dialect};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["serve", pace, tokens] = words.as_slice() {
        return server::serve(
            Duration::from_millis(pace.parse().unwrap()),
            tokens.parse().unwrap(),
        );
    }
    machine();
    for (name, part) in [
        ("clock", clock::clock as fn()),
        ("requests", requests::requests),
        ("streams", streams::streams),
    ] {
        if words.is_empty() || words.contains(&name) {
            part();
        }
    }
}

fn machine() {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("unknown");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{}, {} × {model}, load before {}",
        jiff::Zoned::now().date(),
        std::thread::available_parallelism().map_or(0, usize::from),
        load.split(' ').next().unwrap_or_default()
    );
}

/// As `assay api worker` has it for a load.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn endpoint(base: &str) -> Endpoint {
    let wire = Wire::new(Bounds::default()).unwrap();
    Endpoint::new(&dialect::openai::DIALECT, base, "m", None, wire).unwrap()
}

/// The server, in a process of its own.
struct Serving {
    process: Child,
    base: String,
}

impl Serving {
    fn start(pace: u64, tokens: u64) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["serve", &pace.to_string(), &tokens.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        Self {
            process,
            base: line.trim().to_owned(),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The value below which that share of them lies.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let place = (share * (values.len() - 1) as f64).round() as usize;
    values[place]
}
