use assay_model::{Comparison, ReasonKind};

/// Noise in epsilons of the scale, as rms. Measured: the noise of a float32 forward is 1e-7 to 2e-7 of the scale (one to two epsilons),
/// and a 1 % change of one parameter tensor moves the median output by 8e-4 (`FACTS.md`). 64 epsilons (7.6e-6) lie between the two, and
/// the checks redraw a whole input, which does far more.
const NOISE_EPSILONS: f64 = 64.0;

/// Differs by far more than the noise of its type.
pub(super) fn apply(comparison: &Comparison) -> Option<(ReasonKind, String)> {
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
    use super::super::samples::comparison;
    use super::*;

    #[test]
    fn noise_is_no_movement() {
        assert!(apply(&comparison(0.0)).is_some());
        assert!(apply(&comparison(2e-7)).is_some());
        assert!(apply(&comparison(f64::NAN)).is_some());
        assert_eq!(apply(&comparison(1e-3)), None);
    }
}
