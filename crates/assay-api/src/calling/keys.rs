use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Kind};
use crate::key::Key;

/// Which key is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// One after the other.
    RoundRobin,
    /// The one that has fewest calls under way; of several the one that has had fewest.
    LeastUsed,
    /// As often as their weights say, spread evenly (smooth weighted round-robin, as nginx does it).
    Weighted,
}

/// Several keys of one service. Clones share it.
#[derive(Debug, Clone)]
pub struct KeyPool(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    keys: Vec<Held>,
    rotation: Rotation,
    next: usize,
    cooldown: Duration,
    /// Limits hold for all keys together: those of one organisation, as Groq's.
    is_one_organisation: bool,
}

#[derive(Debug)]
struct Held {
    key: Key,
    weight: i64,
    current: i64,
    under_way: u64,
    used: u64,
    rests_until: Option<Instant>,
    is_refused: bool,
}

/// A key for one call. What came of it is to be said; it goes back when this is dropped.
#[derive(Debug)]
pub struct Leased {
    pool: KeyPool,
    index: usize,
    /// The key.
    pub key: Key,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// Every key that is left rests; for how long.
    #[error("every key rests for {0:?}")]
    Resting(Duration),
    /// The service has refused every one.
    #[error("every key was refused")]
    Refused,
}

impl KeyPool {
    /// Keys with their weights. A key that the service limits rests for `cooldown`, where the service does not say for how long.
    #[must_use]
    pub fn new(
        keys: Vec<(Key, u32)>,
        rotation: Rotation,
        cooldown: Duration,
        is_one_organisation: bool,
    ) -> Self {
        let held = |(key, weight): (Key, u32)| Held {
            key,
            weight: i64::from(weight.max(1)),
            current: 0,
            under_way: 0,
            used: 0,
            rests_until: None,
            is_refused: false,
        };
        Self(Arc::new(Mutex::new(State {
            keys: keys.into_iter().map(held).collect(),
            rotation,
            next: 0,
            cooldown,
            is_one_organisation,
        })))
    }

    /// The next key.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn lease(&self) -> Result<Leased, NoKey> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let index = state.pick(now).ok_or_else(|| state.lacking(now))?;
        let held = &mut state.keys[index];
        held.under_way += 1;
        held.used += 1;
        Ok(Leased {
            pool: self.clone(),
            index,
            key: held.key.clone(),
        })
    }
}

impl KeyPool {
    /// Whether a call would have a key now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.keys.iter().any(|held| held.is_free(now))
    }
}

impl Held {
    fn is_free(&self, now: Instant) -> bool {
        !self.is_refused && self.rests_until.is_none_or(|until| until <= now)
    }
}

impl State {
    fn pick(&mut self, now: Instant) -> Option<usize> {
        let count = self.keys.len();
        let free: Vec<usize> = (0..count)
            .map(|step| (self.next + step) % count)
            .filter(|&index| self.keys[index].is_free(now))
            .collect();
        let index = match self.rotation {
            Rotation::RoundRobin => *free.first()?,
            Rotation::LeastUsed => *free
                .iter()
                .min_by_key(|&&index| (self.keys[index].under_way, self.keys[index].used))?,
            Rotation::Weighted => {
                let whole: i64 = free.iter().map(|&index| self.keys[index].weight).sum();
                for &index in &free {
                    self.keys[index].current += self.keys[index].weight;
                }
                let &index = free
                    .iter()
                    .max_by_key(|&&index| (self.keys[index].current, std::cmp::Reverse(index)))?;
                self.keys[index].current -= whole;
                index
            }
        };
        if self.rotation == Rotation::RoundRobin {
            self.next = (index + 1) % count;
        }
        Some(index)
    }

    fn lacking(&self, now: Instant) -> NoKey {
        let rests = self
            .keys
            .iter()
            .filter(|held| !held.is_refused)
            .filter_map(|held| held.rests_until);
        rests.min().map_or(NoKey::Refused, |until| {
            NoKey::Resting(until.saturating_duration_since(now))
        })
    }
}

impl Leased {
    /// What a call with it came to: a key that is limited rests, one that is refused is never taken again.
    pub fn failed(&self, error: &Error) {
        let mut state = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + error.retry_after.unwrap_or(state.cooldown);
        let is_shared = state.is_one_organisation;
        match error.kind {
            Kind::Authentication => state.keys[self.index].is_refused = true,
            Kind::RateLimited | Kind::QuotaExhausted => {
                for (index, held) in state.keys.iter_mut().enumerate() {
                    if is_shared || index == self.index {
                        held.rests_until = held.rests_until.max(Some(until));
                    }
                }
            }
            _ => {}
        }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let mut state = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = &mut state.keys[self.index];
        held.under_way = held.under_way.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::time::advance;

    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(10);

    fn pool(weights: &[u32], rotation: Rotation, is_one: bool) -> KeyPool {
        let keys = weights.iter().enumerate();
        let keys = keys.map(|(index, weight)| (Key::new(format!("key-{index}")), *weight));
        KeyPool::new(keys.collect(), rotation, COOLDOWN, is_one)
    }

    fn taken(pool: &KeyPool, count: usize) -> Vec<usize> {
        (0..count)
            .map(|_| pool.lease().expect("a key").index)
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn keys_take_turns() {
        assert_eq!(
            taken(&pool(&[1, 1, 1], Rotation::RoundRobin, false), 6),
            [0, 1, 2, 0, 1, 2]
        );
        // As nginx spreads 5, 1 and 1.
        assert_eq!(
            taken(&pool(&[5, 1, 1], Rotation::Weighted, false), 7),
            [0, 0, 1, 0, 2, 0, 0]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_used_has_fewest_calls_under_way() {
        let pool = pool(&[1, 1], Rotation::LeastUsed, false);
        let first = pool.lease().expect("a key");
        let second = pool.lease().expect("a key");
        assert_eq!((first.index, second.index), (0, 1));
        drop(second);
        assert_eq!(taken(&pool, 3), [1, 1, 1]);
        drop(first);
        assert_eq!(
            taken(&pool, 3),
            [0, 0, 0],
            "it had one call, the other four"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_limited_rests_and_one_that_is_refused_is_gone() {
        let pool = pool(&[1, 1], Rotation::RoundRobin, false);
        let asked = Error {
            retry_after: Some(Duration::from_secs(3)),
            ..Error::new(Kind::RateLimited, "")
        };
        pool.lease().expect("a key").failed(&asked);
        assert_eq!(taken(&pool, 2), [1, 1]);
        pool.lease()
            .expect("a key")
            .failed(&Error::new(Kind::RateLimited, ""));
        assert_eq!(
            pool.lease().expect_err("both rest"),
            NoKey::Resting(Duration::from_secs(3))
        );
        advance(Duration::from_secs(3)).await;
        let leased = pool.lease().expect("the first is back");
        assert_eq!(leased.index, 0);
        leased.failed(&Error::new(Kind::Authentication, ""));
        advance(COOLDOWN).await;
        assert_eq!(taken(&pool, 2), [1, 1]);
        pool.lease()
            .expect("a key")
            .failed(&Error::new(Kind::Authentication, ""));
        assert_eq!(pool.lease().expect_err("none is left"), NoKey::Refused);
    }

    #[tokio::test(start_paused = true)]
    async fn more_keys_of_one_organisation_add_nothing() {
        let pool = pool(&[1, 1], Rotation::RoundRobin, true);
        pool.lease()
            .expect("a key")
            .failed(&Error::new(Kind::RateLimited, ""));
        assert_eq!(
            pool.lease().expect_err("all rest"),
            NoKey::Resting(COOLDOWN)
        );
    }

    #[tokio::test]
    async fn keys_are_spread_among_calls_at_once_and_never_mixed() {
        let pool = pool(&[1, 1, 1, 1], Rotation::RoundRobin, false);
        let calls: Vec<_> = (0..400)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    let leased = pool.lease().expect("a key");
                    let before = format!("{}", leased.index);
                    tokio::task::yield_now().await;
                    assert_eq!(leased.key, Key::new(format!("key-{before}")));
                    leased.index
                })
            })
            .collect();
        let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
        for call in calls {
            *counts.entry(call.await.expect("a call")).or_default() += 1;
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [100; 4]);
    }
}
