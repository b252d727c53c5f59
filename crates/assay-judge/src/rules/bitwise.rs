use assay_model::{Comparison, ReasonKind};

/// Equal to the last bit.
pub(super) fn apply(comparison: &Comparison) -> Option<(ReasonKind, String)> {
    (comparison.differing > 0).then(|| {
        let detail = format!(
            "{} of {} elements differ; {}",
            comparison.differing,
            comparison.elements,
            super::worst(comparison)
        );
        (ReasonKind::Differs, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::comparison;
    use super::*;

    #[test]
    fn the_smallest_difference_breaks_it() {
        assert_eq!(apply(&comparison(0.0)), None);
        assert!(apply(&comparison(f64::MIN_POSITIVE)).is_some());
    }
}
