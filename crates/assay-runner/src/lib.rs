//! Executes tasks in workers: isolation, limits, scheduling, signals. Says how each case *ended*; never judges.
//!
//! - [`Runner`] is the entry: it holds one template process over several [`Runner::run`] calls
//! - `dispatcher` is the one event loop: everything that happens passes through it in one order, as a [`Notice`]
//! - `unit` is the state machine of one task: the children that it takes, one after the other
//! - `executor` is the seam: `template` forks real workers, tests put a scripted one in its place
//!
//! What holds, whatever a worker does: every check of every task gets exactly one [`Notice::CaseEnded`]; a lost worker costs
//! the case that it was in; processes, scratch folders and sockets that it leaves are cleaned up.

mod child;
mod dispatcher;
mod executor;
mod framing;
mod limits;
mod notice;
mod output;
mod scratch;
mod signals;
mod strays;
mod template;
mod unit;

pub use dispatcher::{RunSummary, Runner, RunnerError, Settings};
pub use limits::Limits;
pub use notice::{Flow, Notice, Task};
pub use template::{Environment, Interpreter};
