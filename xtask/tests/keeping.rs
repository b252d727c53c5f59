//! What `xtask keep-peer` starts is gone once its standard input ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};

/// A peer that has a child of its own; it says the numbers of both.
fn started(script: &str) -> (Child, Vec<i32>) {
    let mut keeper = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["keep-peer", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("a keeper");
    let mut line = String::new();
    let stdout = keeper.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let numbers = line
        .split_whitespace()
        .map(|word| word.parse().expect("a number"));
    (keeper, numbers.collect())
}

fn all_end(numbers: &[i32]) -> bool {
    let began = Instant::now();
    let runs = |number: &i32| {
        // One that nobody has asked for its status yet is none that runs.
        let status = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let is_dead = status
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'));
        !is_dead && Pid::from_raw(*number).is_some_and(|pid| test_kill_process(pid).is_ok())
    };
    while numbers.iter().any(runs) {
        if began.elapsed() > Duration::from_secs(20) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

#[test]
fn a_peer_and_its_children_end_when_the_one_that_started_it_is_gone() {
    let (mut keeper, numbers) = started("trap '' TERM HUP; sleep 600 & echo $$ $!; wait");
    assert_eq!(numbers.len(), 2);
    drop(keeper.stdin.take());
    assert!(all_end(&numbers), "{numbers:?}");
    keeper.wait().expect("its end");
}

#[test]
fn what_a_peer_leaves_behind_ends_with_it() {
    let (mut keeper, numbers) = started("sleep 600 & echo $$ $!");
    assert!(all_end(&numbers), "{numbers:?}");
    keeper.wait().expect("its end");
}
