use std::time::Duration;

use crate::error::{Error, Kind};

/// How a call that failed is tried again: as the official OpenAI client does it, where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Attempts after the first.
    pub attempts: u32,
    /// Before the second attempt; each later one waits twice as long.
    pub first: Duration,
    /// At most, where the server says nothing.
    pub longest: Duration,
    /// The share of a wait that chance may take off, so that clients that failed together do not come back together.
    pub jitter: f64,
    /// The longest that a server may ask for. Beyond it the call is given up at once: who waits for an hour is not waiting.
    pub longest_asked: Duration,
    /// For all waits of a call together.
    pub budget: Duration,
}

impl Default for Retry {
    /// Two more attempts, from 0.5 s to 8 s, less up to a quarter; at most 120 s where the server asks for it (`openai-python`'s
    /// `_constants.py` and `_base_client.py`).
    fn default() -> Self {
        Self {
            attempts: 2,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            jitter: 0.25,
            longest_asked: Duration::from_secs(120),
            budget: Duration::from_secs(300),
        }
    }
}

/// What becomes of a call that failed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It is tried again after this.
    After(Duration),
    /// It is given up, and why.
    GiveUp(&'static str),
}

impl Retry {
    /// What becomes of a call after its attempt number `made` (from 1) failed, `waited` having been waited before. `chance` is drawn from
    /// [0, 1).
    #[must_use]
    pub fn next(&self, error: &Error, made: u32, waited: Duration, chance: f64) -> Verdict {
        if error.should_retry == Some(false) {
            return Verdict::GiveUp("the server says so");
        }
        if error.kind == Kind::QuotaExhausted {
            return Verdict::GiveUp("a quota that is used up does not come back by waiting");
        }
        if !error.is_temporary() && error.should_retry != Some(true) {
            return Verdict::GiveUp("the same call has the same answer");
        }
        if made > self.attempts {
            return Verdict::GiveUp("it was tried often enough");
        }
        let wait = match error.retry_after {
            Some(asked) if asked > self.longest_asked => {
                return Verdict::GiveUp("the server asks for a longer wait than is allowed");
            }
            // What is asked for is the least: nothing is taken off.
            Some(asked) => asked,
            None => {
                let doubled = self.first.saturating_mul(1 << (made - 1).min(16));
                doubled
                    .min(self.longest)
                    .mul_f64(1.0 - self.jitter * chance)
            }
        };
        if waited + wait > self.budget {
            return Verdict::GiveUp("the budget for waiting is used up");
        }
        Verdict::After(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: Kind) -> Error {
        Error::new(kind, "")
    }

    fn asked(seconds: f64) -> Error {
        Error {
            retry_after: Some(Duration::from_secs_f64(seconds)),
            ..error(Kind::RateLimited)
        }
    }

    fn next(error: &Error, made: u32, chance: f64) -> Verdict {
        Retry::default().next(error, made, Duration::ZERO, chance)
    }

    fn is_given_up(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::GiveUp(_))
    }

    #[test]
    fn each_wait_is_twice_the_one_before_less_what_chance_takes_off() {
        let retry = Retry {
            attempts: 9,
            ..Retry::default()
        };
        let waits: Vec<f64> = (1..=7)
            .filter_map(
                |made| match retry.next(&error(Kind::Server), made, Duration::ZERO, 0.0) {
                    Verdict::After(wait) => Some(wait.as_secs_f64()),
                    Verdict::GiveUp(_) => None,
                },
            )
            .collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]);
        let Verdict::After(least) = next(&error(Kind::Server), 1, 1.0) else {
            panic!("it is tried again")
        };
        assert_eq!(least, Duration::from_millis(375));
    }

    #[test]
    fn what_is_permanent_is_never_tried_again() {
        for kind in [
            Kind::Authentication,
            Kind::Permission,
            Kind::NotFound,
            Kind::Invalid,
            Kind::RequestTooLarge,
            Kind::QuotaExhausted,
            Kind::Redirect,
            Kind::Shape,
            Kind::Tls,
            Kind::Name,
            Kind::TooLarge,
            Kind::Encoded,
        ] {
            assert!(is_given_up(next(&error(kind), 1, 0.0)), "{kind}");
        }
        for kind in [
            Kind::Conflict,
            Kind::RateLimited,
            Kind::Overloaded,
            Kind::Server,
            Kind::Timeout,
            Kind::Reset,
            Kind::Cut,
            Kind::Refused,
        ] {
            assert!(!is_given_up(next(&error(kind), 1, 0.0)), "{kind}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_kept_to_the_letter_up_to_a_cap() {
        assert_eq!(
            next(&asked(7.25), 1, 0.9),
            Verdict::After(Duration::from_millis(7250))
        );
        assert_eq!(
            next(&asked(120.0), 1, 0.0),
            Verdict::After(Duration::from_secs(120))
        );
        assert!(is_given_up(next(&asked(121.0), 1, 0.0)));
        let refused = Error {
            should_retry: Some(false),
            ..asked(1.0)
        };
        assert!(is_given_up(next(&refused, 1, 0.0)));
        let wanted = Error {
            should_retry: Some(true),
            ..error(Kind::Invalid)
        };
        assert!(!is_given_up(next(&wanted, 1, 0.0)));
    }

    #[test]
    fn it_ends() {
        assert!(!is_given_up(next(&error(Kind::Server), 2, 0.0)));
        assert!(is_given_up(next(&error(Kind::Server), 3, 0.0)));
        let retry = Retry::default();
        let waited = Duration::from_secs(295);
        assert!(!is_given_up(retry.next(&asked(5.0), 1, waited, 0.0)));
        assert!(is_given_up(retry.next(&asked(5.1), 1, waited, 0.0)));
    }
}
