use assay_model::{
    CheckSpec, Ending, Plan, PlannedCheck, Platform, Probed, Recipe, Subject, UnitPlan,
};

use crate::battery::PROBE;

/// A subject on a platform, with what its probe said.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The subject.
    pub subject: Subject,
    /// Where.
    pub platform: Platform,
    /// What is known of it.
    pub probe: ProbeOutcome,
}

/// How a probe came to its end.
#[derive(Debug, Clone)]
pub enum ProbeOutcome {
    /// It answered.
    Answered(Probed),
    /// Its worker was lost.
    Lost(Ending),
}

/// What the runner needs beside the plan, per unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitJob {
    /// How to make the subject; null if its probe failed.
    pub recipe: Recipe,
    /// How long the unit may take, if that is known.
    pub estimate_seconds: Option<f64>,
}

/// A check that was selected and does not apply to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotApplicable {
    /// The subject.
    pub subject: String,
    /// The check.
    pub check: String,
    /// The facts that it needs and the subject lacks.
    pub lacks: Vec<String>,
}

/// A plan with what belongs to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// One per unit of the plan.
    pub jobs: Vec<UnitJob>,
    /// What was selected and not planned.
    pub not_applicable: Vec<NotApplicable>,
}

/// Plans every selected check that applies, for each candidate in order. A subject whose probe did not succeed gets the one
/// case [`PROBE`], whatever was selected; a subject to which nothing applies gets no unit.
#[must_use]
pub fn plan(candidates: &[Candidate], selected: &[&CheckSpec], probe: &CheckSpec) -> Planned {
    debug_assert_eq!(probe.id.as_str(), PROBE);
    let planned_check = |spec: &CheckSpec| PlannedCheck {
        id: spec.id.clone(),
        rule: spec.rule,
    };
    let mut checks: Vec<PlannedCheck> = selected.iter().map(|spec| planned_check(spec)).collect();
    let probe_index = checks
        .iter()
        .position(|check| check.id == probe.id)
        .unwrap_or_else(|| {
            checks.push(planned_check(probe));
            checks.len() - 1
        });
    let mut planned = Planned::default();
    for Candidate {
        subject,
        platform,
        probe,
    } in candidates
    {
        let (indices, recipe, estimate_seconds) = match probe {
            ProbeOutcome::Answered(Probed::Ready { facts, recipe }) => {
                let mut indices = Vec::new();
                for (index, spec) in selected.iter().enumerate() {
                    let lacks: Vec<String> = spec
                        .needs
                        .iter()
                        .filter(|fact| !facts.has.contains(*fact))
                        .cloned()
                        .collect();
                    if lacks.is_empty() {
                        indices.push(index_of(index));
                    } else {
                        let (subject, check) = (subject.to_string(), spec.id.to_string());
                        planned.not_applicable.push(NotApplicable {
                            subject,
                            check,
                            lacks,
                        });
                    }
                }
                (indices, recipe.clone(), Some(facts.seconds))
            }
            ProbeOutcome::Answered(_) | ProbeOutcome::Lost(_) => {
                (vec![index_of(probe_index)], Recipe::Null, None)
            }
        };
        if !indices.is_empty() {
            planned.plan.units.push(UnitPlan {
                subject: subject.clone(),
                platform: *platform,
                checks: indices,
            });
            planned.jobs.push(UnitJob {
                recipe,
                estimate_seconds,
            });
        }
    }
    planned.plan.checks = checks;
    planned
}

/// There are tens of checks: an index that doesn't fit can't come up, and one that points nowhere is reported by the fold.
fn index_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use assay_model::{Facts, Family, Origin, Raised};

    use super::*;
    use crate::battery::battery;

    fn candidate(name: &str, probed: Probed) -> Candidate {
        Candidate {
            subject: Subject::architecture(name),
            platform: Platform::Cpu,
            probe: ProbeOutcome::Answered(probed),
        }
    }

    fn ready(has: &[&str]) -> Probed {
        let facts = Facts {
            class: "Model".into(),
            family: Family::Other,
            parameters: 1,
            has: has
                .iter()
                .map(|&fact| fact.to_owned())
                .collect::<BTreeSet<_>>(),
            inputs: vec![],
            changes: vec![],
            seconds: 0.5,
        };
        Probed::Ready {
            facts: Box::new(facts),
            recipe: serde_json::json!({"config": {}}),
        }
    }

    fn failed() -> Probed {
        let raised = Raised {
            exception: "TypeError".into(),
            message: String::new(),
            frames: vec![],
            origin: Origin::Subject,
            out_of_memory: false,
            missing_package: None,
        };
        Probed::Failed {
            stage: "build".into(),
            raised,
        }
    }

    fn planned(selected: &[&str], candidates: &[Candidate]) -> Planned {
        let battery = battery();
        let chosen: Vec<&CheckSpec> = battery
            .iter()
            .filter(|spec| selected.contains(&spec.id.as_str()))
            .collect();
        let probe = battery
            .iter()
            .find(|spec| spec.id.as_str() == PROBE)
            .unwrap();
        plan(candidates, &chosen, probe)
    }

    fn names(planned: &Planned, unit: usize) -> Vec<&str> {
        planned.plan.units[unit]
            .checks
            .iter()
            .map(|&i| planned.plan.check(i).unwrap().id.as_str())
            .collect()
    }

    #[test]
    fn a_check_is_planned_where_its_needs_are_met_and_reported_where_not() {
        let planned = planned(
            &["forward.runs", "batch.left_padding"],
            &[
                candidate("bert", ready(&["left_padding"])),
                candidate("vit", ready(&["batch"])),
            ],
        );
        assert_eq!(names(&planned, 0), ["forward.runs", "batch.left_padding"]);
        assert_eq!(names(&planned, 1), ["forward.runs"]);
        assert_eq!(planned.not_applicable.len(), 1);
        assert_eq!(planned.not_applicable[0].lacks, ["left_padding"]);
        assert_eq!(planned.plan.cases(), 3);
    }

    #[test]
    fn a_subject_whose_probe_failed_is_planned_whatever_was_selected() {
        let planned = planned(
            &["batch.rows"],
            &[
                candidate("broken", failed()),
                candidate("bert", ready(&["batch"])),
            ],
        );
        assert_eq!(names(&planned, 0), [PROBE]);
        assert_eq!(planned.jobs[0].recipe, Recipe::Null);
        assert_eq!(names(&planned, 1), ["batch.rows"]);
    }
}
