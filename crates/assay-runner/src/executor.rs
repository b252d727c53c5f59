use std::future::Future;

use crate::child::Worker;

/// Why no worker could be started.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LaunchError(pub(crate) String);

/// What starts workers: the template in life, a script in the dispatcher's tests.
pub(crate) trait Executor: 'static {
    /// Starts a worker in one of the environments, which says `Hello` and waits for its job.
    fn launch(&self, environment: usize) -> impl Future<Output = Result<Worker, LaunchError>>;

    /// Kills what workers that are gone left behind; how many processes that were.
    fn sweep(&self) -> impl Future<Output = u32>;
}
