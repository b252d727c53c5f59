use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use assay_model::protocol::{
    EXPORTS, FromTemplate, PLATFORMS, PRELOADS, PROTOCOL_VERSION, ToTemplate,
};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::Pid;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::child::{Process, Worker};
use crate::executor::{Executor, LaunchError};
use crate::framing::{FrameBuffer, frame};
use crate::output::BoundedOutput;
use crate::strays;

/// How long the imports may take. Measured: 4 to 10 s warm; a cold disk or a loaded machine takes several times that.
const READY_WAIT: Duration = Duration::from_secs(300);

/// How long one fork may take. Measured: 10 ms.
const FORK_WAIT: Duration = Duration::from_secs(30);

/// How often a template that died is started anew in one run. A preload that kills it would do so for ever.
const RESTARTS: u32 = 2;

/// Set so that no library starts a thread at import: a process with several threads can't be forked safely. `set_num_threads`
/// afterwards is not enough, it leaves a thread (`FACTS.md`).
const SINGLE_THREADED: [(&str, &str); 5] = [
    ("OMP_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("MKL_NUM_THREADS", "1"),
    ("TOKENIZERS_PARALLELISM", "false"),
    // Without it torch initialises CUDA to count devices, and CUDA doesn't survive a fork.
    ("PYTORCH_NVML_BASED_CUDA_CHECK", "1"),
];

/// Which Python runs the workers, and how.
#[derive(Debug, Clone)]
pub struct Interpreter {
    /// The interpreter.
    pub python: PathBuf,
    /// The folder that holds the package `assay`.
    pub pythonpath: PathBuf,
    /// Where Python keeps what it compiled: the environment itself may be read-only, or installed without (half of the start, and a
    /// third of each small unit, is compiling). Without one, where Python would.
    pub bytecode: Option<PathBuf>,
    /// Files that run in every worker before a model is imported.
    pub preloads: Vec<PathBuf>,
    /// Platforms whose packages the template imports, so that no worker has to.
    pub platforms: Vec<String>,
    /// Where exports are kept; none where what is tested may be another thing than its versions say.
    pub exports: Option<PathBuf>,
    /// Spawn a fresh process per worker instead of forking: for devices that don't survive a fork, and to compare.
    pub always_spawn: bool,
}

/// What starts workers.
#[derive(Debug, Clone)]
pub enum Environment {
    /// A Python, whose template process forks them.
    Python(Interpreter),
    /// A program that is one itself: it speaks the protocol of a child on its standard input.
    Program {
        /// The program.
        path: PathBuf,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

/// Forks workers from a template process; spawns them where forking is not safe.
struct Template {
    interpreter: Interpreter,
    running: Mutex<Option<Running>>,
    restarts: RefCell<u32>,
    printed: Rc<RefCell<BoundedOutput>>,
}

struct Running {
    process: Child,
    pid: Pid,
    control: UnixStream,
    frames: FrameBuffer,
    tickets: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        strays::forget(self.pid);
    }
}

impl Template {
    /// Starts the template and waits until its imports are done.
    async fn start(interpreter: Interpreter) -> Result<Self, LaunchError> {
        let template = Self {
            interpreter,
            running: Mutex::new(None),
            restarts: RefCell::new(0),
            printed: Rc::default(),
        };
        if !template.interpreter.always_spawn {
            let running = template.start_process().await?;
            *template.running.lock().await = Some(running);
        }
        Ok(template)
    }

    async fn start_process(&self) -> Result<Running, LaunchError> {
        let lost = |error: io::Error| {
            LaunchError(format!("the template process can't be started: {error}"))
        };
        *self.printed.borrow_mut() = BoundedOutput::default();
        let (ours, theirs) = StdStream::pair().map_err(lost)?;
        let (reader, writer) = io::pipe().map_err(lost)?;
        let mut command = self
            .command(&[], theirs.into(), &writer.into())
            .map_err(lost)?;
        let process = command.process_group(0).spawn().map_err(lost)?;
        drop(command);
        let pid = Pid::from_child(&process);
        strays::know(pid);
        ours.set_nonblocking(true).map_err(lost)?;
        let control = UnixStream::from_std(ours).map_err(lost)?;
        let output = pipe::Receiver::from_owned_fd(reader.into()).map_err(lost)?;
        tokio::task::spawn_local(drain(output, Rc::clone(&self.printed)));
        let mut running = Running {
            process,
            pid,
            control,
            frames: FrameBuffer::default(),
            tickets: 0,
        };
        match timeout(READY_WAIT, running.receive()).await {
            Err(_) => Err(LaunchError(format!(
                "the imports took longer than {} s",
                READY_WAIT.as_secs()
            ))),
            Ok(Ok(FromTemplate::Ready {
                protocol: PROTOCOL_VERSION,
                ..
            })) => Ok(running),
            Ok(Ok(FromTemplate::Ready { protocol, .. })) => Err(LaunchError(format!(
                "the worker speaks version {protocol} of the protocol, this binary speaks {PROTOCOL_VERSION}"
            ))),
            Ok(Ok(FromTemplate::Failed { detail })) => Err(LaunchError(detail)),
            Ok(Ok(other)) => Err(LaunchError(format!(
                "the template process began with {other:?}"
            ))),
            Ok(Err(error)) => Err(LaunchError(format!("{error}{}", self.last_words()))),
        }
    }

    /// The end of what the template printed, for a message.
    fn last_words(&self) -> String {
        let output = std::mem::take(&mut *self.printed.borrow_mut()).finish();
        let text = if output.tail.is_empty() {
            output.head
        } else {
            output.tail
        };
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        match lines.last() {
            Some(last) => format!("; it printed: {last}"),
            None => String::new(),
        }
    }

    fn command(&self, arguments: &[&str], stdin: OwnedFd, output: &OwnedFd) -> io::Result<Command> {
        let Interpreter {
            python,
            pythonpath,
            bytecode,
            preloads,
            platforms,
            exports,
            ..
        } = &self.interpreter;
        let mut path = OsString::from(pythonpath);
        if let Some(existing) =
            std::env::var_os("PYTHONPATH").filter(|existing| !existing.is_empty())
        {
            path.push(":");
            path.push(existing);
        }
        let preloads: Vec<String> = preloads
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let mut command = Command::new(python);
        command
            .args(["-m", "assay.worker"])
            .args(arguments)
            .envs(SINGLE_THREADED)
            .env("PYTHONPATH", path)
            .env("PYTHONUNBUFFERED", "1")
            .env(PRELOADS, serde_json::to_string(&preloads)?)
            .env(PLATFORMS, serde_json::to_string(platforms)?)
            .env_remove(EXPORTS)
            .envs(exports.iter().map(|folder| (EXPORTS, folder)))
            .stdin(Stdio::from(stdin))
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(output.try_clone()?));
        if let Some(folder) = bytecode {
            command
                .env("PYTHONPYCACHEPREFIX", folder)
                .env_remove("PYTHONDONTWRITEBYTECODE");
        }
        Ok(command)
    }

    /// A worker in a process of its own.
    fn spawn(&self, because: String) -> io::Result<Worker> {
        let (ours, theirs) = StdStream::pair()?;
        let (reader, writer) = io::pipe()?;
        let mut command = self.command(&["--once"], theirs.into(), &writer.into())?;
        let process = command.spawn()?;
        worker(
            ours,
            reader.into(),
            Pid::from_child(&process),
            Some(because),
        )
    }

    async fn fork(&self, running: &mut Running) -> Result<Worker, LaunchError> {
        let lost = |error: io::Error| LaunchError(format!("the template process is lost: {error}"));
        let (ours, theirs) = StdStream::pair().map_err(lost)?;
        let (reader, writer) = io::pipe().map_err(lost)?;
        let answer = timeout(FORK_WAIT, running.request(&theirs.into(), &writer.into())).await;
        match answer {
            Err(_) => Err(LaunchError(format!(
                "a fork took longer than {} s",
                FORK_WAIT.as_secs()
            ))),
            Ok(Err(error)) => Err(lost(error)),
            Ok(Ok(FromTemplate::Forked { pid, .. })) => {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                let pid = pid
                    .ok_or_else(|| LaunchError("the template process forked no process".into()))?;
                worker(ours, reader.into(), pid, None).map_err(lost)
            }
            Ok(Ok(FromTemplate::Unsafe { reason, .. })) => self.spawn(reason).map_err(lost),
            Ok(Ok(other)) => Err(LaunchError(format!(
                "the template process answered a fork with {other:?}"
            ))),
        }
    }
}

/// A template for each Python environment, and the programs.
pub(crate) struct Templates(Vec<Starter>);

enum Starter {
    Template(Box<Template>),
    Program {
        path: PathBuf,
        arguments: Vec<String>,
    },
}

impl Templates {
    /// Starts them, one after the other, and waits until their imports are done.
    pub(crate) async fn start(environments: Vec<Environment>) -> Result<Self, LaunchError> {
        let mut started = Vec::with_capacity(environments.len());
        for environment in environments {
            let interpreter = match environment {
                Environment::Python(interpreter) => interpreter,
                Environment::Program { path, arguments } => {
                    started.push(Starter::Program { path, arguments });
                    continue;
                }
            };
            let python = interpreter.python.display().to_string();
            let template = Template::start(interpreter).await;
            let template = template.map_err(|LaunchError(detail)| {
                LaunchError(if started.is_empty() {
                    detail
                } else {
                    format!("{python}: {detail}")
                })
            })?;
            started.push(Starter::Template(Box::new(template)));
        }
        Ok(Self(started))
    }
}

impl Executor for Templates {
    async fn launch(&self, environment: usize) -> Result<Worker, LaunchError> {
        match self.0.get(environment) {
            Some(Starter::Template(template)) => template.launch().await,
            Some(Starter::Program { path, arguments }) => {
                run_program(path, arguments).map_err(|error| {
                    LaunchError(format!("{} can't be started: {error}", path.display()))
                })
            }
            None => Err(LaunchError(format!(
                "there is no environment {environment}"
            ))),
        }
    }

    async fn sweep(&self) -> u32 {
        // Under the locks, so that no fork is under way.
        let mut forking = Vec::with_capacity(self.0.len());
        for starter in &self.0 {
            if let Starter::Template(template) = starter {
                forking.push(template.running.lock().await);
            }
        }
        strays::sweep()
    }
}

/// A worker that is a program of its own.
fn run_program(path: &Path, arguments: &[String]) -> io::Result<Worker> {
    let (ours, theirs) = StdStream::pair()?;
    let (reader, writer) = io::pipe()?;
    let process = Command::new(path)
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(OwnedFd::from(writer.try_clone()?)))
        .stderr(Stdio::from(OwnedFd::from(writer)))
        .process_group(0)
        .spawn()?;
    worker(ours, reader.into(), Pid::from_child(&process), None)
}

impl Template {
    async fn launch(&self) -> Result<Worker, LaunchError> {
        if self.interpreter.always_spawn {
            let lost = |error: io::Error| {
                LaunchError(format!("no worker process can be started: {error}"))
            };
            return self.spawn("spawning was asked for".into()).map_err(lost);
        }
        let mut slot = self.running.lock().await;
        loop {
            let running = match &mut *slot {
                Some(running) => running,
                None => slot.insert(self.start_process().await?),
            };
            match self.fork(running).await {
                Ok(worker) => return Ok(worker),
                Err(error) => {
                    // It is of no use any more, whatever was wrong with it.
                    *slot = None;
                    if *self.restarts.borrow() >= RESTARTS {
                        return Err(error);
                    }
                    *self.restarts.borrow_mut() += 1;
                }
            }
        }
    }
}

impl Running {
    async fn request(&mut self, socket: &OwnedFd, output: &OwnedFd) -> io::Result<FromTemplate> {
        self.tickets += 1;
        let ticket = self.tickets;
        let message = frame(&ToTemplate::Fork { ticket });
        let descriptors = [socket.as_fd(), output.as_fd()];
        let sent = self
            .control
            .async_io(Interest::WRITABLE, || {
                let mut space =
                    [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
                let mut ancillary = SendAncillaryBuffer::new(&mut space);
                ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
                Ok(sendmsg(
                    &self.control,
                    &[IoSlice::new(&message)],
                    &mut ancillary,
                    SendFlags::NOSIGNAL,
                )?)
            })
            .await?;
        if sent != message.len() {
            return Err(io::Error::other("a fork request was cut"));
        }
        match self.receive().await? {
            answer @ (FromTemplate::Forked { ticket: of, .. }
            | FromTemplate::Unsafe { ticket: of, .. })
                if of != ticket =>
            {
                Err(io::Error::other(format!(
                    "an answer to another request: {answer:?}"
                )))
            }
            answer => Ok(answer),
        }
    }

    async fn receive(&mut self) -> io::Result<FromTemplate> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(message) = self.frames.next().map_err(io::Error::other)? {
                return Ok(message);
            }
            self.control.readable().await?;
            match self.control.try_read(&mut buffer) {
                Ok(0) => return Err(io::Error::other("it ended without a word")),
                Ok(count) => self.frames.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn worker(
    ours: StdStream,
    output: OwnedFd,
    pid: Pid,
    spawned_because: Option<String>,
) -> io::Result<Worker> {
    ours.set_nonblocking(true)?;
    Ok(Worker {
        process: Some(Process::adopt(pid)?),
        socket: UnixStream::from_std(ours)?,
        output: pipe::Receiver::from_owned_fd(output)?,
        spawned_because,
    })
}

/// Reads what the template prints until it is gone, so that it never waits for a reader.
async fn drain(output: pipe::Receiver, into: Rc<RefCell<BoundedOutput>>) {
    let mut buffer = [0; 4096];
    while output.readable().await.is_ok() {
        match output.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => into.borrow_mut().push(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
