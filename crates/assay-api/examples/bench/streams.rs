//! Two thousand streams at a time: what memory they take, and whether it stays at that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use assay_api::bench::{Load, Plan, Prompts, Span, step};

use crate::{Serving, endpoint, runtime};

const STREAMS: u32 = 2000;

/// A stream of 20 tokens takes five seconds: 400 begin and end each second.
const PACE: u64 = 250;
const TOKENS: u64 = 20;
const WARMUP: Duration = Duration::from_secs(10);
const LASTS: Duration = Duration::from_secs(110);

pub(crate) fn streams() {
    let serving = Serving::start(PACE, TOKENS);
    let plan = Plan {
        load: Load::Closed { users: STREAMS },
        sweep: false,
        prompts: Prompts {
            words: 64,
            shared: 0,
            max_tokens: 20,
        },
        span: Span {
            warmup: WARMUP,
            lasts: LASTS,
            requests: None,
        },
        slo: None,
        goodput: None,
        most: STREAMS as usize,
        answer: Duration::from_secs(60),
        metrics: None,
    };
    println!("\nstreams: {STREAMS} at a time, {TOKENS} tokens at {PACE} ms");
    println!("before: {:.1} MiB", resident());
    let is_over = Arc::new(AtomicBool::new(false));
    let watching = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || watch(&is_over))
    };
    let done = runtime().block_on(step(&endpoint(&serving.base), &plan, plan.load, 1));
    is_over.store(true, Ordering::Relaxed);
    let seen = watching.join().unwrap();
    for (second, mebibytes) in seen.iter().step_by(20) {
        println!("after {second:>2} s: {mebibytes:.1} MiB");
    }
    let results = done.results;
    println!(
        "{} answered, {} failed, {} at once at most, {:.0} tokens/s; first token {:.1} ms and inter-token {:.2} ms at the median, {PACE} ms by the server",
        results.answered,
        results.requests - results.answered,
        done.peak,
        results.per_second(results.output),
        results.ttft.quantile(0.5),
        results.inter_token.quantile(0.5),
    );
}

/// Mebibytes each second.
fn watch(is_over: &AtomicBool) -> Vec<(u64, f64)> {
    let began = Instant::now();
    let mut seen = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_secs(1));
        seen.push((began.elapsed().as_secs(), resident()));
    }
    seen
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap() / 1024.0
}
