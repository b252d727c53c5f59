use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::load::{Load, schedule};
use super::pacing::Moments;
use super::record::Record;

/// How long it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// What is due before is asked, and not counted.
    pub warmup: Duration,
    /// After it, how long requests are due.
    pub lasts: Duration,
    /// Requests that are counted, at most.
    pub requests: Option<u64>,
}

/// What makes moments out of a schedule.
pub(super) type Pacing = fn(Instant, Offsets) -> Moments;

/// When requests are due, from the beginning.
pub(super) type Offsets = Box<dyn Iterator<Item = Duration> + Send>;

/// Puts a load on a server, and hands out each record once it is whole. Says how many requests there were at a time, at most.
///
/// In an open loop a request is due by the schedule whatever became of others; where more than `most` are under way it waits, and the time
/// that it waits is its own. In a closed loop it is due when its user is free.
pub(super) async fn drive<A, F>(
    (load, span, seed): (Load, Span, u64),
    began: Instant,
    pacing: Pacing,
    most: usize,
    ask: A,
    each: &mut (dyn FnMut(Record) + Send),
) -> usize
where
    A: Fn(u64, Instant) -> F,
    F: Future<Output = Record> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(most.max(1)));
    let mut number = 0;
    let mut start = |running: &mut JoinSet<Record>, due: Instant| {
        let asked = ask(number, due);
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await;
            asked.await
        });
        number += 1;
    };
    let mut running = JoinSet::new();
    let mut peak = 0;
    match load {
        Load::Open { rate, arrivals } => {
            let offsets = Box::new(until(span, schedule(rate, arrivals, seed)));
            let mut moments = pacing(began, offsets);
            let mut is_open = true;
            while is_open || !running.is_empty() {
                tokio::select! {
                    moment = moments.recv(), if is_open => match moment {
                        Some(due) => start(&mut running, due),
                        None => is_open = false,
                    },
                    Some(done) = running.join_next() => taken(done, each),
                }
                peak = peak.max(running.len());
            }
        }
        Load::Closed { users } => {
            let mut free = u64::from(users);
            let mut counted = 0;
            loop {
                while free > 0 {
                    let now = Instant::now();
                    let is_counted = now >= began + span.warmup;
                    let is_over = now >= began + span.warmup + span.lasts
                        || is_counted && span.requests.is_some_and(|most| counted >= most);
                    if is_over {
                        break;
                    }
                    counted += u64::from(is_counted);
                    free -= 1;
                    start(&mut running, now);
                }
                peak = peak.max(running.len());
                let Some(done) = running.join_next().await else {
                    break;
                };
                taken(done, each);
                free += 1;
            }
        }
    }
    peak
}

/// A task that panicked would be a bug of this crate: it is passed on.
fn taken(done: Result<Record, tokio::task::JoinError>, each: &mut (dyn FnMut(Record) + Send)) {
    match done {
        Ok(record) => each(record),
        Err(error) => {
            if let Ok(panic) = error.try_into_panic() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// What of a schedule is due within a span.
fn until(span: Span, schedule: impl Iterator<Item = Duration>) -> impl Iterator<Item = Duration> {
    let mut counted = 0;
    schedule.take_while(move |at| {
        counted += u64::from(*at >= span.warmup);
        *at < span.warmup + span.lasts && span.requests.is_none_or(|most| counted <= most)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::Arrivals;
    use crate::bench::pacing::by_timer;
    use crate::bench::results::Results;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn span(warmup: u64, lasts: u64, requests: Option<u64>) -> Span {
        Span {
            warmup: Duration::from_secs(warmup),
            lasts: Duration::from_secs(lasts),
            requests,
        }
    }

    fn open(rate: f64) -> Load {
        Load::Open {
            rate,
            arrivals: Arrivals::Constant,
        }
    }

    /// A server that takes a millisecond for each request, but for one for which it takes two seconds; on a clock that the test turns.
    async fn driven(load: Load, span: Span, most: usize) -> (Results, usize) {
        let began = Instant::now();
        let ask = |number, due| async move {
            let mut record = Record::due(due);
            let takes = if number == 300 { 2000 } else { 1 };
            tokio::time::sleep(takes * MILLISECOND).await;
            record.ended = Instant::now();
            record.chunks = vec![record.ended];
            record.pieces = 1;
            record
        };
        let mut results = Results::new(began, span, None);
        let peak = drive((load, span, 1), began, by_timer, most, ask, &mut |record| {
            results.take(&record);
        })
        .await;
        (results, peak)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_while_a_server_stalls_waits_and_its_wait_counts() {
        let (results, peak) = driven(open(100.0), span(0, 10, None), 1).await;
        assert_eq!(results.requests, 1000);
        // By itself each but one took a millisecond: who counts from sending sees one request in a thousand.
        assert!(results.service.quantile(0.99) < 3.0, "{results:?}");
        // Two hundred were due meanwhile, a fifth of all.
        assert!(results.end_to_end.quantile(0.99) > 1500.0, "{results:?}");
        assert!(results.ttft.quantile(0.99) > 1500.0, "{results:?}");
        assert!(results.end_to_end.quantile(0.5) < 3.0, "{results:?}");
        assert!(results.queueing.quantile(0.99) > 1500.0, "{results:?}");
        assert!(peak > 150, "{peak}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_loop_omits_what_an_open_one_sees() {
        let (results, _) = driven(Load::Closed { users: 1 }, span(0, 10, None), 1).await;
        assert!(results.requests > 3000, "{results:?}");
        assert!(results.end_to_end.quantile(0.99) < 3.0, "{results:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_while_it_warms_up_is_left_out() {
        let (results, _) = driven(open(100.0), span(5, 10, None), 100).await;
        assert_eq!((results.requests, results.all.sent), (1000, 1500));
        // The stall was at the third second.
        assert!(results.end_to_end.quantile(1.0) < 3.0, "{results:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_number_of_requests_ends_either_loop() {
        for load in [open(100.0), Load::Closed { users: 4 }] {
            let (results, peak) = driven(load, span(1, 10, Some(50)), 100).await;
            assert_eq!(results.requests, 50, "{load:?}");
            assert!(peak <= 4, "{peak}");
        }
    }
}
