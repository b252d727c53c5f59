//! One file per rule: what makes an observation hold.

mod bitwise;
mod calls;
mod flat;
mod full;
mod golden;
mod moves;
pub(crate) mod oracle;
mod promises;

use assay_model::{Comparison, Golden, Observation, Outcome, ReasonKind, Rule, Verdict};

/// Judges an observation that came to its end, provenance apart.
pub(crate) fn apply(rule: Rule, observation: &Observation, expected: Option<&Golden>) -> Verdict {
    match rule {
        Rule::Completes => Verdict::passed(),
        Rule::Full => full::apply(observation, ReasonKind::Incomplete),
        Rule::Finite => full::apply(observation, ReasonKind::NonFinite),
        Rule::Bitwise => and_full(
            observation,
            each_comparison(observation, another_shape, bitwise::apply),
        ),
        Rule::Oracle => and_full(
            observation,
            each_comparison(observation, another_shape, oracle::apply),
        ),
        Rule::Moves => moves::apply(observation),
        Rule::Refuses => calls::refuses(observation),
        Rule::RefusesOrAnswers => calls::refuses_or_answers(observation),
        Rule::Recovers => calls::recovers(observation),
        Rule::Flat => flat::apply(observation),
        Rule::Promises => promises::apply(observation),
        Rule::Executes => full::apply(observation, ReasonKind::FellBack),
        Rule::Golden => golden::apply(observation, expected),
    }
}

/// What was counted beside the comparisons must be full as well.
fn and_full(observation: &Observation, verdict: Verdict) -> Verdict {
    if verdict.outcome == Outcome::Passed && !observation.tallies.is_empty() {
        return full::apply(observation, ReasonKind::Incomplete);
    }
    verdict
}

/// A rule that saw nothing to judge must not hold.
fn nothing(what: &str) -> Verdict {
    Verdict::new(
        Outcome::Errored,
        ReasonKind::NothingObserved,
        format!("the observation holds no {what}"),
    )
}

fn failed(kind: ReasonKind, detail: String) -> Verdict {
    Verdict::new(Outcome::Failed, kind, detail)
}

/// A difference of shape or type does not hold where values are to agree.
fn another_shape(mismatch: &str) -> Option<(ReasonKind, String)> {
    Some((ReasonKind::Differs, mismatch.to_owned()))
}

/// Applies a rule to every comparison, or the rule of shapes to those that have two; the first that does not hold decides. A comparison
/// of nothing never holds.
fn each_comparison(
    observation: &Observation,
    shapes: fn(&str) -> Option<(ReasonKind, String)>,
    rule: fn(&Comparison) -> Option<(ReasonKind, String)>,
) -> Verdict {
    if observation.comparisons.is_empty() {
        return nothing("comparison");
    }
    for comparison in &observation.comparisons {
        let broken = match &comparison.shape_mismatch {
            Some(mismatch) => shapes(mismatch),
            None if comparison.elements == 0 => {
                Some((ReasonKind::Incomplete, "no element to compare".to_owned()))
            }
            None => rule(comparison),
        };
        if let Some((kind, detail)) = broken {
            return failed(kind, format!("{}: {detail}", comparison.label));
        }
    }
    Verdict::passed()
}

/// Where the largest difference is, for a message.
fn worst(comparison: &Comparison) -> String {
    format!(
        "largest difference {:.3e} at {:?}, where the reference's largest value is {:.3e}",
        comparison.max_difference, comparison.worst_index, comparison.max_reference
    )
}

/// The distance from 1 to the next number of a `torch` type; zero for integers, which have no rounding to forgive.
pub(crate) fn epsilon(dtype: &str) -> f64 {
    match dtype {
        "float64" | "complex128" => f64::EPSILON,
        "float32" | "complex64" => f64::from(f32::EPSILON),
        "float16" => 2f64.powi(-10),
        // A row of weights in eight bits: 127 steps to its largest value.
        "bfloat16" | "qint8" => 2f64.powi(-7),
        _ => 0.0,
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use assay_model::{Comparison, Observation, OracleErrors};

    /// A float32 comparison of 4,096 elements with the given largest difference, on a scale of 1.
    pub(crate) fn comparison(max_difference: f64) -> Comparison {
        Comparison {
            label: "last_hidden_state".into(),
            dtype: "float32".into(),
            shape: vec![2, 64, 32],
            shape_mismatch: None,
            elements: 4096,
            differing: u64::from(max_difference > 0.0),
            max_difference,
            rms_difference: max_difference / 4.0,
            max_reference: 1.0,
            rms_reference: 0.25,
            non_finite_mismatch: 0,
            worst_index: vec![1, 2, 3],
            oracle: None,
        }
    }

    pub(crate) fn with_oracle(max_difference: f64, result: f64, reference: f64) -> Comparison {
        Comparison {
            oracle: Some(OracleErrors { result, reference }),
            ..comparison(max_difference)
        }
    }

    pub(crate) fn observation(comparisons: Vec<Comparison>) -> Observation {
        Observation {
            comparisons,
            ..Observation::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{comparison, observation};
    use super::*;

    #[test]
    fn no_rule_but_completes_holds_on_an_empty_observation() {
        for rule in [
            Rule::Full,
            Rule::Finite,
            Rule::Bitwise,
            Rule::Oracle,
            Rule::Moves,
            Rule::Refuses,
            Rule::RefusesOrAnswers,
            Rule::Recovers,
            Rule::Flat,
            Rule::Promises,
            Rule::Golden,
        ] {
            assert_ne!(
                apply(rule, &Observation::default(), None).outcome,
                Outcome::Passed,
                "{rule:?}"
            );
        }
    }

    #[test]
    fn another_shape_agrees_with_nothing() {
        for rule in [Rule::Bitwise, Rule::Oracle] {
            let mut other = comparison(0.0);
            other.shape_mismatch = Some("[2, 3] against [3, 2]".into());
            assert_eq!(
                apply(rule, &observation(vec![other]), None).outcome,
                Outcome::Failed,
                "{rule:?}"
            );
        }
    }

    #[test]
    fn no_element_never_holds() {
        for rule in [Rule::Bitwise, Rule::Oracle, Rule::Moves] {
            let mut empty = comparison(0.0);
            empty.elements = 0;
            assert_eq!(
                apply(rule, &observation(vec![empty]), None).outcome,
                Outcome::Failed,
                "{rule:?}"
            );
        }
    }

    #[test]
    fn what_is_counted_beside_comparisons_must_be_full() {
        for rule in [Rule::Bitwise, Rule::Oracle] {
            for (have, outcome) in [(2, Outcome::Passed), (1, Outcome::Failed)] {
                let mut seen = observation(vec![comparison(0.0)]);
                seen.tallies.push(assay_model::Tally {
                    label: "layers that are computed again".into(),
                    have,
                    of: 2,
                    lacking: vec![],
                });
                assert_eq!(apply(rule, &seen, None).outcome, outcome, "{rule:?}");
            }
        }
    }

    #[test]
    fn one_broken_comparison_among_many_decides() {
        let verdict = apply(
            Rule::Bitwise,
            &observation(vec![comparison(0.0), comparison(1e-9), comparison(0.0)]),
            None,
        );
        assert_eq!(verdict.outcome, Outcome::Failed);
    }
}
