use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;

/// Moments that are handed out when they come.
pub(super) type Moments = Receiver<Instant>;

/// How far a moment may be ahead of who takes it.
const WAITING: usize = 1024;

/// Hands out moments by a thread that sleeps up to each. Tokio's own timer counts whole milliseconds, and would be late by up to one.
pub(super) fn by_thread(
    began: Instant,
    schedule: impl Iterator<Item = Duration> + Send + 'static,
) -> Moments {
    let (sender, moments) = channel(WAITING);
    std::thread::spawn(move || {
        for offset in schedule {
            let moment = began + offset;
            let left = moment.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                std::thread::sleep(left);
            }
            if sender.blocking_send(moment).is_err() {
                return;
            }
        }
    });
    moments
}

/// The same by tokio's timer, for a clock that a test turns.
#[cfg(test)]
pub(super) fn by_timer(
    began: Instant,
    schedule: impl Iterator<Item = Duration> + Send + 'static,
) -> Moments {
    let (sender, moments) = channel(WAITING);
    tokio::spawn(async move {
        for offset in schedule {
            let moment = began + offset;
            tokio::time::sleep_until(moment).await;
            if sender.send(moment).await.is_err() {
                return;
            }
        }
    });
    moments
}
