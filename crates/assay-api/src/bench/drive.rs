use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::load::{Arrivals, Load, schedule};
use super::pacing::Moments;
use super::record::Record;

/// How long it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// What is due before is asked, and not counted: no more than what counts, where that is bounded.
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

/// Requests that are due and wait, at most. What puts on more than a machine can send would fill its memory.
const WAITING: usize = 1 << 20;

/// What requests wait for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// How many are under way, at most.
    pub(super) most: usize,
    /// How long one that is due waits.
    pub(super) patience: Duration,
}

/// Puts a load on a server, and hands out each record once it is whole. Says how many requests there were at a time, at most.
///
/// In an open loop a request is due by the schedule whatever became of others; where as many are under way as may be it waits, and the time
/// that it waits is its own. In a closed loop it is due when its user is free. One that waits for too long is not sent, and where too many
/// wait none is sent any more: the records of those say it, since figures that leave them out are those of a lighter load.
pub(super) async fn drive<A, F>(
    (load, span, seed): (Load, Span, u64),
    began: Instant,
    pacing: Pacing,
    places: Places,
    ask: A,
    each: &mut (dyn FnMut(Record) + Send),
) -> usize
where
    A: Fn(u64, Instant) -> F,
    F: Future<Output = Record> + Send + 'static,
{
    let line = Line {
        ask,
        places,
        number: 0,
        waiting: VecDeque::new(),
        running: JoinSet::new(),
        peak: 0,
    };
    match load {
        Load::Open { rate, arrivals } => {
            let offsets = Box::new(due_within(span, rate, arrivals, seed));
            line.open(pacing(began, offsets), each).await
        }
        Load::Closed { users } => line.closed(users, span, began, each).await,
    }
}

/// Requests that are due, in their order, and those that are under way.
struct Line<A> {
    ask: A,
    places: Places,
    number: u64,
    waiting: VecDeque<Instant>,
    running: JoinSet<Record>,
    peak: usize,
}

impl<A, F> Line<A>
where
    A: Fn(u64, Instant) -> F,
    F: Future<Output = Record> + Send + 'static,
{
    async fn open(mut self, mut moments: Moments, each: &mut (dyn FnMut(Record) + Send)) -> usize {
        let mut is_open = true;
        while is_open || !self.running.is_empty() {
            tokio::select! {
                moment = moments.recv(), if is_open => {
                    is_open = moment.is_some_and(|due| self.take(due, each));
                    if !is_open {
                        moments.close();
                    }
                }
                Some(done) = self.running.join_next() => taken(done, each),
            }
            self.send(each);
        }
        self.peak
    }

    async fn closed(
        mut self,
        users: u32,
        span: Span,
        began: Instant,
        each: &mut (dyn FnMut(Record) + Send),
    ) -> usize {
        let from = began + span.warmup;
        let mut free = u64::from(users);
        let (mut before, mut within) = (0, 0);
        let mut is_open = true;
        loop {
            let mut is_held = false;
            while is_open && free > 0 {
                let now = Instant::now();
                let is_within = now >= from;
                let count = if is_within { &mut within } else { &mut before };
                let is_full = span.requests.is_some_and(|most| *count >= most);
                is_held = is_full && !is_within;
                is_open = now < from + span.lasts && !(is_full && is_within);
                if is_held || !is_open {
                    break;
                }
                *count += 1;
                free -= 1;
                is_open = self.take(now, each);
            }
            let unsent = self.send(each);
            if unsent > 0 {
                free += unsent;
                continue;
            }
            tokio::select! {
                Some(done) = self.running.join_next() => {
                    taken(done, each);
                    free += 1;
                }
                () = tokio::time::sleep_until(from), if is_held => {}
                else => return self.peak,
            }
        }
    }

    /// Takes one that is due. Gives up, and says no, if too many wait already.
    fn take(&mut self, due: Instant, each: &mut (dyn FnMut(Record) + Send)) -> bool {
        self.waiting.push_back(due);
        self.peak = self.peak.max(self.running.len() + self.waiting.len());
        let is_borne = self.waiting.len() <= WAITING;
        if !is_borne {
            for due in std::mem::take(&mut self.waiting) {
                let words = format!("more than {WAITING} were due at once: no more was sent");
                each(Record::unsent(due, words));
            }
        }
        is_borne
    }

    /// Sends as many as there are places for. Says how many waited for too long.
    fn send(&mut self, each: &mut (dyn FnMut(Record) + Send)) -> u64 {
        let mut unsent = 0;
        while let Some(&due) = self.waiting.front() {
            if due.elapsed() > self.places.patience {
                let seconds = self.places.patience.as_secs_f64();
                each(Record::unsent(due, format!("no place within {seconds} s")));
                unsent += 1;
            } else if self.running.len() < self.places.most.max(1) {
                self.running.spawn((self.ask)(self.number, due));
                self.number += 1;
            } else {
                break;
            }
            self.waiting.pop_front();
        }
        unsent
    }
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

/// When requests are due, before a span and within it. Where their number is bounded no more warm up than count.
fn due_within(
    span: Span,
    rate: f64,
    arrivals: Arrivals,
    seed: u64,
) -> impl Iterator<Item = Duration> {
    let most = span.requests.and_then(|most| usize::try_from(most).ok());
    let due = move |seed: u64, lasts: Duration| {
        let due = schedule(rate, arrivals, seed).take_while(move |at| *at < lasts);
        due.take(most.unwrap_or(usize::MAX))
    };
    let within = due(seed, span.lasts).map(move |at| span.warmup + at);
    // Drawn by another seed: else both would begin alike.
    due(!seed, span.warmup).chain(within)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let places = Places {
            most,
            patience: 60_000 * MILLISECOND,
        };
        let mut take = |record: Record| results.take(&record);
        let peak = drive((load, span, 1), began, by_timer, places, ask, &mut take).await;
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
            assert_eq!((results.requests, results.all.sent), (50, 100), "{load:?}");
            assert!(peak <= 4, "{peak}");
        }
    }
}
