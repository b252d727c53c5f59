use assay_model::{Comparison, Observation, ReasonKind, Verdict};

/// Noise in epsilons of the scale, as rms. Measured: the noise of a float32 forward is 1e-7 to 2e-7 of the scale (one to two epsilons),
/// and a 1 % change of one parameter tensor moves the median output by 8e-4 (`FACTS.md`). 64 epsilons (7.6e-6) lie between the two, and
/// the checks redraw a whole input, which does far more.
const NOISE_EPSILONS: f64 = 64.0;

/// Every comparison moves. An output whose very shape depends on the input (matches, a waveform as long as its text asks for) has moved.
pub(super) fn apply(observation: &Observation) -> Verdict {
    super::each_comparison(observation, |_| None, moves)
}

/// Differs by far more than the noise of its type.
fn moves(comparison: &Comparison) -> Option<(ReasonKind, String)> {
    let noise = NOISE_EPSILONS * super::epsilon(&comparison.dtype) * comparison.rms_reference;
    // Written so that a NaN breaks the rule.
    if comparison.rms_difference > noise {
        return None;
    }
    let detail = format!(
        "does not move: rms difference {:.3e}, noise is {noise:.3e} ({} of {} elements differ)",
        comparison.rms_difference, comparison.differing, comparison.elements
    );
    Some((ReasonKind::Unmoved, detail))
}

#[cfg(test)]
mod tests {
    use assay_model::Outcome;

    use super::super::samples::{comparison, observation};
    use super::*;

    #[test]
    fn noise_is_no_movement() {
        assert!(moves(&comparison(0.0)).is_some());
        assert!(moves(&comparison(2e-7)).is_some());
        assert!(moves(&comparison(f64::NAN)).is_some());
        assert_eq!(moves(&comparison(1e-3)), None);
    }

    #[test]
    fn another_shape_is_movement() {
        let longer = Comparison {
            shape_mismatch: Some("[2, 960] of float32 against [2, 704] of float32".into()),
            elements: 0,
            ..comparison(0.0)
        };
        assert_eq!(
            apply(&observation(vec![longer.clone()])).outcome,
            Outcome::Passed
        );
        assert_eq!(
            apply(&observation(vec![longer, comparison(0.0)])).outcome,
            Outcome::Failed
        );
    }
}
