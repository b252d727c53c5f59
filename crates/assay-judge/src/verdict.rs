use assay_model::{
    Ending, Golden, Observation, Origin, Outcome, Platform, Provenance, Raised, ReasonKind, Rule,
    Verdict,
};

use crate::Proof;
use crate::rules;

/// The verdict on one case.
///
/// `proof` is what [`crate::prove`] makes of the evidence of the case's unit; none if the unit's workers gave no evidence. `expected` is
/// the expectation of the plan, if it has one.
#[must_use]
pub fn judge(
    rule: Rule,
    ending: &Ending,
    platform: Platform,
    proof: Option<&Proof>,
    expected: Option<&Golden>,
) -> Verdict {
    let observation = match ending {
        Ending::Observed(observation) => observation,
        Ending::Crashed { signal, detail, .. } => {
            let kind = if signal.is_some() {
                ReasonKind::Signal
            } else {
                ReasonKind::Exit
            };
            return Verdict::new(Outcome::Crashed, kind, detail.clone());
        }
        Ending::TimedOut { .. } => {
            return Verdict::new(Outcome::TimedOut, ReasonKind::Deadline, ending.to_string());
        }
        Ending::OutOfMemory { .. } => {
            return Verdict::new(Outcome::OutOfMemory, ReasonKind::Memory, ending.to_string());
        }
        Ending::ProtocolBroken { detail } => {
            return Verdict::new(Outcome::Errored, ReasonKind::Protocol, detail.clone());
        }
        Ending::NotRun { why } => return not_run(why),
    };
    if let Some(device) = observation
        .devices
        .iter()
        .find(|device| *device != platform.device_type())
    {
        let detail = format!(
            "the worker says that tensors are on `{device}`, and the platform is `{platform}`"
        );
        return Verdict::new(Outcome::Errored, ReasonKind::WrongDevice, detail);
    }
    let provenance = proof.and_then(|proof| proof.provenance);
    if let (Some(Provenance::Mock), Some(proof)) = (provenance, proof) {
        return Verdict::new(Outcome::Failed, ReasonKind::Mock, proof.detail.clone());
    }
    if let Some(raised) = &observation.raised {
        return of_exception(raised);
    }
    if let Some(words) = &observation.unsupported {
        return Verdict::new(
            Outcome::Skipped,
            ReasonKind::UnsupportedByBackend,
            words.clone(),
        );
    }
    let mut verdict = rules::apply(rule, observation, expected);
    if verdict.outcome == Outcome::Failed
        && let (Some(reason), Some(explained)) = (&mut verdict.reason, &observation.explained)
    {
        let without = Observation {
            comparisons: explained.comparisons.clone(),
            ..Observation::default()
        };
        let again = rules::apply(rule, &without, expected);
        // Rounding loses no output, turns none to NaN and gives none another shape.
        let is_rounding = observation
            .comparisons
            .iter()
            .all(|row| row.shape_mismatch.is_none() && row.non_finite_mismatch == 0);
        if again.outcome == Outcome::Passed && is_rounding {
            reason.kind = ReasonKind::Setting;
        }
        let ends = again.reason.map_or_else(
            || String::from("all agree"),
            |reason| format!("still {reason}"),
        );
        reason.detail += &format!("; without {}: {ends}", explained.setting);
    }
    if verdict.outcome == Outcome::Passed && provenance != Some(Provenance::Real) {
        let why = proof.map_or("no worker of this unit lived to show evidence", |proof| {
            proof.detail.as_str()
        });
        return Verdict::new(Outcome::Failed, ReasonKind::Unproven, why);
    }
    verdict
}

fn not_run(why: &str) -> Verdict {
    let kind = match why {
        "fail-fast" => ReasonKind::FailFast,
        why if why.starts_with("interrupted") => ReasonKind::Interrupted,
        _ => ReasonKind::NoWorker,
    };
    Verdict::new(Outcome::NotRun, kind, why)
}

fn of_exception(raised: &Raised) -> Verdict {
    let place = raised
        .frames
        .last()
        .map(|frame| format!(" (at {frame})"))
        .unwrap_or_default();
    let message = in_a_line(&raised.message);
    if let Some(lacking) = &raised.unavailable {
        return Verdict::new(
            Outcome::Skipped,
            ReasonKind::PlatformUnavailable,
            lacking.to_string(),
        );
    }
    let stage = raised
        .stage
        .as_ref()
        .map(|stage| format!("{stage}: "))
        .unwrap_or_default();
    let detail = format!("{stage}{}: {message}{place}", raised.exception);
    if raised.out_of_memory {
        return Verdict::new(Outcome::OutOfMemory, ReasonKind::Memory, detail);
    }
    if let Some(why) = &raised.not_a_model {
        return Verdict::new(Outcome::Skipped, ReasonKind::NotAModel, why.clone());
    }
    if let Some(package) = &raised.missing_package {
        let detail = format!("the package `{package}` is not installed");
        return Verdict::new(Outcome::Skipped, ReasonKind::MissingDependency, detail);
    }
    match raised.origin {
        Origin::Subject => Verdict::new(Outcome::Failed, ReasonKind::Exception, detail),
        Origin::Worker => Verdict::new(Outcome::Errored, ReasonKind::Worker, detail),
    }
}

/// The first line of a message; where that only leads up to what is said (`Exception from src/request.cpp:75:`) the last one, too.
fn in_a_line(message: &str) -> String {
    let mut lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    match lines.next_back() {
        Some(last) if first.ends_with(':') => format!("{first} {last}"),
        _ => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{Comparison, Explained};

    use super::*;

    fn real() -> Proof {
        Proof {
            provenance: Some(Provenance::Real),
            detail: String::new(),
        }
    }

    fn observed(observation: Observation) -> Ending {
        Ending::Observed(Box::new(observation))
    }

    fn raised(origin: Origin) -> Raised {
        Raised {
            exception: "RuntimeError".into(),
            message: "boom".into(),
            frames: vec!["modeling_bert.py:10 in forward".into()],
            origin,
            out_of_memory: false,
            missing_package: None,
            not_a_model: None,
            stage: None,
            unavailable: None,
        }
    }

    fn of(observation: Observation, proof: Option<&Proof>) -> (Outcome, Option<ReasonKind>) {
        let verdict = judge(
            Rule::Completes,
            &observed(observation),
            Platform::CPU,
            proof,
            None,
        );
        (verdict.outcome, verdict.reason.map(|reason| reason.kind))
    }

    #[test]
    fn only_a_proven_model_passes() {
        assert_eq!(
            of(Observation::default(), Some(&real())),
            (Outcome::Passed, None)
        );
        let mock = Proof {
            provenance: Some(Provenance::Mock),
            detail: "constant".into(),
        };
        assert_eq!(
            of(Observation::default(), Some(&mock)),
            (Outcome::Failed, Some(ReasonKind::Mock))
        );
        let unknown = Proof {
            provenance: None,
            detail: "the forward raised".into(),
        };
        assert_eq!(
            of(Observation::default(), Some(&unknown)),
            (Outcome::Failed, Some(ReasonKind::Unproven))
        );
        assert_eq!(
            of(Observation::default(), None),
            (Outcome::Failed, Some(ReasonKind::Unproven))
        );
    }

    #[test]
    fn a_mock_is_a_mock_even_where_it_raises() {
        let mock = Proof {
            provenance: Some(Provenance::Mock),
            detail: "constant".into(),
        };
        let observation = Observation {
            raised: Some(raised(Origin::Worker)),
            ..Observation::default()
        };
        assert_eq!(
            of(observation, Some(&mock)),
            (Outcome::Failed, Some(ReasonKind::Mock))
        );
    }

    #[test]
    fn an_exception_is_laid_at_the_door_of_whose_code_raised_it() {
        let of_origin = |origin| {
            of(
                Observation {
                    raised: Some(raised(origin)),
                    ..Observation::default()
                },
                Some(&real()),
            )
        };
        assert_eq!(
            of_origin(Origin::Subject),
            (Outcome::Failed, Some(ReasonKind::Exception))
        );
        assert_eq!(
            of_origin(Origin::Worker),
            (Outcome::Errored, Some(ReasonKind::Worker))
        );
    }

    #[test]
    fn a_message_that_only_leads_up_is_told_to_its_end() {
        assert_eq!(in_a_line("boom\nand more"), "boom");
        assert_eq!(
            in_a_line("Exception from a.cpp:75:\nException from b.cpp:6:\nwrong type\n\n"),
            "Exception from a.cpp:75: wrong type"
        );
        assert_eq!(in_a_line("only this:"), "only this:");
        assert_eq!(in_a_line(""), "");
    }

    #[test]
    fn memory_and_missing_packages_have_outcomes_of_their_own() {
        let memory = Raised {
            out_of_memory: true,
            ..raised(Origin::Subject)
        };
        let observation = Observation {
            raised: Some(memory),
            ..Observation::default()
        };
        assert_eq!(
            of(observation, Some(&real())),
            (Outcome::OutOfMemory, Some(ReasonKind::Memory))
        );
        let package = Raised {
            missing_package: Some("timm".into()),
            not_a_model: None,
            ..raised(Origin::Subject)
        };
        let observation = Observation {
            raised: Some(package),
            ..Observation::default()
        };
        assert_eq!(
            of(observation, None),
            (Outcome::Skipped, Some(ReasonKind::MissingDependency))
        );
    }

    #[test]
    fn the_stage_of_a_platform_is_named_and_what_a_machine_lacks_is_no_failure() {
        let of_raised = |raised| {
            let observation = Observation {
                raised: Some(raised),
                ..Observation::default()
            };
            let platform = "onnxruntime".parse().unwrap();
            let verdict = judge(
                Rule::Completes,
                &observed(observation),
                platform,
                None,
                None,
            );
            let reason = verdict.reason.unwrap();
            (verdict.outcome, reason.kind, reason.detail)
        };
        let (outcome, kind, detail) = of_raised(Raised {
            stage: Some("export".into()),
            ..raised(Origin::Subject)
        });
        assert_eq!((outcome, kind), (Outcome::Failed, ReasonKind::Exception));
        assert_eq!(
            detail,
            "export: RuntimeError: boom (at modeling_bert.py:10 in forward)"
        );
        let (outcome, kind, detail) = of_raised(Raised {
            unavailable: Some(assay_model::Unavailable {
                kind: assay_model::Lacking::PackageMissing,
                words: "the package `x` is not installed".into(),
                mend: Some("pip install x".into()),
            }),
            ..raised(Origin::Subject)
        });
        assert_eq!(
            (outcome, kind),
            (Outcome::Skipped, ReasonKind::PlatformUnavailable)
        );
        assert_eq!(detail, "the package `x` is not installed (pip install x)");
    }

    #[test]
    fn a_setting_that_explains_a_difference_is_said_and_is_no_pass() {
        let row = |max_difference| Comparison {
            label: "logits".into(),
            dtype: "float32".into(),
            shape: vec![4],
            shape_mismatch: None,
            elements: 4,
            differing: 4,
            max_difference,
            rms_difference: max_difference,
            max_reference: 1.0,
            rms_reference: 1.0,
            non_finite_mismatch: 0,
            worst_index: vec![0],
            oracle: None,
        };
        let of = |with: f64, without: f64| {
            let observation = Observation {
                comparisons: vec![row(with)],
                explained: Some(Box::new(Explained {
                    setting: "TF32".into(),
                    comparisons: vec![row(without)],
                })),
                ..Observation::default()
            };
            let platform = "cuda@default".parse().unwrap();
            judge(
                Rule::Oracle,
                &observed(observation),
                platform,
                Some(&real()),
                None,
            )
        };
        let explained = of(1e-3, 1e-7);
        assert_eq!(explained.outcome, Outcome::Failed);
        let reason = explained.reason.unwrap();
        assert_eq!(reason.kind, ReasonKind::Setting);
        assert!(reason.detail.ends_with("; without TF32: all agree"));
        let not_by_it = of(1e-3, 1e-3).reason.unwrap();
        assert_eq!(not_by_it.kind, ReasonKind::Differs);
        assert!(not_by_it.detail.contains("; without TF32: still differs"));
        assert_eq!(of(1e-7, 1e-3).outcome, Outcome::Passed);
    }

    #[test]
    fn no_setting_explains_what_rounding_can_not_do() {
        let right = Comparison {
            label: "logits".into(),
            dtype: "float32".into(),
            shape: vec![4],
            shape_mismatch: None,
            elements: 4,
            differing: 0,
            max_difference: 0.0,
            rms_difference: 0.0,
            max_reference: 1.0,
            rms_reference: 1.0,
            non_finite_mismatch: 0,
            worst_index: vec![0],
            oracle: None,
        };
        let of = |wrong: Comparison| {
            let observation = Observation {
                comparisons: vec![right.clone(), wrong],
                explained: Some(Box::new(Explained {
                    setting: "TF32".into(),
                    comparisons: vec![right.clone()],
                })),
                ..Observation::default()
            };
            let platform = "cuda@default".parse().unwrap();
            let seen = observed(observation);
            let verdict = judge(Rule::Oracle, &seen, platform, Some(&real()), None);
            verdict.reason.unwrap()
        };
        let lost = of(Comparison {
            shape_mismatch: Some("only in the reference".into()),
            ..right.clone()
        });
        let nan = of(Comparison {
            non_finite_mismatch: 1,
            ..right.clone()
        });
        for reason in [lost, nan] {
            assert_ne!(reason.kind, ReasonKind::Setting);
            assert!(reason.detail.ends_with("; without TF32: all agree"));
        }
    }

    #[test]
    fn what_the_backend_can_not_do_is_skipped_in_its_own_words() {
        let words = "RuntimeError: \"addmm\" not implemented for 'Half'";
        let observation = Observation {
            unsupported: Some(words.into()),
            ..Observation::default()
        };
        let verdict = judge(
            Rule::Completes,
            &observed(observation),
            Platform::CPU,
            Some(&real()),
            None,
        );
        assert_eq!(
            verdict,
            Verdict::new(Outcome::Skipped, ReasonKind::UnsupportedByBackend, words)
        );
    }

    #[test]
    fn a_worker_that_says_it_ran_elsewhere_is_not_believed() {
        let observation = Observation {
            devices: vec!["cpu".into(), "cuda".into()],
            ..Observation::default()
        };
        assert_eq!(
            of(observation, Some(&real())),
            (Outcome::Errored, Some(ReasonKind::WrongDevice))
        );
    }

    #[test]
    fn a_worker_that_said_nothing_gives_its_own_outcomes() {
        let of = |ending: Ending| {
            judge(Rule::Completes, &ending, Platform::CPU, Some(&real()), None).outcome
        };
        assert_eq!(
            of(Ending::Crashed {
                signal: Some(11),
                status: None,
                detail: "SIGSEGV".into()
            }),
            Outcome::Crashed
        );
        assert_eq!(
            of(Ending::TimedOut {
                limit_seconds: 1.0,
                scope: "check".into()
            }),
            Outcome::TimedOut
        );
        assert_eq!(
            of(Ending::OutOfMemory { limit_bytes: 1 }),
            Outcome::OutOfMemory
        );
        assert_eq!(
            of(Ending::ProtocolBroken {
                detail: "garbage".into()
            }),
            Outcome::Errored
        );
        assert_eq!(
            of(Ending::NotRun {
                why: "fail-fast".into()
            }),
            Outcome::NotRun
        );
    }
}
