use assay_model::{Observation, ReasonKind, Verdict};

/// Every tally is full, and counts something.
pub(super) fn apply(observation: &Observation, kind: ReasonKind) -> Verdict {
    if observation.tallies.is_empty() {
        return super::nothing("tally");
    }
    for tally in &observation.tallies {
        if tally.of == 0 {
            return super::failed(kind, format!("{}: there is nothing to count", tally.label));
        }
        if tally.have != tally.of {
            let lacking = if tally.lacking.is_empty() {
                String::new()
            } else {
                format!("; not {}", tally.lacking.join(", "))
            };
            return super::failed(
                kind,
                format!("{}: {} of {}{lacking}", tally.label, tally.have, tally.of),
            );
        }
    }
    Verdict::passed()
}

#[cfg(test)]
mod tests {
    use assay_model::{Outcome, Tally};

    use super::*;

    fn outcome(have: u64, of: u64) -> Outcome {
        let tally = Tally {
            label: "modules reached".into(),
            have,
            of,
            lacking: vec![],
        };
        apply(
            &Observation {
                tallies: vec![tally],
                ..Observation::default()
            },
            ReasonKind::Incomplete,
        )
        .outcome
    }

    #[test]
    fn all_of_something() {
        assert_eq!(outcome(3, 3), Outcome::Passed);
        assert_eq!(outcome(2, 3), Outcome::Failed);
        assert_eq!(outcome(4, 3), Outcome::Failed);
        assert_eq!(outcome(0, 0), Outcome::Failed);
    }
}
