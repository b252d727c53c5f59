//! The checks of endpoints, on servers that others wrote: each is installed from a registry, started on loopback, asked in its dialects, and
//! ended. What fails has to be known (`known.rs`), and what is known has to fail.

mod gap;
mod install;
mod known;
mod page;
mod process;
mod rows;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::setup::{Ready, ready, root};
use crate::step::Failed;
use crate::summary::{Case, Summary};
use gap::{Gap, Lack};
use install::{Installed, install};
use process::Running;
pub(crate) use process::keep;
use rows::{Asked, PEERS, Peer};

/// Variable and key of the peers that have one.
const KEY: (&str, &str) = ("ASSAY_PEER_KEY", "sk-assay-peer");
/// Where a peer keeps its model and what it says, and where the reports are.
const FOLDER: &str = "target/api-peers";

/// A peer, and what came of it.
struct Checked {
    peer: &'static Peer,
    version: String,
    /// By dialect; or why it was asked nothing.
    runs: Result<Vec<Run>, Gap>,
}

/// One dialect of a peer.
struct Run {
    dialect: &'static str,
    /// Or why there is none.
    summary: Result<Summary, Gap>,
    wall: Duration,
}

/// `cargo xtask api-peers [NAME…]`: these peers, or every one; the page is made anew of them.
pub(crate) fn api_peers(names: &[&str]) -> Result<ExitCode, Failed> {
    let peers = chosen(names)?;
    let ready = ready()?;
    let checked: Vec<Checked> = peers.iter().map(|peer| check(peer, &ready, None)).collect();
    page::write(&checked)?;
    let surprises = surprises(&checked);
    for surprise in &surprises {
        eprintln!("{surprise}");
    }
    Ok(if surprises.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Those that take seconds, for `cargo xtask test`.
pub(crate) fn quick(ready: &Ready) -> Result<(), Failed> {
    let began = Instant::now();
    let peers = PEERS.iter().filter(|peer| peer.is_quick);
    let checked: Vec<Checked> = peers.map(|peer| check(peer, ready, Some("1"))).collect();
    let surprises = surprises(&checked);
    eprintln!("api-peers: {:.1} s", began.elapsed().as_secs_f64());
    match surprises.as_slice() {
        [] => Ok(()),
        surprises => Err(surprises.join("\n")),
    }
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Peer>, Failed> {
    if names.is_empty() {
        return Ok(PEERS.iter().collect());
    }
    let one = |name: &&str| {
        Peer::named(name).ok_or_else(|| {
            let all: Vec<&str> = PEERS.iter().map(|peer| peer.name).collect();
            format!("no peer is called `{name}`; there are {}", all.join(", "))
        })
    };
    names.iter().map(one).collect()
}

/// Installs, starts, asks and ends a peer.
fn check(peer: &'static Peer, ready: &Ready, seed: Option<&str>) -> Checked {
    let installed = match install(peer, ready) {
        Ok(installed) => installed,
        Err(gap) => return without(peer, String::new(), gap),
    };
    let version = installed.version.clone();
    let behind = peer.behind.and_then(Peer::named);
    // Dropped last: nobody stands in front of nothing.
    let behind = behind.map(|behind| {
        let installed = install(behind, ready)?;
        start(behind, &installed, None)
    });
    let behind = match behind.transpose() {
        Ok(behind) => behind,
        Err(gap) => return without(peer, version, gap),
    };
    let running = match start(peer, &installed, behind.as_ref()) {
        Ok(running) => running,
        Err(gap) => return without(peer, version, gap),
    };
    let asked = peer.asked.iter();
    let runs: Vec<Run> = asked
        .map(|asked| ask(peer, asked, running.port, ready, seed))
        .collect();
    Checked {
        peer,
        version,
        runs: Ok(runs),
    }
}

fn without(peer: &'static Peer, version: String, gap: Gap) -> Checked {
    eprintln!("{}: {gap}", peer.name);
    Checked {
        peer,
        version,
        runs: Err(gap),
    }
}

/// Starts a peer; once it is up.
fn start(peer: &Peer, installed: &Installed, behind: Option<&Running>) -> Result<Running, Gap> {
    let began = Instant::now();
    let folder = root().join(FOLDER).join(peer.name);
    let script = root().join("tests/peers").join(peer.script);
    let mut variables = installed.variables.clone();
    variables.push((KEY.0, PathBuf::from(KEY.1)));
    if let Some(behind) = behind {
        let base = format!("http://127.0.0.1:{}/v1", behind.port);
        variables.push(("ASSAY_PEER_BEHIND", base.into()));
    }
    let mut running = Running::start(&installed.program, &script, &folder, variables)?;
    running.up(peer.up, Duration::from_secs(peer.starts_within))?;
    let (name, version) = (peer.name, &installed.version);
    eprintln!(
        "{name} {version} is up, {:.1} s",
        began.elapsed().as_secs_f64()
    );
    Ok(running)
}

/// `assay api check` in one dialect. Red or green: every failure is compared with those that are known.
fn ask(peer: &Peer, asked: &Asked, port: u16, ready: &Ready, seed: Option<&str>) -> Run {
    let began = Instant::now();
    let name = format!("{}-{}", peer.name, asked.dialect);
    let folder = root().join(FOLDER).join(&name);
    let _ = std::fs::remove_dir_all(&folder);
    let mut command = Command::new(&ready.assay);
    command
        .current_dir(root())
        .args(["api", "check"])
        .arg(format!("http://127.0.0.1:{port}{}", asked.base))
        .args(["--dialect", asked.dialect, "--model", asked.model])
        .args(["--peer", peer.kind, "--name", &name])
        .arg("--report-dir")
        .arg(&folder);
    if let Some(seed) = seed {
        command.args(["--seed", seed]);
    }
    if peer.has_key {
        command.env(KEY.0, KEY.1).args(["--key-variable", KEY.0]);
        // Whose key it is, for dialects that sign.
        command.env("AWS_ACCESS_KEY_ID", "assay");
    }
    let output = command.stdin(Stdio::null()).output();
    let summary = match output {
        Err(error) => Err(error.to_string()),
        Ok(output) => Summary::read(&folder.join("summary.json"))
            .map_err(|error| format!("{error} {}", String::from_utf8_lossy(&output.stderr).trim())),
    };
    let run = Run {
        dialect: asked.dialect,
        summary: summary.map_err(|words| Lack::Report.because(words)),
        wall: began.elapsed(),
    };
    run.tell(&name);
    run
}

impl Run {
    fn tell(&self, name: &str) {
        let seconds = self.wall.as_secs_f64();
        match &self.summary {
            Err(gap) => eprintln!("{name}: {gap}"),
            Ok(summary) => {
                let count = |outcome| page::count(&summary.cases, outcome);
                eprintln!(
                    "{name}: {} passed, {} failed, {} skipped, {seconds:.1} s",
                    count(page::Counted::Passed),
                    count(page::Counted::Failed),
                    count(page::Counted::Skipped)
                );
            }
        }
    }
}

/// What nobody knows of: failures that are new, known ones that are gone, and peers that could not be asked.
fn surprises(checked: &[Checked]) -> Vec<String> {
    let mut surprises = Vec::new();
    for one in checked {
        let name = one.peer.name;
        let runs = match &one.runs {
            Ok(runs) => runs,
            Err(gap) => {
                let is_known = gap.kind.known().is_some();
                surprises.extend((!is_known).then(|| format!("{name}: {gap}")));
                continue;
            }
        };
        for run in runs {
            let row = format!("{name}-{}", run.dialect);
            match &run.summary {
                Err(gap) => surprises.push(format!("{row}: {gap}")),
                Ok(summary) => surprises.extend(known::surprises(&row, &summary.cases)),
            }
        }
    }
    surprises
}

/// A case that is no pass, and was not left out.
fn is_failure(case: &Case) -> bool {
    !matches!(case.outcome.as_str(), "passed" | "skipped")
}
