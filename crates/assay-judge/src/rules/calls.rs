use assay_model::{Observation, ReasonKind, Verdict};

/// Every call raised.
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
        None => Verdict::passed(),
    }
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
    use assay_model::{Call, Origin, Outcome, Raised};

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
    fn a_nan_is_never_right() {
        assert_eq!(refuses_or_answers(&call(false, 1)).outcome, Outcome::Failed);
    }
}
