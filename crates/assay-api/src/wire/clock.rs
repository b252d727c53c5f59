//! A bound on waiting.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use tokio::time::{Instant, Sleep, sleep_until};

/// Ends what takes too long. One serves a whole call: to move it on costs no lock.
#[derive(Debug)]
pub(super) struct Clock(Pin<Box<Sleep>>);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Box::pin(sleep_until(Instant::now())))
    }

    /// What comes of it, if that comes in time.
    pub(super) async fn until<T>(
        &mut self,
        end: Instant,
        its: impl Future<Output = T>,
    ) -> Option<T> {
        let mut its = pin!(its);
        let mut is_set = false;
        poll_fn(|context| {
            if let std::task::Poll::Ready(done) = its.as_mut().poll(context) {
                return std::task::Poll::Ready(Some(done));
            }
            // What is there at once needs no clock.
            if !std::mem::replace(&mut is_set, true) {
                self.0.as_mut().reset(end);
            }
            self.0.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}
