use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Breaker, KeyPool, Leased, NoKey, Permit, Place, Priority, Queue, Retry, Verdict};
use crate::chat::{Answer, Chat, Delta};
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind};
use crate::streaming::Streaming;

/// An endpoint as an application wants it: calls wait for a place, take a key, are tried again where that helps, and are not made at all
/// while nobody answers. Clones share all of that.
///
/// What is measured or checked is asked of an [`Endpoint`] by itself: there, nothing is tried again.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
    /// How calls that fail are tried again.
    pub retry: Retry,
    /// The keys; without any, the endpoint's own.
    pub keys: Option<KeyPool>,
    /// When nobody asks any more.
    pub breaker: Breaker,
    /// How many ask at a time.
    pub queue: Queue,
}

/// How a call went.
#[derive(Debug)]
pub struct Called<T> {
    /// What came of it.
    pub answer: Result<T, Error>,
    /// Every attempt that failed, in order, the last one too.
    pub failures: Vec<Failure>,
    /// Why it was given up, if it was.
    pub gave_up: Option<&'static str>,
}

/// An attempt that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// When it began.
    pub at: Instant,
    /// What kept it from an answer.
    pub error: Error,
    /// How long was waited before the next one; none, if there was none.
    pub waited: Option<Duration>,
}

/// An answer that is still coming, with the place and the key that it has.
pub struct Held {
    streaming: Streaming,
    leased: Option<Leased>,
    permit: Option<Permit>,
    _place: Place,
}

/// Calls at a time, and calls that wait.
const PLACES: (usize, usize) = (64, 10_000);

impl Client {
    /// One with what the official clients do, where nothing else is set.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            retry: Retry::default(),
            keys: None,
            breaker: Breaker::default(),
            queue: Queue::new(PLACES.0, PLACES.1),
        }
    }

    /// The server that it asks.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The same for another server, with the same keys, places and circuits.
    #[must_use]
    pub fn at(&self, endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            ..self.clone()
        }
    }

    /// Asks, and waits for the whole answer.
    pub async fn ask(&self, chat: &Chat, priority: Priority) -> Called<Answer> {
        let called = self
            .call(priority, async |endpoint| {
                endpoint.ask(chat).await.map(|(_, answer)| answer)
            })
            .await;
        called.map(|(answer, leave)| {
            leave.permit.succeeded();
            answer
        })
    }

    /// Asks, and takes the answer as it comes. Once it comes it is not tried again: what was said can't be unsaid.
    pub async fn stream(&self, chat: &Chat, priority: Priority) -> Called<Held> {
        let called = self
            .call(priority, async |endpoint| endpoint.stream(chat).await)
            .await;
        called.map(|(streaming, leave)| Held {
            streaming,
            leased: leave.leased,
            permit: Some(leave.permit),
            _place: leave.place,
        })
    }

    async fn call<T, F>(
        &self,
        priority: Priority,
        attempt: impl Fn(Endpoint) -> F,
    ) -> Called<(T, Leave)>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut failures = Vec::new();
        let mut waited = Duration::ZERO;
        let place = match self.queue.place(priority).await {
            Ok(place) => place,
            Err(full) => {
                let error = Error::new(Kind::QueueFull, full.to_string());
                return refused(failures, error, "the queue is full");
            }
        };
        // One for all attempts: a server that has done the first does nothing at the second.
        let idempotency = format!("assay-{:016x}{:016x}", drawn(), drawn());
        loop {
            let leased = match self.key(&mut waited).await {
                Ok(leased) => leased,
                Err(error) => return refused(failures, error, "there is no key"),
            };
            let permit = match self.breaker.permit(self.endpoint.base()) {
                Ok(permit) => permit,
                Err(left) => {
                    let words = format!("nobody is asked for {:.1} s more", left.as_secs_f64());
                    let error = Error::new(Kind::CircuitOpen, words);
                    return refused(failures, error, "it failed too often");
                }
            };
            let at = Instant::now();
            let mut endpoint = self.endpoint.with_idempotency_key(idempotency.clone());
            if let Some(leased) = &leased {
                endpoint = endpoint.with_key(Some(leased.key.clone()));
            }
            let error = match attempt(endpoint).await {
                Ok(answer) => {
                    let leave = Leave {
                        permit,
                        leased,
                        place,
                    };
                    return Called {
                        answer: Ok((answer, leave)),
                        failures,
                        gave_up: None,
                    };
                }
                Err(error) => error,
            };
            tell(permit, &error);
            let verdict = self.verdict(leased.as_ref(), &error, failures.len(), waited);
            drop(leased);
            let wait = match verdict {
                Verdict::After(wait) => Some(wait),
                Verdict::GiveUp(_) => None,
            };
            failures.push(Failure {
                at,
                error: error.clone(),
                waited: wait,
            });
            match verdict {
                Verdict::GiveUp(why) => {
                    return Called {
                        answer: Err(error),
                        failures,
                        gave_up: Some(why),
                    };
                }
                Verdict::After(wait) => {
                    sleep(wait).await;
                    waited += wait;
                }
            }
        }
    }

    /// The key for one attempt. Where all rest it waits for the first, as long as a server may ask for.
    async fn key(&self, waited: &mut Duration) -> Result<Option<Leased>, Error> {
        let Some(keys) = &self.keys else {
            return Ok(None);
        };
        loop {
            let none = match keys.lease() {
                Ok(leased) => return Ok(Some(leased)),
                Err(none) => none,
            };
            let left = match none {
                NoKey::Refused => {
                    return Err(Error::new(Kind::Authentication, none.to_string()));
                }
                NoKey::Resting(left) => left,
            };
            if left > self.retry.longest_asked || *waited + left > self.retry.budget {
                return Err(Error {
                    retry_after: Some(left),
                    ..Error::new(Kind::RateLimited, none.to_string())
                });
            }
            sleep(left).await;
            *waited += left;
        }
    }

    /// What becomes of a call that failed. What is wrong with one key is no matter of the next one.
    fn verdict(
        &self,
        leased: Option<&Leased>,
        error: &Error,
        before: usize,
        waited: Duration,
    ) -> Verdict {
        let made = u32::try_from(before + 1).unwrap_or(u32::MAX);
        if let (Some(leased), Some(keys)) = (leased, &self.keys) {
            leased.failed(error);
            let is_of_the_key = matches!(
                error.kind,
                Kind::Authentication | Kind::RateLimited | Kind::QuotaExhausted
            );
            if is_of_the_key && made <= self.retry.attempts && keys.is_ready() {
                return Verdict::After(Duration::ZERO);
            }
        }
        self.retry.next(error, made, waited, chance())
    }
}

/// What a call that is answered has.
struct Leave {
    permit: Permit,
    leased: Option<Leased>,
    place: Place,
}

fn refused<T>(failures: Vec<Failure>, error: Error, why: &'static str) -> Called<T> {
    Called {
        answer: Err(error),
        failures,
        gave_up: Some(why),
    }
}

/// Whether an error speaks against the endpoint: a server that refuses a request is up.
fn tell(permit: Permit, error: &Error) {
    let is_up = matches!(error.kind, Kind::RateLimited | Kind::Conflict) || !error.is_temporary();
    if is_up {
        permit.succeeded();
    } else {
        permit.failed();
    }
}

/// Each time another number: what the standard library seeds its maps with.
fn drawn() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// From [0, 1).
fn chance() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = (drawn() >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

impl<T> Called<T> {
    fn map<U>(self, with: impl FnOnce(T) -> U) -> Called<U> {
        Called {
            answer: self.answer.map(with),
            failures: self.failures,
            gave_up: self.gave_up,
        }
    }
}

impl Held {
    /// The next part, and when it came; none at the end.
    ///
    /// # Errors
    /// As [`Streaming::next`]; an error that comes within the stream is a [`Delta::Error`].
    pub async fn next(&mut self) -> Result<Option<(Instant, Delta)>, Error> {
        let next = self.streaming.next().await;
        match &next {
            Ok(Some((_, Delta::Error(_)))) => {
                if let Some(permit) = self.permit.take() {
                    permit.failed();
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                if let Some(permit) = self.permit.take() {
                    permit.succeeded();
                }
            }
            Err(error) => {
                if let Some(permit) = self.permit.take() {
                    tell(permit, error);
                }
                if let Some(leased) = &self.leased {
                    leased.failed(error);
                }
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calling::BreakerSettings;
    use crate::dialect::openai;
    use crate::key::Key;
    use crate::server::{Fault, KEY, MODEL, Serving, Settings};
    use crate::wire::{Bounds, Wire};

    async fn client(fault: Option<Fault>) -> (Serving, Client) {
        let settings = Settings {
            fault,
            ..Settings::new(&openai::DIALECT)
        };
        let server = Serving::start(settings, 0).await.expect("a port");
        let wire = Wire::new(Bounds::default()).expect("a client");
        let key = Some(Key::new(KEY));
        let endpoint = Endpoint::new(&openai::DIALECT, &server.base(), MODEL, key, wire);
        let mut client = Client::new(endpoint.expect("an address"));
        client.queue = Queue::new(1, 0);
        client.breaker = Breaker::new(BreakerSettings {
            failures: 1,
            open: Duration::from_secs(60),
        });
        (server, client)
    }

    fn chat() -> Chat {
        Chat {
            stream: true,
            max_tokens: Some(8),
            ..Chat::of("Say something.")
        }
    }

    #[tokio::test]
    async fn a_stream_has_its_place_until_its_end() {
        let (_server, client) = client(None).await;
        let mut held = client
            .stream(&chat(), Priority::Normal)
            .await
            .answer
            .expect("a stream");
        let second = client.stream(&chat(), Priority::Normal).await;
        assert_eq!(second.answer.err().expect("full").kind, Kind::QueueFull);
        assert_eq!(second.gave_up, Some("the queue is full"));
        let mut text = String::new();
        while let Some((_, delta)) = held.next().await.expect("a part") {
            if let Delta::Text(piece) = delta {
                text.push_str(&piece);
            }
        }
        drop(held);
        assert_eq!(text.split(' ').count(), 8, "{text}");
        assert!(
            client
                .stream(&chat(), Priority::Normal)
                .await
                .answer
                .is_ok()
        );
    }

    #[tokio::test]
    async fn an_error_in_a_stream_speaks_against_the_endpoint() {
        let (_server, client) = client(Some(Fault::ErrorInStream)).await;
        let mut held = client
            .stream(&chat(), Priority::Normal)
            .await
            .answer
            .expect("a stream");
        while held.next().await.expect("a part").is_some() {}
        drop(held);
        let next = client.stream(&chat(), Priority::Normal).await;
        assert_eq!(next.answer.err().expect("open").kind, Kind::CircuitOpen);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_the_only_key_and_not_for_ever() {
        let (_server, mut client) = client(None).await;
        let keys = vec![(Key::new(KEY), 1)];
        let pool = KeyPool::new(
            keys,
            crate::calling::Rotation::RoundRobin,
            Duration::from_secs(7),
            false,
        );
        let limited = |seconds| Error {
            retry_after: seconds,
            ..Error::new(Kind::RateLimited, "")
        };
        pool.lease().expect("a key").failed(&limited(None));
        client.keys = Some(pool.clone());
        let began = Instant::now();
        let mut waited = Duration::ZERO;
        assert!(client.key(&mut waited).await.expect("a key").is_some());
        assert_eq!(
            (began.elapsed(), waited),
            (Duration::from_secs(7), Duration::from_secs(7))
        );
        pool.lease()
            .expect("a key")
            .failed(&limited(Some(Duration::from_secs(3600))));
        let error = client.key(&mut waited).await.expect_err("an hour");
        assert_eq!(
            (error.kind, error.retry_after.map(|wait| wait.as_secs())),
            (Kind::RateLimited, Some(3600))
        );
    }
}
