use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::draws::Draws;

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// At a rate, whether or not those before were answered: many clients that know nothing of each other.
    Open {
        /// Requests a second.
        rate: f64,
        /// How they are spread.
        arrivals: Arrivals,
    },
    /// From so many users, each of whom asks again once it was answered.
    Closed {
        /// How many.
        users: u32,
    },
}

/// How the requests of an open loop are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// One after equal times.
    Constant,
    /// By chance: the times between them are exponential, as between calls of many that don't know of each other.
    Poisson,
}

impl Load {
    /// Twice as much.
    #[must_use]
    pub fn doubled(self) -> Self {
        match self {
            Self::Open { rate, arrivals } => Self::Open {
                rate: 2.0 * rate,
                arrivals,
            },
            Self::Closed { users } => Self::Closed {
                users: users.saturating_mul(2),
            },
        }
    }

    /// The rate, or the number of users.
    #[must_use]
    pub fn size(self) -> f64 {
        match self {
            Self::Open { rate, .. } => rate,
            Self::Closed { users } => f64::from(users),
        }
    }
}

/// When each request of an open loop is due, from its beginning: without an end.
pub(super) fn schedule(rate: f64, arrivals: Arrivals, seed: u64) -> impl Iterator<Item = Duration> {
    let mut draws = Draws::new(seed, 0);
    let mut at = 0.0_f64;
    let mut number = 0_u32;
    std::iter::from_fn(move || {
        match arrivals {
            // Multiplied, not added up, so that no rounding grows.
            Arrivals::Constant => at = f64::from(number) / rate,
            Arrivals::Poisson => at -= draws.fraction().ln() / rate,
        }
        number = number.checked_add(1)?;
        Duration::try_from_secs_f64(at).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(arrivals: Arrivals, seed: u64) -> Vec<f64> {
        let times: Vec<f64> = schedule(50.0, arrivals, seed)
            .take(20_001)
            .map(|at| at.as_secs_f64())
            .collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn constant_arrivals_are_equally_far_apart() {
        let gaps = gaps(Arrivals::Constant, 1);
        assert!(gaps.iter().all(|gap| (gap - 0.02).abs() < 1e-6));
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_an_exponential() {
        let gaps = gaps(Arrivals::Poisson, 1);
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        // The mean of 20,000 has a spread of 0.7 %; an exponential's standard deviation is its mean.
        assert!((mean / 0.02 - 1.0).abs() < 0.03, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn a_seed_draws_the_same_again_and_another_does_not() {
        assert_eq!(gaps(Arrivals::Poisson, 1), gaps(Arrivals::Poisson, 1));
        assert_ne!(gaps(Arrivals::Poisson, 1), gaps(Arrivals::Poisson, 2));
    }
}
