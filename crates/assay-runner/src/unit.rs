use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use assay_model::event::Output;
use assay_model::protocol::{FromChild, Job, PROTOCOL_VERSION, ToChild};
use assay_model::{CheckId, Ending};
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep_until, timeout};

use crate::child::{Exit, Process, Worker};
use crate::executor::Executor;
use crate::framing::{FrameBuffer, frame};
use crate::limits::{self, Limits, MEMORY_POLL};
use crate::notice::{Notice, Task};
use crate::output::BoundedOutput;
use crate::scratch::{Scratch, bytes_in};
use crate::signals::{self, Orders};

/// How long a worker that closed its socket may take to leave before it counts as one that merely closed it.
const LEAVE_WAIT: Duration = Duration::from_millis(500);

/// How often a worker's files are counted. A disk takes about a gigabyte in a second; counting takes microseconds for the few files of a unit.
const DISK_POLL: Duration = Duration::from_secs(1);

/// Bytes read from a pipe or socket at a time.
const READ_BYTES: usize = 64 * 1024;

/// Runs one task to its end, in as many workers, one after the other, as it takes.
pub(crate) struct Unit<'a, E> {
    pub(crate) number: u32,
    pub(crate) executor: &'a E,
    pub(crate) limits: Limits,
    pub(crate) scratch: &'a Path,
    pub(crate) notices: &'a UnboundedSender<Notice>,
    pub(crate) orders: Orders,
}

/// What one worker came to.
struct Life {
    /// Why it was lost; none if it did all that it was asked.
    lost: Option<Lost>,
    cpu_seconds: f64,
    peak_memory_bytes: u64,
}

/// A worker that did not finish.
struct Lost {
    ending: Ending,
    /// It was in this check: the others can still run. Otherwise there is no use in trying again.
    open: Option<(CheckId, Instant)>,
}

impl<E: Executor> Unit<'_, E> {
    /// Runs the task; every check of it gets its `CaseEnded`.
    pub(crate) async fn run(mut self, task: Task) {
        let mut left: VecDeque<CheckId> = match &task.job {
            Job::Check { checks, .. } => checks.iter().cloned().collect(),
            Job::Discover | Job::Probe { .. } | Job::Detect { .. } => VecDeque::new(),
        };
        let deadline = Instant::now() + self.limits.unit;
        loop {
            if let Some(why) = self.orders.borrow().why().map(str::to_owned) {
                return self.end_all(&mut left, &Ending::NotRun { why });
            }
            let worker = match self.executor.launch(task.environment).await {
                Ok(worker) => worker,
                Err(error) => {
                    let why = format!("no worker could be started: {error}");
                    let lost = Some(Ending::NotRun { why: why.clone() });
                    self.tell(Notice::UnitEnded {
                        unit: self.number,
                        lost,
                        cpu_seconds: 0.0,
                        peak_memory_bytes: 0,
                        output: Output::default(),
                        strays: 0,
                    });
                    return self.end_all(&mut left, &Ending::NotRun { why });
                }
            };
            let lost = self.live(worker, &task.job, &mut left, deadline).await;
            match lost {
                None => {
                    let detail = "the worker finished without reporting this check".to_owned();
                    return self.end_all(&mut left, &Ending::ProtocolBroken { detail });
                }
                Some(Lost {
                    ending,
                    open: Some((check, began)),
                }) => {
                    left.retain(|other| *other != check);
                    self.case_ended(check.clone(), ending.clone(), began.elapsed());
                    if task.gates.contains(&check) {
                        let why =
                            format!("it begins with what {check} asks, which was lost: {ending}");
                        return self.end_all(&mut left, &Ending::NotRun { why });
                    }
                    let of_unit =
                        matches!(&ending, Ending::TimedOut { scope, .. } if scope == "unit");
                    if of_unit || left.is_empty() {
                        return self.end_all(&mut left, &ending);
                    }
                }
                Some(Lost { ending, open: None }) => return self.end_all(&mut left, &ending),
            }
        }
    }

    /// One worker from its first to its last moment.
    async fn live(
        &mut self,
        mut worker: Worker,
        job: &Job,
        left: &mut VecDeque<CheckId>,
        deadline: Instant,
    ) -> Option<Lost> {
        let pid = worker.process.as_ref().map_or(0, |process| {
            process.pid.as_raw_nonzero().get().unsigned_abs()
        });
        let spawned_because = worker.spawned_because.take();
        self.tell(Notice::UnitStarted {
            unit: self.number,
            pid,
            spawned_because,
        });
        let mut output = BoundedOutput::default();
        // The folder goes when this ends, after the processes that could write to it are gone.
        let scratch = Scratch::create(self.scratch, &format!("unit-{}-{pid}", self.number));
        let life = match &scratch {
            Ok(scratch) => {
                self.converse(
                    &mut worker,
                    job,
                    left,
                    deadline,
                    scratch.path(),
                    &mut output,
                )
                .await
            }
            Err(error) => {
                let why = format!("no worker could be started: no scratch folder: {error}");
                Life::lost(Ending::NotRun { why }, None)
            }
        };
        if let Some(process) = &worker.process {
            process.end().await;
        }
        drain(&worker, &mut output);
        let strays = self.executor.sweep().await;
        let Life {
            lost,
            cpu_seconds,
            peak_memory_bytes,
        } = life;
        self.tell(Notice::UnitEnded {
            unit: self.number,
            lost: lost.as_ref().map(|lost| lost.ending.clone()),
            cpu_seconds,
            peak_memory_bytes,
            output: output.finish(),
            strays,
        });
        lost
    }

    /// Everything between hello and the last message.
    async fn converse(
        &mut self,
        worker: &mut Worker,
        job: &Job,
        left: &mut VecDeque<CheckId>,
        unit_deadline: Instant,
        scratch: &Path,
        output: &mut BoundedOutput,
    ) -> Life {
        let mut talk = Talk {
            unit: self.number,
            notices: self.notices,
            frames: FrameBuffer::default(),
            doing: Doing::Outside("starting".into()),
            greeted: false,
            finished: None,
            answered: matches!(job, Job::Check { .. }),
            left,
        };
        let mut deadline = Instant::now() + self.limits.check;
        let mut poll = tokio::time::interval(MEMORY_POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut disk = tokio::time::interval(DISK_POLL);
        disk.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut resident_at_start = None;
        let mut bytes = vec![0; READ_BYTES];
        let mut output_open = true;
        loop {
            let process = worker.process.as_ref();
            tokio::select! {
                // In this order: what a worker said counts before what became of it.
                biased;
                ready = worker.socket.readable() => {
                    let closed = match ready.and_then(|()| worker.socket.try_read(&mut bytes)) {
                        Ok(0) => true,
                        Ok(count) => {
                            talk.frames.push(&bytes[..count]);
                            false
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
                        Err(_) => true,
                    };
                    match talk.hear() {
                        Ok(heard) => {
                            if heard {
                                deadline = Instant::now() + self.limits.check;
                            }
                        }
                        Err(detail) => return talk.lost(Ending::ProtocolBroken { detail }),
                    }
                    if talk.greeted && resident_at_start.is_none() {
                        resident_at_start = Some(process.and_then(|p| limits::resident_bytes(p.pid)).unwrap_or(0));
                        if let Err(error) = self.begin(worker, job, talk.left, scratch).await {
                            return talk.lost(Ending::NotRun { why: format!("no worker could be started: {error}") });
                        }
                    }
                    if closed {
                        return self.socket_closed(worker, talk).await;
                    }
                }
                ready = worker.output.readable(), if output_open => {
                    match ready.and_then(|()| worker.output.try_read(&mut bytes)) {
                        Ok(0) => output_open = false,
                        Ok(count) => output.push(&bytes[..count]),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => output_open = false,
                    }
                }
                () = left_of(process) => {
                    // What it said last is in the socket's buffer, even if somebody else still holds the other end.
                    while let Ok(count @ 1..) = worker.socket.try_read(&mut bytes) {
                        talk.frames.push(&bytes[..count]);
                    }
                    if let Err(detail) = talk.hear() {
                        return talk.lost(Ending::ProtocolBroken { detail });
                    }
                    return self.left(worker, talk).await;
                }
                () = sleep_until(deadline.min(unit_deadline)) => {
                    self.terminate(worker, output).await;
                    let whole = unit_deadline <= deadline;
                    let limit = if whole { self.limits.unit } else { self.limits.check };
                    let scope = match (&talk.doing, whole) {
                        (_, true) => "unit".to_owned(),
                        (Doing::Check(..), false) => "check".to_owned(),
                        (Doing::Outside(stage), false) => format!("stage `{stage}`"),
                    };
                    return talk.lost(Ending::TimedOut { limit_seconds: limit.as_secs_f64(), scope });
                }
                _ = poll.tick(), if self.limits.memory_bytes.is_some() && resident_at_start.is_some() => {
                    let limit = self.limits.memory_bytes.unwrap_or(u64::MAX);
                    let resident = process.and_then(|p| limits::resident_bytes(p.pid)).unwrap_or(0);
                    if resident.saturating_sub(resident_at_start.unwrap_or(0)) > limit {
                        if let Some(process) = process {
                            process.signal(Signal::KILL);
                        }
                        return talk.lost(Ending::OutOfMemory { limit_bytes: limit });
                    }
                }
                _ = disk.tick(), if self.limits.memory_bytes.is_some() && resident_at_start.is_some() => {
                    let limit = self.limits.memory_bytes.unwrap_or(u64::MAX);
                    if bytes_in(scratch) > limit {
                        if let Some(process) = process {
                            process.signal(Signal::KILL);
                        }
                        let detail = format!("its files took more than {} MiB, and it was killed {}", limit >> 20, talk.doing);
                        return talk.lost(Ending::Crashed { signal: None, status: None, detail });
                    }
                }
                order = signals::stopped(&mut self.orders) => {
                    self.terminate(worker, output).await;
                    let why = order.why().unwrap_or_default().to_owned();
                    return Life::lost(Ending::NotRun { why }, None);
                }
            }
        }
    }

    /// Puts the limits on and hands the job over.
    async fn begin(
        &self,
        worker: &mut Worker,
        job: &Job,
        left: &VecDeque<CheckId>,
        folder: &Path,
    ) -> io::Result<()> {
        if let Some(process) = &worker.process {
            limits::restrict(process.pid, &self.limits)?;
        }
        let mut job = job.clone();
        if let Job::Check {
            checks, scratch, ..
        } = &mut job
        {
            *checks = left.iter().cloned().collect();
            *scratch = folder.into();
        }
        let message = frame(&ToChild::Start(Box::new(job)));
        // A worker that doesn't read must not hold the runner up.
        match timeout(self.limits.check, worker.socket.write_all(&message)).await {
            Ok(Ok(())) => Ok(()),
            // It is gone: what became of it is seen next.
            Ok(Err(_)) => Ok(()),
            Err(_) => Err(io::Error::other("it does not take its job")),
        }
    }

    /// SIGTERM to the group, and SIGKILL if that doesn't help in time; at once if all must end at once.
    async fn terminate(&mut self, worker: &Worker, output: &mut BoundedOutput) {
        let Some(process) = &worker.process else {
            return;
        };
        process.signal(Signal::TERM);
        let patience = async {
            let mut bytes = vec![0; READ_BYTES];
            // It may need its output read to get as far as leaving.
            while worker.output.readable().await.is_ok() {
                match worker.output.try_read(&mut bytes) {
                    Ok(0) => break,
                    Ok(count) => output.push(&bytes[..count]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
            }
            std::future::pending::<()>().await;
        };
        let mut orders = self.orders.clone();
        tokio::select! {
            () = process.left() => {}
            () = tokio::time::sleep(self.limits.grace) => {}
            () = signals::killed(&mut orders) => {}
            () = patience => {}
        }
        process.signal(Signal::KILL);
    }

    /// The worker can't speak any more: it is leaving, or it closed its socket and goes on in silence.
    async fn socket_closed(&self, worker: &Worker, talk: Talk<'_>) -> Life {
        let Some(process) = &worker.process else {
            return self.left(worker, talk).await;
        };
        if talk.finished.is_some() {
            // All is said; an interpreter with torch in it can take a while to take itself down.
            let _ = timeout(self.limits.grace, process.left()).await;
            return self.left(worker, talk).await;
        }
        if timeout(LEAVE_WAIT, process.left()).await.is_ok() {
            return self.left(worker, talk).await;
        }
        let detail = format!("closed its socket {}", talk.doing);
        process.signal(Signal::KILL);
        talk.lost(Ending::Crashed {
            signal: None,
            status: None,
            detail,
        })
    }

    /// The worker has left: as it should, or not.
    async fn left(&self, worker: &Worker, mut talk: Talk<'_>) -> Life {
        if let Some((cpu_seconds, peak_memory_bytes)) = talk.finished.take()
            && talk.answered
        {
            return Life {
                lost: None,
                cpu_seconds,
                peak_memory_bytes,
            };
        }
        let exit = match &worker.process {
            Some(process) => process.end().await,
            None => Exit {
                signal: None,
                status: None,
            },
        };
        let how = match exit {
            Exit {
                signal: Some(signal),
                ..
            } => format!("killed by {}", signals::name(signal)),
            Exit {
                status: Some(status),
                ..
            } => format!("left with status {status} without a word"),
            Exit { .. } => "left without a word".to_owned(),
        };
        let detail = format!("{how} {}", talk.doing);
        talk.lost(Ending::Crashed {
            signal: exit.signal,
            status: exit.status,
            detail,
        })
    }

    fn end_all(&self, left: &mut VecDeque<CheckId>, ending: &Ending) {
        for check in left.drain(..) {
            self.case_ended(check, ending.clone(), Duration::ZERO);
        }
    }

    fn case_ended(&self, check: CheckId, ending: Ending, took: Duration) {
        self.tell(Notice::CaseEnded {
            unit: self.number,
            check,
            ending,
            seconds: took.as_secs_f64(),
        });
    }

    fn tell(&self, notice: Notice) {
        // The dispatcher outlives every unit.
        let _ = self.notices.send(notice);
    }
}

impl Life {
    fn lost(ending: Ending, open: Option<(CheckId, Instant)>) -> Self {
        Self {
            lost: Some(Lost { ending, open }),
            cpu_seconds: 0.0,
            peak_memory_bytes: 0,
        }
    }
}

/// What a worker is doing, as far as it said.
enum Doing {
    Check(CheckId, Instant),
    Outside(String),
}

/// For the end of a sentence: `killed by SIGSEGV in forward.runs`.
impl std::fmt::Display for Doing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check(check, _) => write!(f, "in {check}"),
            Self::Outside(stage) => write!(f, "while {stage}"),
        }
    }
}

/// The conversation with one worker: what may be said when.
struct Talk<'a> {
    unit: u32,
    notices: &'a UnboundedSender<Notice>,
    frames: FrameBuffer,
    doing: Doing,
    greeted: bool,
    finished: Option<(f64, u64)>,
    answered: bool,
    /// Checks that have not been reported.
    left: &'a mut VecDeque<CheckId>,
}

impl Talk<'_> {
    /// Takes every whole message; whether there was one. An error says what was wrong.
    fn hear(&mut self) -> Result<bool, String> {
        let mut heard = false;
        while let Some(message) = self
            .frames
            .next::<FromChild>()
            .map_err(|error| error.to_string())?
        {
            heard = true;
            self.take(message)?;
        }
        Ok(heard)
    }

    fn take(&mut self, message: FromChild) -> Result<(), String> {
        let unit = self.unit;
        if self.finished.is_some() {
            return Err("it spoke after it had finished".into());
        }
        match (message, &self.doing) {
            (
                FromChild::Hello {
                    protocol: PROTOCOL_VERSION,
                },
                _,
            ) if !self.greeted => self.greeted = true,
            (FromChild::Hello { protocol }, _) if !self.greeted => {
                return Err(format!(
                    "it speaks version {protocol} of the protocol, not {PROTOCOL_VERSION}"
                ));
            }
            (_, _) if !self.greeted => return Err("it spoke before its hello".into()),
            (FromChild::Stage { name }, Doing::Outside(_)) => self.doing = Doing::Outside(name),
            (FromChild::CheckStarted { check }, Doing::Outside(_))
                if self.left.contains(&check) =>
            {
                self.doing = Doing::Check(check.clone(), Instant::now());
                self.tell(Notice::CheckStarted { unit, check });
            }
            (FromChild::Observed { check, observation }, Doing::Check(open, began))
                if check == *open =>
            {
                let seconds = began.elapsed().as_secs_f64();
                self.left.retain(|other| *other != check);
                self.doing = Doing::Outside(format!("after {check}"));
                self.tell(Notice::CaseEnded {
                    unit,
                    check,
                    ending: Ending::Observed(observation),
                    seconds,
                });
            }
            (FromChild::Evidence(evidence), Doing::Outside(_)) => {
                self.tell(Notice::Evidence { unit, evidence })
            }
            (FromChild::Discovered(discovered), Doing::Outside(_)) if !self.answered => {
                self.answered = true;
                self.tell(Notice::Discovered { discovered });
            }
            (FromChild::Probed(probed), Doing::Outside(_)) if !self.answered => {
                self.answered = true;
                self.tell(Notice::Probed { unit, probed });
            }
            (FromChild::Detected(present), Doing::Outside(_)) if !self.answered => {
                self.answered = true;
                self.tell(Notice::Detected { unit, present });
            }
            (
                FromChild::Finished {
                    cpu_seconds,
                    peak_memory_bytes,
                },
                Doing::Outside(_),
            ) => {
                self.finished = Some((cpu_seconds, peak_memory_bytes));
                self.doing = Doing::Outside("leaving".into());
            }
            (message, doing) => {
                return Err(format!(
                    "it said {} {doing}, which is not its to say",
                    kind(&message)
                ));
            }
        }
        Ok(())
    }

    fn tell(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }

    fn lost(self, ending: Ending) -> Life {
        let open = match self.doing {
            Doing::Check(check, began) => Some((check, began)),
            Doing::Outside(_) => None,
        };
        Life::lost(ending, open)
    }
}

/// What a message is, for an error.
fn kind(message: &FromChild) -> String {
    match message {
        FromChild::Hello { .. } => "`hello`".into(),
        FromChild::Stage { .. } => "`stage`".into(),
        FromChild::CheckStarted { check } => format!("`check_started` of {check}"),
        FromChild::Observed { check, .. } => format!("`observed` of {check}"),
        FromChild::Evidence(_) => "`evidence`".into(),
        FromChild::Discovered(_) => "`discovered`".into(),
        FromChild::Probed(_) => "`probed`".into(),
        FromChild::Detected(_) => "`detected`".into(),
        FromChild::Finished { .. } => "`finished`".into(),
    }
}

/// Comes back when the process has left; never for a scripted worker, whose end is that of its socket.
async fn left_of(process: Option<&Process>) {
    match process {
        Some(process) => process.left().await,
        None => std::future::pending().await,
    }
}

/// What is still in the output pipe.
fn drain(worker: &Worker, output: &mut BoundedOutput) {
    let mut bytes = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = worker.output.try_read(&mut bytes) {
        output.push(&bytes[..count]);
    }
}
