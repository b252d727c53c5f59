use assay_model::{Observation, Outcome, ReasonKind, Verdict};

/// Every call raised, and what is counted beside (files that no call may have written) is full.
pub(super) fn refuses(observation: &Observation) -> Verdict {
    if observation.calls.is_empty() {
        return super::nothing("call");
    }
    match observation.calls.iter().find(|call| call.raised.is_none()) {
        Some(call) => super::failed(
            ReasonKind::NotRefused,
            format!(
                "{}: accepted without an exception, answered {} elements",
                call.label, call.elements
            ),
        ),
        None if observation.tallies.is_empty() => Verdict::passed(),
        None => super::full::apply(observation, ReasonKind::Incomplete),
    }
}

/// Every call raised, and what was compared afterwards is equal to the last bit.
pub(super) fn recovers(observation: &Observation) -> Verdict {
    let refused = refuses(observation);
    if refused.outcome != Outcome::Passed {
        return refused;
    }
    super::each_comparison(observation, super::another_shape, super::bitwise::apply)
}

/// Every call raised or gave a finite answer.
pub(super) fn refuses_or_answers(observation: &Observation) -> Verdict {
    if observation.calls.is_empty() {
        return super::nothing("call");
    }
    match observation
        .calls
        .iter()
        .find(|call| call.raised.is_none() && call.non_finite > 0)
    {
        Some(call) => super::failed(
            ReasonKind::NonFinite,
            format!(
                "{}: answered {} elements of which {} are not finite",
                call.label, call.elements, call.non_finite
            ),
        ),
        None => Verdict::passed(),
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{Call, Origin, Raised, Tally};

    use super::super::samples::comparison;
    use super::*;

    fn call(raised: bool, non_finite: u64) -> Observation {
        let raised = raised.then(|| Raised {
            exception: "IndexError".into(),
            message: "index out of range in self".into(),
            frames: vec![],
            origin: Origin::Subject,
            out_of_memory: false,
            missing_package: None,
            not_a_model: None,
            stage: None,
            unavailable: None,
        });
        let call = Call {
            label: "token 4096 of 256".into(),
            raised,
            elements: 64,
            non_finite,
        };
        Observation {
            calls: vec![call],
            ..Observation::default()
        }
    }

    #[test]
    fn refusing_is_right_in_both() {
        assert_eq!(refuses(&call(true, 0)).outcome, Outcome::Passed);
        assert_eq!(refuses_or_answers(&call(true, 0)).outcome, Outcome::Passed);
    }

    #[test]
    fn a_finite_answer_is_right_only_where_it_may_be() {
        assert_eq!(refuses(&call(false, 0)).outcome, Outcome::Failed);
        assert_eq!(refuses_or_answers(&call(false, 0)).outcome, Outcome::Passed);
    }

    #[test]
    fn a_tally_beside_the_calls_counts() {
        let tally = |have| Tally {
            label: "pickles whose code did not run".into(),
            have,
            of: 3,
            lacking: vec![],
        };
        for (have, outcome) in [(3, Outcome::Passed), (2, Outcome::Failed)] {
            let seen = Observation {
                tallies: vec![tally(have)],
                ..call(true, 0)
            };
            assert_eq!(refuses(&seen).outcome, outcome);
        }
    }

    #[test]
    fn recovering_is_refusing_and_then_answering_as_before() {
        let mut seen = call(true, 0);
        assert_eq!(recovers(&seen).outcome, Outcome::Errored);
        seen.comparisons = vec![comparison(0.0)];
        assert_eq!(recovers(&seen).outcome, Outcome::Passed);
        seen.comparisons.push(comparison(1e-9));
        assert_eq!(recovers(&seen).outcome, Outcome::Failed);
        let accepted = Observation {
            comparisons: vec![comparison(0.0)],
            ..call(false, 0)
        };
        assert_eq!(recovers(&accepted).outcome, Outcome::Failed);
    }

    #[test]
    fn a_nan_is_never_right() {
        assert_eq!(refuses_or_answers(&call(false, 1)).outcome, Outcome::Failed);
    }
}
