//! Assay's own client passes every check of a client, in every dialect; one with a slip is noticed by the check that is there for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_api::calling::{
    Breaker, BreakerSettings, Permit, Priority, Queue, Retry, Rotation, Verdict,
};
use assay_api::chat::Chat;
use assay_api::client::{
    BUSY, CLIENT_CHECKS, Calling, Calls, ClientCheck, Keys, Own, Setup, Trial, Tried,
};
use assay_api::dialect::{ALL, Dialect};
use assay_api::server::{KEY, MODEL};
use assay_api::wire::{Bounds, Wire};
use assay_api::{Endpoint, Error, Key, Kind};
use assay_judge::{Proof, judge};
use assay_model::{Ending, Observation, Outcome, Platform, Provenance, Rule};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

fn wire() -> Wire {
    Wire::new(Bounds::default()).expect("a client")
}

/// By the judge's own rule.
fn outcome(observation: &Observation) -> Outcome {
    let real = Proof {
        provenance: Some(Provenance::Real),
        detail: String::new(),
    };
    let ending = Ending::Observed(Box::new(observation.clone()));
    judge(Rule::Full, &ending, Platform::CPU, Some(&real), None).outcome
}

/// How often a check is tried that this machine was too busy for.
const TRIES: u32 = 8;

async fn observed(
    client: &dyn Tried,
    dialect: &'static Dialect,
    check: &ClientCheck,
) -> Observation {
    let trial = Trial {
        client,
        dialect,
        nonce: 0x00a5_5a19,
    };
    // A machine that is too busy for one that waits is not for ever.
    for _ in 0..TRIES {
        let seen = check.observe(&trial).await.expect("a server");
        let is_busy = |why: &String| why.starts_with(BUSY);
        if !seen.unsupported.as_ref().is_some_and(is_busy) {
            return seen;
        }
        sleep(Duration::from_secs(2)).await;
    }
    panic!("{}: {BUSY}", check.id)
}

#[tokio::test]
async fn the_own_client_passes_every_check_in_every_dialect() {
    let mut failures = Vec::new();
    let mut passed = 0;
    for check in CLIENT_CHECKS {
        let mut running = JoinSet::new();
        for dialect in ALL.iter().filter(|dialect| (check.applies)(dialect)) {
            running.spawn(async move {
                let own = Own::new(dialect, wire());
                (dialect.name, observed(&own, dialect, check).await)
            });
        }
        for (dialect, seen) in running.join_all().await {
            match outcome(&seen) {
                Outcome::Passed => passed += 1,
                _ => failures.push(format!("{dialect} {}: {seen:?}", check.id)),
            }
        }
    }
    println!(
        "Assay's own client: {passed} checks passed in {} dialects",
        ALL.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(passed > 180, "{passed}");
}

/// What a client does wrong. Each is a bug that some real client has had, or could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slip {
    NeverAgain,
    AgainWhateverItWas,
    AgainAtOnce,
    AgainAfterTheSameTime,
    AgainTogether,
    AgainForEver,
    DeafToRetryAfter,
    SecondsForMilliseconds,
    AgainBeforeAnHour,
    WaitsAnHour,
    AgainOnAQuota,
    DeafToShouldRetry,
    AnotherKeyEachAttempt,
    ForgetsTheKey,
    OneIdempotencyKey,
    NoLimit,
    OneAtATime,
    LastComesFirst,
    DeafToPriorities,
    WaitsWithoutRoom,
    LosesOne,
    SendsTwice,
    NeverOpens,
    OpensOnRefusals,
    OneCircuitForAll,
    LetsAllInAtOnce,
    NeverCloses,
    FailsAddUp,
    FirstKeyAlways,
    DeafToWeights,
    NoKeyRests,
    OrganisationGoesOn,
    RefusedKeyComesBack,
    GivesUpOnARefusedKey,
    KeysRace,
}

#[rustfmt::skip]
const SLIPS: &[(Slip, &str, &str)] = &[
    (Slip::NeverAgain, "retry.temporary", "openai"),
    (Slip::NeverAgain, "retry.seconds", "claude"),
    (Slip::AgainWhateverItWas, "retry.permanent", "openai"),
    (Slip::AgainWhateverItWas, "retry.permanent", "gemini"),
    (Slip::AgainAtOnce, "retry.backoff", "openai"),
    (Slip::AgainAfterTheSameTime, "retry.backoff", "ollama"),
    (Slip::AgainTogether, "retry.jitter", "openai"),
    (Slip::AgainForEver, "retry.bounded", "openai"),
    (Slip::DeafToRetryAfter, "retry.seconds", "openai"),
    (Slip::DeafToRetryAfter, "retry.milliseconds", "openai"),
    (Slip::DeafToRetryAfter, "retry.date", "claude"),
    (Slip::DeafToRetryAfter, "retry.body", "gemini"),
    (Slip::SecondsForMilliseconds, "retry.milliseconds", "groq"),
    (Slip::AgainBeforeAnHour, "retry.too_long", "openai"),
    (Slip::WaitsAnHour, "retry.too_long", "claude"),
    (Slip::AgainOnAQuota, "retry.quota", "openai"),
    (Slip::AgainOnAQuota, "retry.quota", "gemini"),
    (Slip::AgainOnAQuota, "retry.quota", "claude"),
    (Slip::DeafToShouldRetry, "retry.should_retry", "openai"),
    (Slip::AnotherKeyEachAttempt, "retry.idempotency", "openai"),
    (Slip::ForgetsTheKey, "retry.idempotency", "openai"),
    (Slip::OneIdempotencyKey, "retry.idempotency", "openai"),
    (Slip::NoLimit, "queue.limit", "openai"),
    (Slip::OneAtATime, "queue.limit", "openai"),
    (Slip::LastComesFirst, "queue.order", "openai"),
    (Slip::DeafToPriorities, "queue.order", "openai"),
    (Slip::WaitsWithoutRoom, "queue.full", "openai"),
    (Slip::LosesOne, "queue.once", "openai"),
    (Slip::SendsTwice, "queue.once", "openai"),
    (Slip::NeverOpens, "breaker.opens", "openai"),
    (Slip::OpensOnRefusals, "breaker.opens", "openai"),
    (Slip::OneCircuitForAll, "breaker.opens", "openai"),
    (Slip::LetsAllInAtOnce, "breaker.half_open", "openai"),
    (Slip::NeverCloses, "breaker.half_open", "openai"),
    (Slip::FailsAddUp, "breaker.half_open", "openai"),
    (Slip::FirstKeyAlways, "keys.rotation", "openai"),
    (Slip::DeafToWeights, "keys.rotation", "openai"),
    (Slip::NoKeyRests, "keys.rest", "openai"),
    (Slip::OrganisationGoesOn, "keys.rest", "groq"),
    (Slip::RefusedKeyComesBack, "keys.refused", "openai"),
    (Slip::GivesUpOnARefusedKey, "keys.refused", "gemini"),
    (Slip::KeysRace, "keys.unmixed", "openai"),
];

#[tokio::test]
async fn each_slip_is_noticed_by_its_check() {
    let mut running = JoinSet::new();
    let mut survivors = Vec::new();
    for &(slip, check, dialect) in SLIPS {
        let check = ClientCheck::named(check).expect("a check");
        let dialect = Dialect::named(dialect).expect("a dialect");
        running.spawn(async move {
            let client = Slipping { slip, dialect };
            (slip, check.id, observed(&client, dialect, check).await)
        });
        if running.len() >= 4 {
            survivors.extend(
                running
                    .join_next()
                    .await
                    .and_then(|done| survived(done.expect("no panic"))),
            );
        }
    }
    for done in running.join_all().await {
        survivors.extend(survived(done));
    }
    println!(
        "clients with a slip: killed {} of {}; survivors: {}",
        SLIPS.len() - survivors.len(),
        SLIPS.len(),
        if survivors.is_empty() {
            "none"
        } else {
            "below"
        }
    );
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

fn survived((slip, check, seen): (Slip, &str, Observation)) -> Option<String> {
    (outcome(&seen) != Outcome::Failed).then(|| format!("{slip:?} ({check}): {seen:?}"))
}

/// A client with one slip.
struct Slipping {
    slip: Slip,
    dialect: &'static Dialect,
}

impl Tried for Slipping {
    fn set_up(&self, bases: &[String], setup: &Setup) -> Option<Arc<dyn Calls>> {
        let endpoints = bases
            .iter()
            .map(|base| Endpoint::new(self.dialect, base, MODEL, Some(Key::new(KEY)), wire()).ok());
        let (places, waiting) = setup.places.unwrap_or((64, 1000));
        Some(Arc::new(Amiss {
            slip: self.slip,
            endpoints: endpoints.collect::<Option<_>>()?,
            retry: Retry {
                attempts: setup.retries.unwrap_or(2),
                ..Retry::default()
            },
            queue: match self.slip {
                Slip::NoLimit => Queue::new(1000, 0),
                Slip::OneAtATime => Queue::new(1, 1000),
                Slip::WaitsWithoutRoom => Queue::new(places, 1000),
                _ => Queue::new(places, waiting),
            },
            breaker: Breaker::new(setup.breaker.unwrap_or_default()),
            settings: setup.breaker.unwrap_or_default(),
            circuit: Mutex::default(),
            keys: setup.keys.clone(),
            ring: Mutex::default(),
            shared: Mutex::default(),
            calls: AtomicUsize::new(0),
        }))
    }
}

struct Amiss {
    slip: Slip,
    endpoints: Vec<Endpoint>,
    retry: Retry,
    queue: Queue,
    breaker: Breaker,
    settings: BreakerSettings,
    circuit: Mutex<(u32, Option<Instant>)>,
    keys: Option<Keys>,
    ring: Mutex<Ring>,
    shared: Mutex<Option<usize>>,
    calls: AtomicUsize,
}

#[derive(Default)]
struct Ring {
    next: usize,
    rests: Vec<(usize, Instant)>,
    refused: Vec<usize>,
}

impl Calls for Amiss {
    fn call(&self, server: usize, question: String, priority: Priority) -> Calling<'_> {
        Box::pin(async move { self.made(server, question, priority).await })
    }
}

impl Amiss {
    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    async fn made(
        &self,
        server: usize,
        question: String,
        priority: Priority,
    ) -> Result<String, String> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let priority = match (self.slip, priority) {
            (Slip::DeafToPriorities, _) => Priority::Normal,
            // Who came later goes first, of those that are alike.
            (Slip::LastComesFirst, Priority::Normal) if number > 2 => Priority::High,
            (_, priority) => priority,
        };
        let _place = self
            .queue
            .place(priority)
            .await
            .map_err(|full| full.to_string())?;
        if self.is(Slip::LosesOne) && number == 7 {
            return Err("lost".into());
        }
        let mut made = 0;
        let mut waited = Duration::ZERO;
        let mut idempotency = format!("call-{number}");
        loop {
            let permit = self.permit(server)?;
            made += 1;
            if self.is(Slip::AnotherKeyEachAttempt) {
                idempotency = format!("call-{number}-{made}");
            }
            if self.is(Slip::OneIdempotencyKey) {
                "the same".clone_into(&mut idempotency);
            }
            let mut endpoint = self.endpoints[server].clone();
            if !(self.is(Slip::ForgetsTheKey) && made > 1) {
                endpoint = endpoint.with_idempotency_key(idempotency.clone());
            }
            let key = self.key(number).await?;
            if let (Some(key), Some(of)) = (key, &self.keys) {
                endpoint = endpoint.with_key(Some(Key::new(&of.keys[key].0)));
            }
            let chat = Chat {
                max_tokens: Some(8),
                ..Chat::of(question.clone())
            };
            if self.is(Slip::SendsTwice) && number == 9 {
                let _ = endpoint.ask(&chat).await;
            }
            let error = match endpoint.ask(&chat).await {
                Ok((_, answer)) => {
                    self.tell(permit, true);
                    return Ok(answer.text);
                }
                Err(error) => error,
            };
            let is_refusal = matches!(error.kind, Kind::RateLimited) || !error.is_temporary();
            self.tell(permit, is_refusal && !self.is(Slip::OpensOnRefusals));
            if let Some(wait) = key.and_then(|key| self.rests(key, &error)) {
                if wait {
                    continue;
                }
                return Err(error.to_string());
            }
            match self.next(&error, made, waited) {
                Verdict::GiveUp(why) => return Err(format!("{error}: {why}")),
                Verdict::After(wait) => {
                    sleep(wait).await;
                    waited += wait;
                }
            }
        }
    }

    fn next(&self, error: &Error, made: u32, waited: Duration) -> Verdict {
        let mut error = error.clone();
        let mut retry = self.retry;
        let chance =
            f64::from(u32::try_from(Instant::now().elapsed().as_nanos() % 97).unwrap_or(0)) / 97.0;
        match self.slip {
            Slip::NeverAgain => return Verdict::GiveUp("never"),
            Slip::AgainWhateverItWas if made < 3 => {
                return Verdict::After(Duration::from_millis(50));
            }
            Slip::AgainAtOnce if made < 3 => return Verdict::After(Duration::ZERO),
            Slip::AgainAfterTheSameTime if made < 3 => {
                return Verdict::After(Duration::from_millis(300));
            }
            Slip::AgainTogether => retry.jitter = 0.0,
            Slip::AgainForEver if made < 40 => return Verdict::After(Duration::ZERO),
            Slip::DeafToRetryAfter => error.retry_after = None,
            Slip::SecondsForMilliseconds => {
                error.retry_after = error.retry_after.map(|wait| wait / 1000)
            }
            Slip::AgainBeforeAnHour if made < 3 => {
                return Verdict::After(Duration::from_millis(200));
            }
            Slip::AgainOnAQuota if made < 3 => return Verdict::After(Duration::from_millis(50)),
            Slip::WaitsAnHour => {
                (retry.longest_asked, retry.budget) = (Duration::MAX, Duration::MAX);
            }
            Slip::DeafToShouldRetry => error.should_retry = None,
            _ => {}
        }
        retry.next(&error, made, waited, chance)
    }

    fn permit(&self, server: usize) -> Result<Option<Permit>, String> {
        let base = match self.slip {
            Slip::OneCircuitForAll => "all",
            _ => self.endpoints[server].base(),
        };
        match self.slip {
            Slip::NeverOpens | Slip::AgainForEver => Ok(None),
            Slip::LetsAllInAtOnce | Slip::NeverCloses | Slip::FailsAddUp => {
                let (_, opened) = *self.circuit.lock().expect("a circuit");
                let is_open = opened.is_some_and(|at| at.elapsed() < self.settings.open);
                if is_open {
                    Err("open".into())
                } else {
                    Ok(None)
                }
            }
            _ => self
                .breaker
                .permit(base)
                .map(Some)
                .map_err(|_| "open".into()),
        }
    }

    fn tell(&self, permit: Option<Permit>, succeeded: bool) {
        match (permit, succeeded) {
            (Some(permit), true) => permit.succeeded(),
            (Some(permit), false) => permit.failed(),
            (None, _) => {
                let (failures, opened) = &mut *self.circuit.lock().expect("a circuit");
                if !succeeded {
                    *failures += 1;
                    if *failures >= self.settings.failures {
                        *opened = Some(Instant::now());
                    }
                } else if self.is(Slip::NeverCloses) {
                    *opened = opened.map(|_| Instant::now());
                } else if !self.is(Slip::FailsAddUp) {
                    (*failures, *opened) = (0, None);
                }
            }
        }
    }

    /// The next key that does not rest.
    async fn key(&self, number: usize) -> Result<Option<usize>, String> {
        let Some(Keys { keys, rotation, .. }) = &self.keys else {
            return Ok(None);
        };
        if self.is(Slip::FirstKeyAlways) {
            return Ok(Some(0));
        }
        if self.is(Slip::KeysRace) {
            // One place for the key of all calls.
            *self.shared.lock().expect("a key") = Some(number % keys.len());
            tokio::task::yield_now().await;
            return Ok(*self.shared.lock().expect("a key"));
        }
        let mut ring = self.ring.lock().expect("keys");
        let now = Instant::now();
        for step in 0..keys.len() {
            let index = (ring.next + step) % keys.len();
            let rests = ring
                .rests
                .iter()
                .any(|(key, until)| *key == index && *until > now);
            if !rests && !ring.refused.contains(&index) {
                ring.next = index + 1;
                let is_weighted = *rotation == Rotation::Weighted && !self.is(Slip::DeafToWeights);
                let spread = [0, 1, 0, 2, 1, 0];
                return Ok(Some(if is_weighted {
                    spread[number % 6]
                } else {
                    index
                }));
            }
        }
        Err("no key".into())
    }

    /// What an error is to a key: whether the call goes on with another one at once.
    fn rests(&self, key: usize, error: &Error) -> Option<bool> {
        let mut ring = self.ring.lock().expect("keys");
        match error.kind {
            Kind::Authentication if self.is(Slip::GivesUpOnARefusedKey) => Some(false),
            Kind::Authentication => {
                if !self.is(Slip::RefusedKeyComesBack) {
                    ring.refused.push(key);
                }
                Some(true)
            }
            Kind::RateLimited => {
                if !self.is(Slip::NoKeyRests) {
                    ring.rests
                        .push((key, Instant::now() + Duration::from_secs(1)));
                }
                Some(true)
            }
            _ => None,
        }
    }
}
