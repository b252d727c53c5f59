use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::{getpid, set_child_subreaper};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::LocalSet;

use crate::executor::Executor;
use crate::limits::Limits;
use crate::notice::{Flow, Notice, Task};
use crate::signals::{Order, Orders};
use crate::template::{Environment, Templates};
use crate::unit::Unit;

/// How a run is executed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Units at a time.
    pub workers: usize,
    /// Per check and per unit.
    pub limits: Limits,
    /// A folder for the scratch folders of workers.
    pub scratch: PathBuf,
    /// Whether SIGINT and SIGTERM stop the run.
    pub handle_signals: bool,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunSummary {
    /// Wall-clock time.
    pub wall: Duration,
    /// A second signal came: the caller should leave at once.
    pub killed: bool,
}

/// Why nothing could be run.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The system refuses what the runner needs.
    #[error("the runner can't be set up: {0}")]
    Setup(#[from] std::io::Error),
    /// The template process did not come up: a broken environment, a preload that raised.
    #[error("{0}")]
    Template(String),
}

/// Holds the template processes, one for each Python environment, and runs lists of tasks in their children.
///
/// It makes this process a subreaper, and kills children of this process that it doesn't know when a unit ends: it wants a process to
/// itself. Dropping it ends the templates.
pub struct Runner {
    runtime: Runtime,
    local: LocalSet,
    templates: Rc<Templates>,
}

impl Runner {
    /// Starts the template processes, and waits until their imports are done.
    ///
    /// # Errors
    /// [`RunnerError`]; a preload that raises is named with its line.
    pub fn start(environments: Vec<Environment>) -> Result<Self, RunnerError> {
        set_child_subreaper(Some(getpid())).map_err(std::io::Error::from)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let local = LocalSet::new();
        let templates = local
            .block_on(&runtime, Templates::start(environments))
            .map_err(|error| RunnerError::Template(error.to_string()))?;
        Ok(Self {
            runtime,
            local,
            templates: Rc::new(templates),
        })
    }

    /// Runs tasks. `sink` takes every notice, in one order, and may stop the run.
    ///
    /// # Errors
    /// [`RunnerError::Setup`] if signals can't be watched. What happens to workers is never an error here.
    pub fn run(
        &self,
        tasks: Vec<Task>,
        settings: &Settings,
        sink: &mut dyn FnMut(Notice) -> Flow,
    ) -> Result<RunSummary, RunnerError> {
        let began = Instant::now();
        let run = dispatch(Rc::clone(&self.templates), tasks, settings, sink);
        let killed = self.local.block_on(&self.runtime, run)?;
        Ok(RunSummary {
            wall: began.elapsed(),
            killed,
        })
    }
}

/// The event loop: units send notices, signals give orders, and the sink hears of everything in one order.
async fn dispatch<E: Executor>(
    executor: Rc<E>,
    tasks: Vec<Task>,
    settings: &Settings,
    sink: &mut dyn FnMut(Notice) -> Flow,
) -> Result<bool, RunnerError> {
    let (notices, mut heard) = mpsc::unbounded_channel();
    let (order, orders) = watch::channel(Order::Run);
    let queue = Rc::new(Queue::new(tasks));
    for _ in 0..settings.workers.max(1) {
        tokio::task::spawn_local(work(
            Rc::clone(&executor),
            Rc::clone(&queue),
            settings.clone(),
            notices.clone(),
            orders.clone(),
        ));
    }
    // The loop below ends when the last worker drops its end.
    drop((notices, orders));
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut signals = 0;
    loop {
        let name = tokio::select! {
            biased;
            _ = interrupt.recv(), if settings.handle_signals => "SIGINT",
            _ = terminate.recv(), if settings.handle_signals => "SIGTERM",
            notice = heard.recv() => {
                let Some(notice) = notice else { return Ok(signals > 1) };
                if let Flow::Stop(why) = sink(notice) {
                    order.send_if_modified(|order| {
                        let first = *order == Order::Run;
                        if first {
                            *order = Order::Stop(why);
                        }
                        first
                    });
                }
                continue;
            }
        };
        signals += 1;
        let why = format!("interrupted by {name}");
        if signals == 1 {
            let _ = sink(Notice::Interrupted {
                signal: name.into(),
            });
            order.send_replace(Order::Stop(why));
        } else {
            order.send_replace(Order::Kill(why));
        }
    }
}

/// One of the workers: takes the next task until there is none.
async fn work<E: Executor>(
    executor: Rc<E>,
    queue: Rc<Queue>,
    settings: Settings,
    notices: mpsc::UnboundedSender<Notice>,
    orders: Orders,
) {
    while let Some((number, task)) = queue.next().await {
        let group = task.group;
        let unit = Unit {
            number,
            executor: &*executor,
            limits: task.limits.unwrap_or(settings.limits),
            scratch: &settings.scratch,
            notices: &notices,
            orders: orders.clone(),
        };
        unit.run(task).await;
        queue.done(group);
    }
}

/// The tasks that nobody has taken yet, the longest first, so that none is left to run alone at the end; one of unknown length counts
/// as long, since to begin it late could cost most.
struct Queue {
    waiting: RefCell<VecDeque<(u32, Task)>>,
    /// How many of each group run.
    running: RefCell<HashMap<u32, usize>>,
    /// Wakes those that wait for a group.
    ended: Notify,
}

impl Queue {
    fn new(tasks: Vec<Task>) -> Self {
        let mut numbered: Vec<(u32, Task)> = (0..).zip(tasks).collect();
        let length = |task: &Task| task.estimate_seconds.unwrap_or(f64::INFINITY);
        numbered.sort_by(|(_, a), (_, b)| length(b).total_cmp(&length(a)));
        Self {
            waiting: RefCell::new(numbered.into()),
            running: RefCell::default(),
            ended: Notify::new(),
        }
    }

    /// The first task whose group has room, when there is one; none when all are taken.
    async fn next(&self) -> Option<(u32, Task)> {
        loop {
            // Before the look, so that an end in between is not missed.
            let ended = self.ended.notified();
            if let Some(taken) = self.take() {
                return Some(taken);
            }
            if self.waiting.borrow().is_empty() {
                return None;
            }
            ended.await;
        }
    }

    fn take(&self) -> Option<(u32, Task)> {
        let mut running = self.running.borrow_mut();
        let mut waiting = self.waiting.borrow_mut();
        let has_room = |task: &Task| {
            task.group
                .is_none_or(|(group, most)| running.get(&group).copied().unwrap_or(0) < most.max(1))
        };
        let index = waiting.iter().position(|(_, task)| has_room(task))?;
        let taken = waiting.remove(index)?;
        if let Some((group, _)) = taken.1.group {
            *running.entry(group).or_insert(0) += 1;
        }
        Some(taken)
    }

    fn done(&self, group: Option<(u32, usize)>) {
        if let Some((group, _)) = group
            && let Some(count) = self.running.borrow_mut().get_mut(&group)
        {
            *count -= 1;
        }
        self.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use assay_model::protocol::Job;

    use super::*;

    fn task(seconds: f64, group: Option<(u32, usize)>) -> Task {
        Task {
            estimate_seconds: Some(seconds),
            group,
            ..Task::new(Job::Discover)
        }
    }

    #[test]
    fn the_longest_comes_first_and_a_full_group_waits_while_others_go_on() {
        let one = Some((7, 1));
        let queue = Queue::new(vec![task(1.0, None), task(9.0, one), task(5.0, one)]);
        let numbers = |taken: Option<(u32, Task)>| taken.map(|(number, _)| number);
        assert_eq!(numbers(queue.take()), Some(1));
        assert_eq!(numbers(queue.take()), Some(0));
        assert_eq!(numbers(queue.take()), None);
        queue.done(one);
        assert_eq!(numbers(queue.take()), Some(2));
    }
}
