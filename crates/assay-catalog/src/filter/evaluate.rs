use std::collections::HashMap;

use assay_model::{Family, Outcome, Platform, Profile, Provenance};

use super::{Expression, Filter, Predicate};

/// What is known of a case when a filter is asked about it.
#[derive(Debug, Clone, Copy)]
pub struct CaseFacts<'a> {
    /// The subject's name, as shown.
    pub subject: &'a str,
    /// Its architecture; none of a checkpoint.
    pub architecture: Option<&'a str>,
    /// The class that is built, if it is known yet.
    pub class: Option<&'a str>,
    /// Its family, if it is known yet.
    pub family: Option<Family>,
    /// Where it runs.
    pub platform: Platform,
    /// The check and its profile; none while the question is whether any check of the subject could be meant.
    pub check: Option<(&'a str, Profile)>,
    /// Number of parameters, if it is known yet.
    pub parameters: Option<u64>,
    /// The case in the newest run (inner none: it was not in it), if that was looked up.
    pub previous: Option<Option<Previous>>,
}

/// A case in the newest run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Previous {
    /// Its outcome.
    pub outcome: Outcome,
    /// Its provenance.
    pub provenance: Option<Provenance>,
    /// Whether it passed only on a later attempt.
    pub flaky: bool,
    /// Seconds that it took.
    pub seconds: f64,
}

/// The cases of the newest run, for filters that look back.
#[derive(Debug, Clone, Default)]
pub struct PreviousRun {
    cases: HashMap<String, HashMap<Platform, HashMap<String, Previous>>>,
}

impl PreviousRun {
    /// Adds a case.
    pub fn insert(&mut self, subject: String, platform: Platform, check: String, case: Previous) {
        let of_subject = self.cases.entry(subject).or_default();
        of_subject.entry(platform).or_default().insert(check, case);
    }

    /// A case of it.
    #[must_use]
    pub fn case(&self, subject: &str, platform: Platform, check: &str) -> Option<Previous> {
        self.unit(subject, platform)?.get(check).copied()
    }

    fn unit(&self, subject: &str, platform: Platform) -> Option<&HashMap<String, Previous>> {
        self.cases.get(subject)?.get(&platform)
    }

    /// Every case of a subject on a platform.
    pub fn cases_of(&self, subject: &str, platform: Platform) -> impl Iterator<Item = Previous> {
        self.unit(subject, platform)
            .into_iter()
            .flat_map(|cases| cases.values().copied())
    }

    /// What can be said of a subject before its checks are known: that none of its cases was in the run, or nothing.
    #[must_use]
    pub fn before_checks(&self, subject: &str, platform: Platform) -> Option<Option<Previous>> {
        match self.unit(subject, platform) {
            Some(_) => None,
            None => Some(None),
        }
    }
}

impl Filter {
    /// Whether the case is meant; none if that can't be known yet.
    #[must_use]
    pub fn evaluate(&self, case: &CaseFacts<'_>) -> Option<bool> {
        self.expression.evaluate(case)
    }
}

impl Expression {
    fn evaluate(&self, case: &CaseFacts<'_>) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::None => Some(false),
            Self::Not(inner) => inner.evaluate(case).map(|held| !held),
            Self::And(left, right) => match left.evaluate(case) {
                Some(false) => Some(false),
                left => match (left, right.evaluate(case)) {
                    (_, Some(false)) => Some(false),
                    (Some(true), right) => right,
                    _ => None,
                },
            },
            Self::Or(left, right) => match left.evaluate(case) {
                Some(true) => Some(true),
                left => match (left, right.evaluate(case)) {
                    (_, Some(true)) => Some(true),
                    (Some(false), right) => right,
                    _ => None,
                },
            },
            Self::Predicate(predicate, _) => predicate.evaluate(case),
        }
    }
}

impl Predicate {
    fn evaluate(&self, case: &CaseFacts<'_>) -> Option<bool> {
        // A case that is not in the newest run has none of the properties that it could have there.
        let before =
            |holds: &dyn Fn(&Previous) -> bool| Some(case.previous?.as_ref().is_some_and(holds));
        match self {
            Self::Architecture(pattern) => {
                Some(case.architecture.is_some_and(|name| pattern.matches(name)))
            }
            Self::Subject(pattern) => Some(pattern.matches(case.subject)),
            Self::Class(pattern) => Some(pattern.matches(case.class?)),
            Self::Family(pattern) => Some(pattern.matches(case.family?.name())),
            Self::Platform(pattern) => Some(pattern.matches(&case.platform.to_string())),
            Self::Check(pattern) => Some(pattern.matches(case.check?.0)),
            Self::Profile(profile) => Some(case.check?.1 <= *profile),
            #[expect(clippy::cast_precision_loss, reason = "no model has 2^53 parameters")]
            Self::Parameters(comparison) => Some(comparison.holds(case.parameters? as f64)),
            Self::Last(None) => Some(case.previous?.is_none()),
            Self::Last(Some(outcome)) => before(&|previous| previous.outcome == *outcome),
            Self::Provenance(provenance) => {
                before(&|previous| previous.provenance == Some(*provenance))
            }
            Self::Flaky => before(&|previous| previous.flaky),
            Self::Slow(comparison) => before(&|previous| comparison.holds(previous.seconds)),
        }
    }
}
