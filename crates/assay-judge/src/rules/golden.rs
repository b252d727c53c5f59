use assay_model::{Golden, Observation, ReasonKind, Verdict};

use crate::golden::{GoldenDifference, GoldenKind, differences};

/// No difference between what is expected and what was collected.
pub(super) fn apply(observation: &Observation, expected: Option<&Golden>) -> Verdict {
    let Some(expected) = expected else {
        return super::nothing("expectation in its plan");
    };
    let Some(collected) = &observation.golden else {
        return super::nothing("collected output");
    };
    let found = differences(expected, collected);
    if found.is_empty() {
        return Verdict::passed();
    }
    let drifted = found
        .iter()
        .all(|difference| difference.kind == GoldenKind::OutputDrifted);
    let kind = if drifted {
        ReasonKind::Differs
    } else {
        ReasonKind::BrokenPromise
    };
    super::failed(kind, in_short(&found))
}

/// One of each kind, and how many more there are; if the outputs stayed, that too.
fn in_short(found: &[GoldenDifference]) -> String {
    let mut parts: Vec<String> = found
        .chunk_by(|a, b| a.kind == b.kind)
        .filter_map(|group| {
            let first = group.first()?.to_string();
            Some(match group.len() - 1 {
                0 => first,
                more => format!("{first} (and {more} more)"),
            })
        })
        .collect();
    if !found
        .iter()
        .any(|difference| difference.kind.is_of_outputs())
    {
        parts.push("the outputs are the same".into());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use assay_model::Outcome;

    use super::*;
    use crate::golden::samples::golden;

    fn judged(expected: &Golden, collected: Golden) -> Verdict {
        let observation = Observation {
            golden: Some(Box::new(collected)),
            ..Observation::default()
        };
        apply(&observation, Some(expected))
    }

    #[test]
    fn a_rename_is_told_as_one_with_what_became_of_the_outputs() {
        let mut collected = golden();
        let shape = collected.tensors.remove("q.weight").unwrap();
        collected.tensors.insert("query.weight".into(), shape);
        collected
            .renamed
            .insert("query.weight".into(), "q.weight".into());
        let verdict = judged(&golden(), collected);
        assert_eq!(verdict.outcome, Outcome::Failed);
        let reason = verdict.reason.unwrap();
        assert_eq!(reason.kind, ReasonKind::BrokenPromise);
        assert_eq!(
            reason.detail,
            "renamed: q.weight is query.weight now; the outputs are the same"
        );
    }

    #[test]
    fn what_is_expected_holds_and_a_drift_does_not() {
        assert_eq!(judged(&golden(), golden()).outcome, Outcome::Passed);
        let mut collected = golden();
        for value in &mut collected
            .outputs
            .get_mut("last_hidden_state")
            .unwrap()
            .sketch
        {
            *value += 1e-3;
        }
        let reason = judged(&golden(), collected).reason.unwrap();
        assert_eq!(reason.kind, ReasonKind::Differs);
    }
}
