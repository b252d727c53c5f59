//! A peer as processes: a keeper that leads a group, and the peer below it. The keeper ends the group once its standard input ends, which is
//! when whoever started it ends it or is gone itself, however that came.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgrp, kill_process_group};

use super::gap::{Gap, Lack};
use crate::step::{Failed, OWN};

/// Between two looks whether a peer is up.
const LOOK: Duration = Duration::from_millis(100);

/// `cargo xtask keep-peer COMMAND…`: runs it until the standard input ends, and kills the group with all that is in it. Not for a person.
pub(crate) fn keep(words: &[&str]) -> Result<ExitCode, Failed> {
    let (program, arguments) = words.split_first().ok_or("there is nothing to keep")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = kill_process_group(getpgrp(), Signal::KILL);
    });
    let status = child.wait().map_err(|error| error.to_string())?;
    eprintln!("{program} ended: {status}");
    // What it started itself does not stay behind it.
    let _ = kill_process_group(getpgrp(), Signal::KILL);
    Ok(ExitCode::FAILURE)
}

/// A peer that runs; it ends when this is dropped.
pub(super) struct Running {
    keeper: Child,
    /// Whose end is the keeper's sign.
    _sign: Option<ChildStdin>,
    log: PathBuf,
    pub(super) port: u16,
}

impl Running {
    /// Starts a script with a free port and a folder, what it says in a file there.
    pub(super) fn start<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        program: &Path,
        script: &Path,
        folder: &Path,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Gap> {
        let ended = |error: std::io::Error| Lack::Ended.because(error.to_string());
        let port = free_port().map_err(ended)?;
        std::fs::create_dir_all(folder).map_err(ended)?;
        let log = folder.join("log");
        let file = File::create(&log).map_err(ended)?;
        let mut keeper = Command::new(&*OWN)
            .arg("keep-peer")
            .arg(program)
            .arg(script)
            .arg(port.to_string())
            .arg(folder)
            .envs(variables)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HF_HUB_OFFLINE", "1")
            .stdin(Stdio::piped())
            .stdout(file.try_clone().map_err(ended)?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .map_err(ended)?;
        Ok(Self {
            _sign: keeper.stdin.take(),
            keeper,
            log,
            port,
        })
    }

    /// Waits until a route says 200.
    pub(super) fn up(&mut self, route: &str, within: Duration) -> Result<(), Gap> {
        let began = Instant::now();
        while !is_ok(self.port, route) {
            if !matches!(self.keeper.try_wait(), Ok(None)) {
                return Err(Lack::Ended.because(self.last_words()));
            }
            if began.elapsed() > within {
                let words = self.last_words();
                return Err(Lack::Late.because(format!("after {} s: {words}", within.as_secs())));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The last lines that it wrote.
    fn last_words(&self) -> String {
        const LINES: usize = 3;
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        lines[lines.len().saturating_sub(LINES)..].join(" / ")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A keeper that has ended has killed its group, whose number may be another's by now.
        if matches!(self.keeper.try_wait(), Ok(None)) {
            let group = i32::try_from(self.keeper.id()).ok().and_then(Pid::from_raw);
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
            let _ = self.keeper.wait();
        }
    }
}

/// One that nobody has now; whoever takes it in between makes the peer end, which is said.
fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Whether a route says 200.
fn is_ok(port: u16, route: &str) -> bool {
    const WAIT: Duration = Duration::from_secs(5);
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(WAIT))?;
        write!(
            stream,
            "GET {route} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
        )?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}
