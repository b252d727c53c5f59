use assay_model::{Comparison, Ending, Measured, Platform};

use crate::rules::epsilon;

/// What an ending showed besides the verdict; of errors nothing where the reference itself ran.
#[must_use]
pub fn measured(ending: &Ending, platform: Platform) -> Option<Box<Measured>> {
    let Ending::Observed(observation) = ending else {
        return None;
    };
    let mut figures = observation.measures.clone();
    if !platform.is_reference() {
        for (name, of) in [
            ("error_ratio", error_ratio as fn(&Comparison) -> Option<f64>),
            ("relative_error", relative_error),
        ] {
            let worst = observation.comparisons.iter().filter_map(of);
            if let Some(worst) = worst.reduce(f64::max) {
                figures.insert(name.into(), worst);
            }
        }
    }
    let stage = observation
        .raised
        .as_ref()
        .and_then(|raised| raised.stage.clone());
    let measured = Measured { stage, figures };
    (measured != Measured::default()).then(|| Box::new(measured))
}

/// The error against float64 over that of the reference, or over one epsilon of what was computed where the reference is nearer to float64
/// than that: its error can be small by luck, or none.
fn error_ratio(comparison: &Comparison) -> Option<f64> {
    let errors = comparison.oracle?;
    let least = epsilon(&comparison.dtype) * comparison.rms_reference;
    let ratio = errors.result / errors.reference.max(least);
    ratio.is_finite().then_some(ratio)
}

/// The error against float64 over the size of the reference.
fn relative_error(comparison: &Comparison) -> Option<f64> {
    let error = comparison.oracle?.result / comparison.rms_reference;
    error.is_finite().then_some(error)
}

#[cfg(test)]
mod tests {
    use assay_model::{Observation, OracleErrors, Origin, Raised};

    use super::*;
    use crate::rules::samples::{comparison, with_oracle};

    fn of(observation: Observation, platform: &str) -> Option<Box<Measured>> {
        let ending = Ending::Observed(Box::new(observation));
        measured(&ending, platform.parse().unwrap())
    }

    #[test]
    fn the_largest_error_counts_and_one_by_luck_does_not() {
        let mut lucky = with_oracle(1e-7, 1e-7, 0.0);
        lucky.rms_reference = 1.0;
        let observation = Observation {
            comparisons: vec![
                comparison(0.1),
                with_oracle(1e-5, 3e-6, 1e-6),
                with_oracle(1e-5, 2e-6, 1e-6),
                lucky,
            ],
            ..Observation::default()
        };
        assert_eq!(of(observation.clone(), "cpu"), None);
        let found = of(observation, "openvino").unwrap();
        let ratio = found.figures["error_ratio"];
        assert!((ratio - 3.0).abs() < 1e-9, "{ratio}");
    }

    #[test]
    fn a_ratio_that_is_no_number_is_none() {
        let mut row = comparison(0.0);
        row.oracle = Some(OracleErrors {
            result: f64::NAN,
            reference: 1e-6,
        });
        let observation = Observation {
            comparisons: vec![row],
            ..Observation::default()
        };
        assert_eq!(of(observation, "openvino"), None);
    }

    #[test]
    fn the_stage_is_said() {
        let observation = Observation {
            raised: Some(Raised {
                exception: "RuntimeError".into(),
                message: String::new(),
                frames: Vec::new(),
                origin: Origin::Subject,
                out_of_memory: false,
                missing_package: None,
                not_a_model: None,
                stage: Some("export".into()),
                unavailable: None,
            }),
            ..Observation::default()
        };
        let found = of(observation, "openvino").unwrap();
        assert_eq!(found.stage.as_deref(), Some("export"));
    }
}
