use assay_model::{Comparison, ReasonKind};

/// A result is close outright if its largest difference is below this many epsilons of the reference's largest value. Measured on
/// tiny bert, llama and t5: float32's own noise is 1e-7 to 2e-7 of the scale, one to two epsilons (`FACTS.md`); 4 leaves room for the
/// tail of 10^4 elements and is a hundred times below what a 1 % change of a median parameter does (8e-4).
const CLOSE_EPSILONS: f64 = 4.0;

/// How much worse than the reference a result may be, against float64: the multiplier of `torch._dynamo.utils.same` as
/// `benchmarks/dynamo` uses it, 2, and 3 for half precision or few elements.
const MULTIPLIER: f64 = 2.0;
const MULTIPLIER_NOISY: f64 = 3.0;
const FEW_ELEMENTS: u64 = 1000;

/// So few that the errors of two runs, alike but for their rounding, may be far apart by luck: of two elements each, one rms is more
/// than three times the other in a case of ten, more than ten times in one of a hundred (F distribution). Seen with edgetam's two scores
/// on OpenVINO, which were 3.7 times as far from float64 as eager torch's, 4e-6 of their size.
const FEWEST_ELEMENTS: u64 = 8;
const MULTIPLIER_FEWEST: f64 = 10.0;

/// Added to the bound, in epsilons of the reference's rms: the reference's own error can be small by luck, and the noise that
/// [`CLOSE_EPSILONS`] forgives in one element is noise in all of them too.
pub(crate) const FLOOR_EPSILONS: f64 = CLOSE_EPSILONS;

/// A float64 run further than this from the reference, in epsilons of its rms, went another way (another expert, another draw): it says
/// nothing of the reference's error. Measured: noise reaches some hundred epsilons in deep nets.
pub(crate) const ASTRAY_EPSILONS: f64 = 4096.0;

/// Close outright, or no further from float64 than the reference is, within the multiplier and the floor.
pub(super) fn apply(comparison: &Comparison) -> Option<(ReasonKind, String)> {
    if comparison.non_finite_mismatch > 0 {
        let detail = format!(
            "{} elements are finite in only one of the two",
            comparison.non_finite_mismatch
        );
        return Some((ReasonKind::NonFinite, detail));
    }
    let epsilon = super::epsilon(&comparison.dtype);
    if comparison.max_difference <= CLOSE_EPSILONS * epsilon * comparison.max_reference {
        return None;
    }
    let Some(oracle) = comparison.oracle else {
        return Some((ReasonKind::Differs, super::worst(comparison)));
    };
    if oracle.reference > ASTRAY_EPSILONS * epsilon * comparison.rms_reference {
        let detail = format!(
            "{}; the float64 run went another way: its rms distance from the reference is {:.3e}",
            super::worst(comparison),
            oracle.reference
        );
        return Some((ReasonKind::Differs, detail));
    }
    let bound = multiplier(&comparison.dtype, comparison.elements) * oracle.reference
        + FLOOR_EPSILONS * epsilon * comparison.rms_reference;
    // Written so that a NaN breaks the rule.
    if oracle.result <= bound {
        return None;
    }
    let detail = format!(
        "{}; rms error against float64 is {:.3e}, the reference's own is {:.3e}, the bound is {bound:.3e}",
        super::worst(comparison),
        oracle.result,
        oracle.reference
    );
    Some((ReasonKind::Differs, detail))
}

/// How much worse than another's a result's error may be.
pub(crate) fn multiplier(dtype: &str, elements: u64) -> f64 {
    if elements < FEWEST_ELEMENTS {
        MULTIPLIER_FEWEST
    } else if elements < FEW_ELEMENTS || matches!(dtype, "float16" | "bfloat16" | "qint8") {
        MULTIPLIER_NOISY
    } else {
        MULTIPLIER
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{comparison, with_oracle};
    use super::*;

    #[test]
    fn noise_of_the_type_is_forgiven_without_an_oracle() {
        assert_eq!(apply(&comparison(2e-7)), None);
        assert!(apply(&comparison(1e-6)).is_some());
    }

    #[test]
    fn what_is_no_worse_than_the_reference_holds() {
        assert_eq!(apply(&with_oracle(1e-5, 2.1e-6, 1e-6)), None);
        assert!(apply(&with_oracle(1e-5, 2.2e-6, 1e-6)).is_some());
    }

    #[test]
    fn an_oracle_that_went_astray_excuses_nothing() {
        // One router that chose another expert: the oracle is far from both.
        assert!(apply(&with_oracle(0.5, 0.4, 0.3)).is_some());
        assert_eq!(apply(&with_oracle(1e-7, 0.3, 0.3)), None);
    }

    #[test]
    fn few_elements_and_half_precision_get_the_wider_multiplier() {
        let mut few = with_oracle(1e-5, 3.0e-6, 1e-6);
        assert!(apply(&few).is_some());
        few.elements = 999;
        assert_eq!(apply(&few), None);
        let mut fewest = with_oracle(1e-5, 1.0e-5, 1e-6);
        fewest.elements = 8;
        assert!(apply(&fewest).is_some());
        fewest.elements = 7;
        assert_eq!(apply(&fewest), None);
        fewest.oracle = with_oracle(1e-5, 1.3e-5, 1e-6).oracle;
        assert!(apply(&fewest).is_some());
        let mut half = with_oracle(0.5, 2.9e-2, 1e-2);
        half.dtype = "bfloat16".into();
        assert_eq!(apply(&half), None);
    }

    #[test]
    fn a_nan_never_holds() {
        assert!(apply(&with_oracle(f64::NAN, f64::NAN, 1e-6)).is_some());
        assert!(apply(&comparison(f64::NAN)).is_some());
        let mut one_sided = comparison(0.0);
        one_sided.non_finite_mismatch = 1;
        assert_eq!(
            apply(&one_sided).map(|(kind, _)| kind),
            Some(ReasonKind::NonFinite)
        );
    }

    #[test]
    fn integers_have_no_noise_to_forgive() {
        let mut integers = comparison(1.0);
        integers.dtype = "int64".into();
        integers.max_reference = 1e9;
        assert!(apply(&integers).is_some());
    }
}
