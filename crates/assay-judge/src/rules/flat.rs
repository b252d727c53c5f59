use assay_model::{Observation, ReasonKind, Series, Verdict};

/// The slope of growth that is one: no tensor on the heap is smaller, since torch aligns its memory to 64 bytes (`gAlignment`,
/// `c10/core/alignment.h`). Measured on clean models: the lower limit is below zero or zero, single blocks of 16 to 1,888 bytes come and go.
const LEAST_GROWTH: f64 = 64.0;

/// 97.5 % of the standard normal distribution: the interval holds the slope with a confidence of 95 %.
const NORMAL_QUANTILE: f64 = 1.96;

/// Fewer values than this have no such interval: four rise by chance once in 24, and 2.5 % is once in 40.
const FEWEST_VALUES: usize = 5;

/// No series grows: the confidence interval of its slope reaches down to what is no growth.
pub(super) fn apply(observation: &Observation) -> Verdict {
    if observation.series.is_empty() {
        return super::nothing("series");
    }
    for series in &observation.series {
        let Some(slope) = Slope::of(&series.values) else {
            return super::nothing("series of five finite values or more");
        };
        if slope.lower > LEAST_GROWTH {
            return super::failed(ReasonKind::Grows, grows(series, &slope));
        }
    }
    Verdict::passed()
}

fn grows(series: &Series, slope: &Slope) -> String {
    format!(
        "{} grow by {:.0} {} a call (95 % sure of at least {:.0}), from {:.0} to {:.0} in {} calls",
        series.label,
        slope.median,
        series.unit,
        slope.lower,
        series.values.first().copied().unwrap_or_default(),
        series.values.last().copied().unwrap_or_default(),
        series.values.len()
    )
}

/// The slope of a line through a series with its confidence interval, after Theil and Sen: the median of the slopes between all pairs
/// of values. A single step, a cache that fills, bends a least-squares line and leaves the median where it was. The interval is that of
/// Kendall's statistic: Sen, *Estimates of the regression coefficient based on Kendall's tau*, JASA 63 (1968), 1379–1389.
struct Slope {
    median: f64,
    lower: f64,
}

impl Slope {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of some dozen values"
    )]
    fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count < FEWEST_VALUES || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut slopes: Vec<f64> = (0..count)
            .flat_map(|from| (from + 1..count).map(move |to| (from, to)))
            .map(|(from, to)| (values[to] - values[from]) / (to - from) as f64)
            .collect();
        slopes.sort_by(f64::total_cmp);
        let n = count as f64;
        let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
        let below = (slopes.len() as f64 - NORMAL_QUANTILE * deviation) / 2.0;
        Some(Self {
            median: slopes[slopes.len() / 2],
            lower: slopes[below.max(0.0) as usize],
        })
    }
}

#[cfg(test)]
mod tests {
    use assay_model::Outcome;

    use super::*;

    fn outcome(increments: [f64; 7]) -> Outcome {
        let mut value = 1e6;
        let mut values = vec![value];
        for increment in increments {
            value += increment;
            values.push(value);
        }
        of(values)
    }

    fn of(values: Vec<f64>) -> Outcome {
        let series = Series {
            label: "live bytes after each call".into(),
            unit: "bytes".into(),
            values,
        };
        apply(&Observation {
            series: vec![series],
            ..Observation::default()
        })
        .outcome
    }

    #[test]
    fn a_tensor_that_is_kept_at_each_call_or_at_every_second_is_a_leak() {
        assert_eq!(outcome([300.0; 7]), Outcome::Failed);
        let every_second = [0.0, 300.0, 0.0, 300.0, 0.0, 300.0, 0.0];
        assert_eq!(outcome(every_second), Outcome::Failed);
        assert_eq!(outcome(every_second.map(|x| 300.0 - x)), Outcome::Failed);
    }

    #[test]
    fn growth_under_noise_is_a_leak() {
        let noisy = [
            4_096.0, 3_472.0, 4_720.0, 4_096.0, 4_080.0, 4_112.0, 4_640.0,
        ];
        assert_eq!(outcome(noisy), Outcome::Failed);
    }

    #[test]
    fn a_step_is_none_nor_is_noise() {
        assert_eq!(outcome([0.0; 7]), Outcome::Passed);
        assert_eq!(
            outcome([0.0, 0.0, 0.0, 65_536.0, 0.0, 0.0, 0.0]),
            Outcome::Passed
        );
        // Seen of clean models: gpt2, wav2vec2, mamba2.
        assert_eq!(
            outcome([576.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            Outcome::Passed
        );
        assert_eq!(
            outcome([592.0, 0.0, 816.0, 0.0, -16.0, 0.0, -32.0]),
            Outcome::Passed
        );
        assert_eq!(
            outcome([-624.0, 624.0, -624.0, 0.0, -624.0, 1_248.0, 0.0]),
            Outcome::Passed
        );
        assert_eq!(outcome([16.0; 7]), Outcome::Passed);
    }

    #[test]
    fn shrinking_is_no_leak() {
        assert_eq!(outcome([-300.0; 7]), Outcome::Passed);
    }

    #[test]
    fn too_few_values_or_a_nan_say_nothing() {
        assert_eq!(of(vec![1.0, 2.0, 3.0, 4.0]), Outcome::Errored);
        assert_eq!(of(vec![1.0, 2.0, 3.0, 4.0, f64::NAN]), Outcome::Errored);
    }
}
