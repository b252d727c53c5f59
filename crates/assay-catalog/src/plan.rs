use std::collections::BTreeSet;

use assay_model::{
    BASE, CheckSpec, Dtype, ENDPOINT, Ending, Facts, Family, Golden, KnownIssue, Plan,
    PlannedCheck, Platform, Probed, Recipe, Subject, UnitLimits, UnitPlan, WORKFLOW,
};

use sha2::{Digest, Sha256};

use crate::battery::{EXPECTATION, NUMBERS, PORTED, PROBE};
use crate::filter::{CaseFacts, Filter, PreviousRun};

/// A subject on a platform, with what its probe said.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The subject.
    pub subject: Subject,
    /// Where.
    pub platform: Platform,
    /// The family that the catalog names; none of a checkpoint.
    pub family: Option<Family>,
    /// The class that the catalog names; none of a checkpoint.
    pub class: Option<String>,
    /// What is known of it.
    pub probe: ProbeOutcome,
    /// The expectation that is kept of it.
    pub expected: Option<Box<Golden>>,
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

/// What is to be planned.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    /// The checks, in the order in which a unit runs them.
    pub checks: &'a [&'a CheckSpec],
    /// [`PROBE`], planned where a probe failed.
    pub probe: &'a CheckSpec,
    /// Which cases.
    pub filter: &'a Filter,
    /// What holds for some cases; of several that match, the first that sets something counts.
    pub overrides: &'a [Override],
    /// The newest run; none if the filter doesn't ask for it.
    pub previous: Option<&'a PreviousRun>,
    /// Whether checks that need [`BODY`] are left to the base class of an architecture whose heads are in the plan as well.
    pub share_base: bool,
}

/// The fact of a subject that answers for what all classes of its architecture share: the base class, or a head that is planned without it.
pub const BODY: &str = "body";

/// What holds for the cases that a filter takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// Which cases.
    pub filter: Filter,
    /// Seconds for one check.
    pub check_seconds: Option<f64>,
    /// Bytes for a unit.
    pub memory_bytes: Option<u64>,
    /// How many of these units at a time.
    pub workers: Option<u16>,
    /// Why they fail, if that is known.
    pub known_issue: Option<KnownIssue>,
}

/// Plans every selected check that applies, for each candidate in order. A subject whose probe did not succeed gets the one
/// case [`PROBE`], whatever was selected, unless the filter rules the subject out; a subject to which nothing applies gets no unit.
#[must_use]
pub fn plan(candidates: &[Candidate], selection: &Selection<'_>) -> Planned {
    debug_assert_eq!(selection.probe.id.as_str(), PROBE);
    let planned_check = |spec: &CheckSpec| PlannedCheck {
        id: spec.id.clone(),
        rule: spec.rule,
    };
    let mut specs: Vec<&CheckSpec> = selection.checks.to_vec();
    if !specs.iter().any(|spec| spec.id == selection.probe.id) {
        specs.push(selection.probe);
    }
    let mut planned = Planned::default();
    planned.plan.checks = specs.iter().map(|spec| planned_check(spec)).collect();
    let mut issues = KnownIssues::default();
    let bases: BTreeSet<&str> = candidates.iter().filter_map(Candidate::base).collect();
    for candidate in candidates {
        let subject = candidate.subject.to_string();
        let facts = candidate.facts(&subject);
        let ready = match &candidate.probe {
            ProbeOutcome::Answered(Probed::Ready { facts, recipe }) => Some((facts, recipe)),
            ProbeOutcome::Answered(_) | ProbeOutcome::Lost(_) => None,
        };
        let mut indices = Vec::new();
        match ready {
            Some((found, _)) => {
                let answers_for_body = !(selection.share_base && candidate.is_head_beside(&bases));
                let is_ported = !candidate.platform.is_reference();
                let has = |fact: &String| match fact.as_str() {
                    PORTED => is_ported,
                    NUMBERS => candidate.platform.dtype != Dtype::Default,
                    BODY => answers_for_body || candidate.has(fact, found),
                    _ => candidate.has(fact, found),
                };
                for (index, spec) in selection.checks.iter().enumerate() {
                    if selection.takes(&facts, spec) == Some(false) {
                        continue;
                    }
                    let lacks = lacking(candidate, spec, has);
                    if lacks.is_empty() {
                        indices.push(index);
                    } else {
                        planned.not_applicable.push(NotApplicable {
                            subject: subject.clone(),
                            check: spec.id.to_string(),
                            lacks,
                        });
                    }
                }
            }
            // Which checks it would have had is not known, so the filter is asked about the subject and what its probe came to.
            None if selection.may_take(&facts) => {
                let probe = |spec: &&CheckSpec| spec.id == selection.probe.id;
                indices.extend(specs.iter().position(probe));
            }
            None => {}
        }
        if indices.is_empty() {
            continue;
        }
        let chosen = || {
            indices
                .iter()
                .filter_map(|&index| Some((index, *specs.get(index)?)))
        };
        planned.plan.units.push(UnitPlan {
            subject: candidate.subject.clone(),
            family: facts.family,
            platform: candidate.platform,
            checks: indices.iter().copied().map(index_of).collect(),
            recipe_sha256: ready.map_or_else(String::new, |(_, recipe)| recipe_digest(recipe)),
            limits: selection.limits(&facts, &mut chosen().map(|(_, spec)| spec)),
            known: chosen()
                .filter_map(|(index, spec)| {
                    let issue = selection.known_issue(&facts, spec)?;
                    Some((index_of(index), issues.index(issue)))
                })
                .collect(),
            expected: candidate.expected.clone().filter(|_| {
                chosen().any(|(_, spec)| spec.needs.iter().any(|fact| fact == EXPECTATION))
            }),
        });
        planned.jobs.push(UnitJob {
            recipe: ready.map_or(Recipe::Null, |(_, recipe)| recipe.clone()),
            estimate_seconds: ready.map(|(facts, _)| facts.seconds),
        });
    }
    planned.plan.known_issues = issues.0;
    planned
}

/// The facts that a check needs and a subject lacks. A workflow is no model of its own: what is asked of a single model is asked of its
/// links where they are subjects themselves.
fn lacking(candidate: &Candidate, spec: &CheckSpec, has: impl Fn(&String) -> bool) -> Vec<String> {
    // What is asked of a server is asked of nothing else, and nothing else of it.
    if matches!(candidate.subject, Subject::Endpoint(_)) {
        let is_for_endpoints = spec.needs.iter().any(|need| need == ENDPOINT);
        let lacks = spec.needs.iter().filter(|fact| !has(fact)).cloned();
        return if is_for_endpoints {
            lacks.collect()
        } else {
            vec!["model".into()]
        };
    }
    // What the reference is asked is asked once, not on every platform.
    let is_for_ported = spec.needs.iter().any(|need| need == PORTED);
    if !candidate.platform.is_reference() && !is_for_ported {
        return vec!["reference_platform".into()];
    }
    let is_workflow = matches!(candidate.subject, Subject::Workflow { .. });
    let is_for_workflows =
        spec.id.as_str() == PROBE || spec.needs.iter().any(|need| need == WORKFLOW);
    if is_workflow && !is_for_workflows {
        return vec!["single_model".into()];
    }
    spec.needs
        .iter()
        .filter(|fact| !has(fact))
        .cloned()
        .collect()
}

impl Candidate {
    fn has(&self, fact: &str, found: &Facts) -> bool {
        found.has.contains(fact) || (fact == EXPECTATION && self.expected.is_some())
    }

    /// The architecture whose base class this is, if its probe succeeded.
    fn base(&self) -> Option<&str> {
        match (&self.subject, &self.probe) {
            (
                Subject::Architecture { name, auto_class },
                ProbeOutcome::Answered(Probed::Ready { .. }),
            ) if auto_class == BASE => Some(name),
            _ => None,
        }
    }

    fn is_head_beside(&self, bases: &BTreeSet<&str>) -> bool {
        matches!(&self.subject, Subject::Architecture { name, auto_class } if auto_class != BASE && bases.contains(name.as_str()))
    }

    /// What a filter may ask of it, before its checks are known.
    #[must_use]
    pub fn facts<'a>(&'a self, subject: &'a str) -> CaseFacts<'a> {
        let probed = match &self.probe {
            ProbeOutcome::Answered(Probed::Ready { facts, .. }) => Some(facts),
            ProbeOutcome::Answered(_) | ProbeOutcome::Lost(_) => None,
        };
        CaseFacts {
            subject,
            architecture: match &self.subject {
                Subject::Architecture { name, .. } => Some(name),
                Subject::Checkpoint { .. } | Subject::Workflow { .. } | Subject::Endpoint(_) => {
                    None
                }
            },
            class: probed
                .map(|facts| facts.class.as_str())
                .or(self.class.as_deref()),
            // The catalog's word comes first: it is what `assay list architectures` shows.
            family: self.family.or(probed.map(|facts| facts.family)),
            platform: self.platform,
            check: None,
            parameters: probed.map(|facts| facts.parameters),
            previous: None,
        }
    }
}

impl Selection<'_> {
    fn takes(&self, facts: &CaseFacts<'_>, spec: &CheckSpec) -> Option<bool> {
        let case = of_check(facts, spec);
        let previous = self
            .previous
            .map(|run| run.case(case.subject, case.platform, spec.id.as_str()));
        self.filter.evaluate(&CaseFacts { previous, ..case })
    }

    /// Whether a case of a subject whose probe failed may be meant.
    fn may_take(&self, facts: &CaseFacts<'_>) -> bool {
        let takes =
            |previous| self.filter.evaluate(&CaseFacts { previous, ..*facts }) != Some(false);
        let Some(run) = self.previous else {
            return takes(None);
        };
        // Any case that it had may have been meant: a failure must not vanish because the probe now fails as well.
        let mut before = run.cases_of(facts.subject, facts.platform).peekable();
        if before.peek().is_none() {
            return takes(Some(None));
        }
        before.any(|case| takes(Some(Some(case))))
    }

    fn limits(
        &self,
        facts: &CaseFacts<'_>,
        checks: &mut dyn Iterator<Item = &CheckSpec>,
    ) -> UnitLimits {
        let checks: Vec<&CheckSpec> = checks.collect();
        let mut limits = UnitLimits::default();
        for (number, rule) in (0..).zip(self.overrides) {
            if rule.check_seconds.is_none() && rule.memory_bytes.is_none() && rule.workers.is_none()
            {
                continue;
            }
            if checks
                .iter()
                .any(|spec| rule.filter.evaluate(&of_check(facts, spec)) == Some(true))
            {
                limits.check_seconds = limits.check_seconds.or(rule.check_seconds);
                limits.memory_bytes = limits.memory_bytes.or(rule.memory_bytes);
                limits.group = limits
                    .group
                    .or(rule.workers.map(|workers| (number, workers)));
            }
        }
        limits
    }

    fn known_issue(&self, facts: &CaseFacts<'_>, spec: &CheckSpec) -> Option<&KnownIssue> {
        self.overrides
            .iter()
            .filter(|rule| rule.filter.evaluate(&of_check(facts, spec)) == Some(true))
            .find_map(|rule| rule.known_issue.as_ref())
    }
}

/// What tells one recipe from another: SHA-256 in hex.
#[must_use]
pub fn recipe_digest(recipe: &Recipe) -> String {
    Sha256::digest(recipe.to_string())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn of_check<'a>(facts: &CaseFacts<'a>, spec: &'a CheckSpec) -> CaseFacts<'a> {
    CaseFacts {
        check: Some((spec.id.as_str(), spec.profile)),
        ..*facts
    }
}

/// Known issues that were met, each once.
#[derive(Default)]
struct KnownIssues(Vec<KnownIssue>);

impl KnownIssues {
    fn index(&mut self, issue: &KnownIssue) -> u32 {
        let found = self.0.iter().position(|other| other == issue);
        index_of(found.unwrap_or_else(|| {
            self.0.push(issue.clone());
            self.0.len() - 1
        }))
    }
}

/// There are tens of checks: an index that doesn't fit can't come up, and one that points nowhere is reported by the fold.
fn index_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use assay_model::{Origin, Outcome, Raised};

    use super::*;
    use crate::battery::battery;
    use crate::filter::{Previous, parse};

    fn candidate(name: &str, probed: Probed) -> Candidate {
        Candidate {
            subject: Subject::architecture(name),
            platform: Platform::CPU,
            family: None,
            class: None,
            probe: ProbeOutcome::Answered(probed),
            expected: None,
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
            mode: String::new(),
            lost: vec![],
            reach: assay_model::Reach::default(),
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
            not_a_model: None,
            stage: None,
            unavailable: None,
        };
        Probed::Failed {
            stage: "build".into(),
            raised,
        }
    }

    fn planned(selected: &[&str], candidates: &[Candidate]) -> Planned {
        filtered(selected, candidates, "all()", &[])
    }

    fn filtered(
        selected: &[&str],
        candidates: &[Candidate],
        filter: &str,
        overrides: &[Override],
    ) -> Planned {
        let battery = battery();
        let chosen: Vec<&CheckSpec> = battery
            .iter()
            .filter(|spec| selected.contains(&spec.id.as_str()))
            .collect();
        let probe = battery
            .iter()
            .find(|spec| spec.id.as_str() == PROBE)
            .unwrap();
        let selection = Selection {
            checks: &chosen,
            probe,
            filter: &parse(filter).unwrap(),
            overrides,
            previous: None,
            share_base: true,
        };
        plan(candidates, &selection)
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
    fn an_expectation_is_in_the_plan_where_a_check_needs_it() {
        let golden = Golden {
            format: Golden::FORMAT,
            class: "Model".into(),
            nonce: "1".into(),
            seed: 0,
            inputs: [].into(),
            outputs: [].into(),
            tensors: [].into(),
            continuations: [].into(),
            renamed: [].into(),
        };
        let mut kept = candidate("bert", ready(&["filled"]));
        kept.expected = Some(Box::new(golden));
        let other = candidate("vit", ready(&["filled"]));
        let both = planned(&["forward.runs", "golden.output"], &[kept.clone(), other]);
        assert_eq!(names(&both, 0), ["forward.runs", "golden.output"]);
        assert_eq!(names(&both, 1), ["forward.runs"]);
        assert_eq!(both.not_applicable[0].lacks, [EXPECTATION]);
        assert!(both.plan.units[0].expected.is_some());
        let without = planned(&["forward.runs"], &[kept]);
        assert!(without.plan.units[0].expected.is_none());
    }

    #[test]
    fn a_workflow_gets_its_own_checks_and_the_probe() {
        let workflow = Candidate {
            subject: Subject::Workflow {
                name: "chain".into(),
                links: [("one".to_owned(), "bert".to_owned())].into(),
            },
            ..candidate("", ready(&[WORKFLOW, "batch"]))
        };
        let planned = planned(
            &[PROBE, "batch.rows", "workflow.moves", "workflow.drafted"],
            &[workflow, candidate("bert", ready(&["batch"]))],
        );
        assert_eq!(names(&planned, 0), [PROBE, "workflow.moves"]);
        assert_eq!(names(&planned, 1), [PROBE, "batch.rows"]);
        let lacks: Vec<_> = planned
            .not_applicable
            .iter()
            .map(|row| row.lacks.join(" "))
            .collect();
        assert_eq!(
            lacks,
            ["single_model", "drafted", "workflow", "workflow drafted"]
        );
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

    #[test]
    fn a_filter_narrows_what_is_planned_and_does_not_hide_a_failed_probe() {
        let candidates = [candidate("bert", ready(&[])), candidate("broken", failed())];
        let planned = |filter| {
            let planned = filtered(
                &["forward.runs", "forward.finite"],
                &candidates,
                filter,
                &[],
            );
            (0..planned.plan.units.len())
                .map(|unit| names(&planned, unit).join(" "))
                .collect::<Vec<_>>()
        };
        assert_eq!(planned("check(*.runs)"), ["forward.runs", PROBE]);
        assert_eq!(
            planned("params(<1k)"),
            ["forward.runs forward.finite", PROBE]
        );
        assert_eq!(planned("params(>1k)"), [PROBE]);
        assert_eq!(planned("arch(bert)"), ["forward.runs forward.finite"]);
        assert!(planned("none()").is_empty());
    }

    #[test]
    fn what_was_not_in_the_newest_run_has_no_outcome_there() {
        let mut run = PreviousRun::default();
        let failed_before = |outcome| Previous {
            outcome,
            provenance: None,
            flaky: false,
            seconds: 1.0,
        };
        run.insert(
            "bert".into(),
            Platform::CPU,
            "forward.finite".into(),
            failed_before(Outcome::Failed),
        );
        run.insert(
            "broken".into(),
            Platform::CPU,
            PROBE.into(),
            failed_before(Outcome::Passed),
        );
        let battery = battery();
        let chosen: Vec<&CheckSpec> = battery
            .iter()
            .filter(|spec| spec.id.group() == "forward")
            .collect();
        let candidates = [
            candidate("bert", ready(&["deterministic"])),
            candidate("vit", ready(&["deterministic"])),
            candidate("broken", failed()),
            candidate("new", failed()),
        ];
        let planned = |filter| {
            let planned = plan(
                &candidates,
                &Selection {
                    checks: &chosen,
                    probe: battery
                        .iter()
                        .find(|spec| spec.id.as_str() == PROBE)
                        .unwrap(),
                    filter: &parse(filter).unwrap(),
                    overrides: &[],
                    previous: Some(&run),
                    share_base: true,
                },
            );
            let unit = |unit: usize| {
                format!(
                    "{} {}",
                    planned.plan.units[unit].subject,
                    names(&planned, unit).len()
                )
            };
            (0..planned.plan.units.len()).map(unit).collect::<Vec<_>>()
        };
        assert_eq!(planned("last(failed)"), ["bert 1"]);
        assert_eq!(planned("last(passed)"), ["broken 1"]);
        assert_eq!(planned("last(none)"), ["bert 6", "vit 7", "new 1"]);
    }

    #[test]
    fn the_first_override_that_sets_something_counts_and_known_issues_point_at_their_cases() {
        let rule = |filter: &str| Override {
            filter: parse(filter).unwrap(),
            check_seconds: None,
            memory_bytes: None,
            workers: None,
            known_issue: None,
        };
        let issue = KnownIssue {
            filter: String::new(),
            reason: "known".into(),
            shows_as: vec![assay_model::ReasonKind::Differs],
            reference: "a link".into(),
            expires: "2027-01-01".into(),
            sometimes: false,
        };
        let overrides = [
            Override {
                check_seconds: Some(5.0),
                ..rule("arch(bert) & check(forward.runs)")
            },
            Override {
                check_seconds: Some(9.0),
                workers: Some(1),
                ..rule("all()")
            },
            Override {
                known_issue: Some(issue),
                ..rule("check(forward.finite) - arch(vit)")
            },
        ];
        let candidates = [candidate("bert", ready(&[])), candidate("vit", ready(&[]))];
        let planned = filtered(
            &["forward.runs", "forward.finite"],
            &candidates,
            "all()",
            &overrides,
        );
        let [bert, vit] = planned.plan.units.as_slice() else {
            panic!()
        };
        assert_eq!(
            bert.limits,
            UnitLimits {
                check_seconds: Some(5.0),
                memory_bytes: None,
                group: Some((1, 1))
            }
        );
        assert_eq!(vit.limits.check_seconds, Some(9.0));
        assert_eq!(
            (bert.known.as_slice(), vit.known.as_slice()),
            ([(1, 0)].as_slice(), [].as_slice())
        );
        assert_eq!(planned.plan.known_issues.len(), 1);
    }
}
