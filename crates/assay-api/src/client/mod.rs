//! What is checked of a client, measured on the server's side: a server answers by a script, and what it hears is what the client does.
//!
//! The client is a [`Tried`]: Assay's own is [`Own`]; another program that can be told an address and a question is one, too.

mod breaker;
mod keys;
mod own;
mod queue;
mod retry;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::Observation;
use tokio::time::{Instant, sleep_until};

pub use own::Own;

use crate::calling::{BreakerSettings, Priority, Rotation};
use crate::check::Seen;
use crate::dialect::Dialect;
use crate::server::{Heard, Script, Serving, Settings, Step};

/// What came of a call: the text of the answer, or why there is none.
pub type Answered = Result<String, String>;

/// A call under way.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;

/// A client that is tried.
pub trait Tried: Send + Sync {
    /// One for these servers, set up so; none, if it can't be set up so.
    fn set_up(&self, bases: &[String], setup: &Setup) -> Option<Arc<dyn Calls>>;
}

/// A client, ready to call.
pub trait Calls: Send + Sync {
    /// Asks one of the servers, by its place.
    fn call(&self, server: usize, question: String, priority: Priority) -> Calling<'_>;
}

/// How a client is to be set up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Setup {
    /// Calls at a time, and calls that wait.
    pub places: Option<(usize, usize)>,
    /// When nobody asks any more.
    pub breaker: Option<BreakerSettings>,
    /// Several keys.
    pub keys: Option<Keys>,
    /// Attempts after the first.
    pub retries: Option<u32>,
}

/// Several keys of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Keys {
    /// Each with its weight.
    pub keys: Vec<(String, u32)>,
    /// Which is next.
    pub rotation: Rotation,
    /// How long one rests that is limited, where the service does not say it.
    pub cooldown: Duration,
}

impl Setup {
    /// Without a breaker, where a client has one.
    fn unbroken() -> Self {
        Self {
            breaker: Some(BreakerSettings {
                failures: u32::MAX,
                ..BreakerSettings::default()
            }),
            ..Self::default()
        }
    }
}

/// A check of a client.
#[derive(Debug, Clone, Copy)]
pub struct ClientCheck {
    /// Its name.
    pub id: &'static str,
    /// What it asserts, as one sentence without a full stop.
    pub asserts: &'static str,
    /// Where that is specified.
    pub specified: &'static str,
    /// Whether a dialect has what it is about.
    pub applies: fn(&Dialect) -> bool,
    /// Whether it looks at when something came.
    is_timed: bool,
    run: for<'a> fn(&'a Trial<'a>) -> Running<'a>,
}

type Running<'a> = Pin<Box<dyn Future<Output = io::Result<Observation>> + Send + 'a>>;

/// A client under test, and the dialect that it is to speak.
pub struct Trial<'a> {
    /// The client.
    pub client: &'a dyn Tried,
    /// The dialect.
    pub dialect: &'static Dialect,
    /// Makes questions that nobody has asked before.
    pub nonce: u64,
}

macro_rules! check {
    ($id:literal, $applies:expr, $timed:ident, $run:path, $asserts:literal, $specified:literal) => {
        ClientCheck {
            id: $id,
            asserts: $asserts,
            specified: $specified,
            applies: $applies,
            is_timed: $timed,
            run: |trial| Box::pin($run(trial)),
        }
    };
}

const TIMED: bool = true;
const UNTIMED: bool = false;

fn always(dialect: &Dialect) -> bool {
    dialect.chat.is_some()
}

/// Every check of a client.
#[rustfmt::skip]
pub const CLIENT_CHECKS: &[ClientCheck] = &[
    check!("retry.temporary", always, UNTIMED, retry::temporary, "what may be answered later is asked again", "RFC 9110 § 15.5.9, § 15.6; the official OpenAI client"),
    check!("retry.permanent", always, UNTIMED, retry::permanent, "what has the same answer each time is asked once", "RFC 9110 § 15.5"),
    check!("retry.backoff", always, TIMED, retry::backoff, "each wait is longer than the one before", "the official OpenAI client: 0.5 s, doubled"),
    check!("retry.jitter", always, TIMED, retry::jitter, "clients that failed together do not come back together", "the official OpenAI client: up to a quarter less"),
    check!("retry.bounded", always, UNTIMED, retry::bounded, "a server that always fails is left alone in the end", "the official OpenAI client: two more attempts"),
    check!("retry.seconds", always, TIMED, retry::seconds, "`retry-after` in seconds is obeyed", "RFC 9110 § 10.2.3"),
    check!("retry.milliseconds", retry::has_word, TIMED, retry::milliseconds, "`retry-after-ms` is obeyed", "the official OpenAI client"),
    check!("retry.date", always, TIMED, retry::date, "`retry-after` as a date is obeyed", "RFC 9110 § 10.2.3"),
    check!("retry.body", retry::has_delay, TIMED, retry::body, "a delay in the body is obeyed", "google.rpc.RetryInfo"),
    check!("retry.too_long", always, UNTIMED, retry::too_long, "a wait of an hour is refused at once", "the official OpenAI client: 120 s at most"),
    check!("retry.quota", retry::has_quota, UNTIMED, retry::quota, "a quota that is used up is not asked for again", "the dialect's errors"),
    check!("retry.should_retry", retry::has_word, UNTIMED, retry::should_retry, "the server's own word on trying again is obeyed", "the official OpenAI client: x-should-retry"),
    check!("retry.idempotency", always, UNTIMED, retry::idempotency, "attempts of one call have one idempotency key, and calls have different ones", "draft-ietf-httpapi-idempotency-key-header"),
    check!("queue.limit", always, TIMED, queue::limit, "no more calls are under way than there are places", "the client's own setting"),
    check!("queue.order", always, TIMED, queue::order, "who came first goes first, but for priorities", "the client's own setting"),
    check!("queue.full", always, TIMED, queue::full, "a call that can't wait is refused, and never sent", "the client's own setting"),
    check!("queue.once", always, UNTIMED, queue::once, "under faults no call is lost, and none is answered twice", "the client's own setting"),
    check!("breaker.opens", always, UNTIMED, breaker::opens, "a server that fails again and again is asked no more, and others are", "M. Nygard, Release It!: circuit breaker"),
    check!("breaker.half_open", always, TIMED, breaker::half_open, "one call tries whether it is back; its success lets all in, and its failure none", "M. Nygard, Release It!: circuit breaker"),
    check!("keys.rotation", keys::has_keys, UNTIMED, keys::rotation, "keys are taken in turn, by use, or by weight", "the client's own setting"),
    check!("keys.rest", keys::has_keys, TIMED, keys::rest, "a key that is limited rests, and with it those of its organisation", "the dialect's limits"),
    check!("keys.refused", keys::has_keys, UNTIMED, keys::refused, "a key that is refused is never sent again, and the call has another", "RFC 9110 § 15.5.2"),
    check!("keys.unmixed", keys::has_keys, UNTIMED, keys::unmixed, "each request has one key, and each call its own answer", "the client's own setting"),
];

impl ClientCheck {
    /// One by its name.
    #[must_use]
    pub fn named(id: &str) -> Option<&'static Self> {
        CLIENT_CHECKS.iter().find(|row| row.id == id)
    }

    /// Tries a client. What is unsupported says why.
    ///
    /// # Errors
    /// If no server can be started.
    pub async fn observe(&self, trial: &Trial<'_>) -> io::Result<Observation> {
        let began = std::time::Instant::now();
        let (seen, late) = lateness((self.run)(trial)).await;
        let mut seen = seen?;
        if self.is_timed && late > MOST_LATE {
            let words = format!("{BUSY}: it was late by {} ms", late.as_millis());
            seen = Seen::default().unsupported(words);
        }
        seen.seconds = began.elapsed().as_secs_f64();
        Ok(seen)
    }
}

/// Why nothing is said of a client's times.
pub const BUSY: &str = "this machine is too busy to tell";

/// How late it may be for that: waits differ by tenths of a second.
const MOST_LATE: Duration = Duration::from_millis(60);

/// What comes of something, and how late this machine was meanwhile, at worst, with what it was to do at a given time.
async fn lateness<T>(during: impl Future<Output = T>) -> (T, Duration) {
    const BEAT: Duration = Duration::from_millis(5);
    let mut during = std::pin::pin!(during);
    let mut worst = Duration::ZERO;
    loop {
        let due = Instant::now() + BEAT;
        tokio::select! {
            biased;
            done = &mut during => return (done, worst),
            () = sleep_until(due) => worst = worst.max(due.elapsed()),
        }
    }
}

/// A server with its script, and a client for it.
struct Stage {
    script: Script,
    _servers: Vec<Serving>,
    calls: Option<Arc<dyn Calls>>,
}

impl Trial<'_> {
    /// A server that answers by how often the same question was heard before, and the client for it.
    async fn stage(
        &self,
        setup: &Setup,
        steps: impl Fn(usize, &Heard) -> Step + Send + Sync + 'static,
    ) -> io::Result<Stage> {
        self.stages(1, setup, steps).await.map(|(stage, _)| stage)
    }

    /// Several servers; the others answer rightly, and have a script of their own.
    async fn stages(
        &self,
        count: usize,
        setup: &Setup,
        steps: impl Fn(usize, &Heard) -> Step + Send + Sync + 'static,
    ) -> io::Result<(Stage, Script)> {
        let before: Mutex<HashMap<String, usize>> = Mutex::default();
        let script = Script::new(move |_, heard| {
            let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
            let count = before.entry(heard.question.clone()).or_default();
            *count += 1;
            steps(*count - 1, heard)
        });
        let right = Script::new(|_, _| Step::Answer);
        let settings = Settings {
            slots: 1 << 10,
            ..Settings::new(self.dialect)
        };
        let mut servers = vec![Serving::scripted(settings, script.clone()).await?];
        for _ in 1..count {
            servers.push(Serving::scripted(settings, right.clone()).await?);
        }
        let bases: Vec<String> = servers.iter().map(Serving::base).collect();
        let stage = Stage {
            script,
            calls: self.client.set_up(&bases, setup),
            _servers: servers,
        };
        Ok((stage, right))
    }

    fn question(&self, words: &str) -> String {
        format!("{words} ({:x})", self.nonce)
    }
}

impl Stage {
    /// What was heard of one question.
    fn heard_of(&self, question: &str) -> Vec<Heard> {
        let mut heard = self.script.heard();
        heard.retain(|heard| heard.question == question);
        heard
    }
}

/// From each answer to the next request.
fn waits(heard: &[Heard]) -> Vec<Duration> {
    heard
        .windows(2)
        .map(|pair| {
            let until = pair[0].until.unwrap_or(pair[0].at);
            pair[1].at.saturating_duration_since(until)
        })
        .collect()
}

/// Why a check says nothing of a client that can't be set up for it.
const FIXED: &str = "the client can't be set up for it";
