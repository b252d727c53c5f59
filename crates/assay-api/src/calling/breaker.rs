use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When nobody asks any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures one after the other that open it.
    pub failures: u32,
    /// How long it stays open before one call may try.
    pub open: Duration,
}

impl Default for BreakerSettings {
    /// Five failures, half a minute.
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(30),
        }
    }
}

/// A circuit breaker for each endpoint: closed, open after some failures, half open when one call may try again. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    settings: BreakerSettings,
    circuits: Arc<Mutex<HashMap<String, Circuit>>>,
}

#[derive(Debug, Clone, Copy)]
enum Circuit {
    Closed {
        failures: u32,
    },
    Open {
        since: Instant,
    },
    /// One call is under way.
    HalfOpen,
}

/// Leave to make one call; what came of it is to be said. To drop it unsaid counts as neither, and gives the leave back.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    breaker: Breaker,
    endpoint: String,
    is_probe: bool,
    is_said: bool,
}

impl Breaker {
    /// A new one, with every circuit closed.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            circuits: Arc::default(),
        }
    }

    /// Leave to call an endpoint.
    ///
    /// # Errors
    /// How long nobody may; zero while one call tries.
    pub fn permit(&self, endpoint: &str) -> Result<Permit, Duration> {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let circuit = circuits
            .entry(endpoint.to_owned())
            .or_insert(Circuit::Closed { failures: 0 });
        let is_probe = match *circuit {
            Circuit::Closed { .. } => false,
            Circuit::HalfOpen => return Err(Duration::ZERO),
            Circuit::Open { since } => {
                let left = self.settings.open.saturating_sub(since.elapsed());
                if !left.is_zero() {
                    return Err(left);
                }
                *circuit = Circuit::HalfOpen;
                true
            }
        };
        Ok(Permit {
            breaker: self.clone(),
            endpoint: endpoint.to_owned(),
            is_probe,
            is_said: false,
        })
    }

    fn set(&self, endpoint: &str, change: impl FnOnce(Circuit) -> Circuit) {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(circuit) = circuits.get_mut(endpoint) {
            *circuit = change(*circuit);
        }
    }
}

impl Permit {
    /// The call was answered: all failures before it are forgotten.
    pub fn succeeded(mut self) {
        self.is_said = true;
        let is_probe = self.is_probe;
        self.breaker.set(&self.endpoint, |circuit| match circuit {
            // A call that began before it opened says nothing of now.
            Circuit::Open { .. } | Circuit::HalfOpen if !is_probe => circuit,
            _ => Circuit::Closed { failures: 0 },
        });
    }

    /// It failed in a way that speaks against the endpoint.
    pub fn failed(mut self) {
        self.is_said = true;
        let (is_probe, most) = (self.is_probe, self.breaker.settings.failures);
        self.breaker.set(&self.endpoint, |circuit| match circuit {
            Circuit::HalfOpen if is_probe => Circuit::Open {
                since: Instant::now(),
            },
            Circuit::Closed { failures } if failures + 1 >= most => Circuit::Open {
                since: Instant::now(),
            },
            Circuit::Closed { failures } => Circuit::Closed {
                failures: failures + 1,
            },
            other => other,
        });
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe && !self.is_said {
            // Somebody else may try at once.
            let since = Instant::now().checked_sub(self.breaker.settings.open);
            self.breaker.set(&self.endpoint, |_| Circuit::Open {
                since: since.unwrap_or_else(Instant::now),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const OPEN: Duration = Duration::from_secs(30);

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings {
            failures: 3,
            open: OPEN,
        })
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.permit("a").expect("a call").failed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_one_after_the_other_open_it_and_a_success_forgets_them() {
        let breaker = breaker();
        fail(&breaker, 2);
        breaker.permit("a").expect("a call").succeeded();
        fail(&breaker, 2);
        breaker.permit("a").expect("still closed").failed();
        assert_eq!(breaker.permit("a").expect_err("open"), OPEN);
        // Each endpoint has its own.
        breaker.permit("b").expect("closed").succeeded();
        advance(Duration::from_secs(10)).await;
        assert_eq!(
            breaker.permit("a").expect_err("open"),
            Duration::from_secs(20)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_tries_and_all_others_wait_for_it() {
        let breaker = breaker();
        fail(&breaker, 3);
        advance(OPEN).await;
        let probe = breaker.permit("a").expect("one may try");
        for _ in 0..5 {
            assert_eq!(
                breaker.permit("a").expect_err("one is enough"),
                Duration::ZERO
            );
        }
        probe.failed();
        assert_eq!(breaker.permit("a").expect_err("open again"), OPEN);
        advance(OPEN).await;
        breaker.permit("a").expect("one may try").succeeded();
        // The count begins anew.
        fail(&breaker, 2);
        breaker.permit("a").expect("closed").succeeded();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_neither_closes_it_nor_keeps_it_open() {
        let breaker = breaker();
        let (early, late) = (
            breaker.permit("a").expect("a call"),
            breaker.permit("a").expect("a call"),
        );
        fail(&breaker, 3);
        early.succeeded();
        assert!(breaker.permit("a").is_err());
        advance(OPEN).await;
        let probe = breaker.permit("a").expect("one may try");
        late.failed();
        probe.succeeded();
        assert!(breaker.permit("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_nobody_ends_is_given_back() {
        let breaker = breaker();
        fail(&breaker, 3);
        advance(OPEN).await;
        drop(breaker.permit("a").expect("one may try"));
        breaker.permit("a").expect("another may").succeeded();
    }
}
