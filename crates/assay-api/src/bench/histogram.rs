use std::time::Duration;

use hdrhistogram::Histogram;

/// Microseconds in an HDR histogram of three digits: a quantile is off by a thousandth at most, however far apart the times are.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

/// What is told of many times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub struct Quantiles {
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

/// Significant digits.
const DIGITS: u8 = 3;

impl Default for Latencies {
    fn default() -> Self {
        // It refuses more than five digits only.
        Self(Histogram::new(DIGITS).unwrap_or_else(|_| unreachable!("three digits")))
    }
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        // It grows with what it is given, and 64 bits of microseconds are more than there is time.
        let _ = self
            .0
            .record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// The time below which that share of them lies, in milliseconds; 0 of none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        milliseconds(self.0.value_at_quantile(share))
    }

    /// All that is told of them; none of none.
    #[must_use]
    pub fn quantiles(&self) -> Option<Quantiles> {
        (!self.0.is_empty()).then(|| Quantiles {
            count: self.0.len(),
            mean: self.0.mean() / 1e3,
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            max: milliseconds(self.0.max()),
        })
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of some hours are far below 2^53"
)]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_times() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles(), None);
        for milliseconds in 1..=1000 {
            latencies.add(Duration::from_millis(milliseconds));
        }
        let found = latencies.quantiles().expect("some");
        assert_eq!(found.count, 1000);
        for (found, known) in [
            (found.mean, 500.5),
            (found.p50, 500.0),
            (found.p90, 900.0),
            (found.p95, 950.0),
            (found.p99, 990.0),
            (found.max, 1000.0),
        ] {
            assert!((found / known - 1.0).abs() < 2e-3, "{found}, not {known}");
        }
    }

    #[test]
    fn a_day_and_nothing_are_held_together() {
        let mut latencies = Latencies::default();
        latencies.add(Duration::ZERO);
        latencies.add(Duration::from_secs(86_400));
        let found = latencies.quantiles().expect("some");
        assert!(found.p50 < 1e-9);
        assert!((found.max / 86_400e3 - 1.0).abs() < 2e-3, "{}", found.max);
    }
}
