//! The filter language: which cases are meant, in the manner of nextest's filtersets.
//!
//! `docs/reference/filter.md` is its one reference (and what `assay help filter` prints). [`parse`] reads a filter,
//! [`Filter::evaluate`] answers for one case. What is not known yet (a model's parameters before its probe) is answered with
//! "unknown", in Kleene's three-valued logic, so that nothing is left out before it could be looked at.

mod error;
mod evaluate;
mod parse;
mod pattern;

use std::fmt;
use std::ops::Range;

use assay_model::{Outcome, Profile, Provenance};

pub use error::FilterError;
pub use evaluate::{CaseFacts, Previous, PreviousRun};
pub use parse::parse;
pub use pattern::Pattern;

/// The reference page, as `assay help filter` prints it.
pub const REFERENCE: &str = include_str!("../../../../docs/reference/filter.md");

/// A filter, as it was written.
#[derive(Debug, Clone)]
pub struct Filter {
    source: String,
    expression: Expression,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    All,
    None,
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Predicate(Predicate, Range<usize>),
}

/// A property of a case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Predicate {
    Architecture(Pattern),
    Subject(Pattern),
    Class(Pattern),
    Family(Pattern),
    Platform(Pattern),
    Check(Pattern),
    Profile(Profile),
    Parameters(Comparison),
    /// The outcome in the newest run; none: the case was not in it.
    Last(Option<Outcome>),
    Provenance(Provenance),
    Flaky,
    /// Seconds in the newest run.
    Slow(Comparison),
}

/// The name and the argument of each predicate, as the reference page lists them.
pub(crate) const PREDICATES: [(&str, &str); 13] = [
    ("arch", "PATTERN"),
    ("subject", "PATTERN"),
    ("class", "PATTERN"),
    ("family", "PATTERN"),
    ("platform", "PATTERN"),
    ("check", "PATTERN"),
    ("profile", "quick|standard|full"),
    ("params", "<500k"),
    ("last", "OUTCOME"),
    ("provenance", "real|mock"),
    ("slow", ">5s"),
    ("all", ""),
    ("none", ""),
];

/// A comparison with a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) operator: Operator,
    pub(crate) value: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Filter {
    /// The filter that takes every case.
    #[must_use]
    pub fn all() -> Self {
        Self {
            source: "all()".into(),
            expression: Expression::All,
        }
    }

    /// What it was read from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Takes what either takes.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.joined("|", other, Expression::Or)
    }

    /// Takes what both take.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (&self.expression, &other.expression) {
            (_, Expression::All) => self,
            (Expression::All, _) => other,
            _ => self.joined("&", other, Expression::And),
        }
    }

    fn joined(
        self,
        operator: &str,
        other: Self,
        join: fn(Box<Expression>, Box<Expression>) -> Expression,
    ) -> Self {
        // The spans move behind what is put before them.
        let offset = self.source.len() + ") ".len() + operator.len() + " (".len();
        Self {
            source: format!("({}) {operator} ({})", self.source, other.source),
            expression: join(
                Box::new(self.expression.shifted(1)),
                Box::new(other.expression.shifted(offset + 1)),
            ),
        }
    }

    /// Whether it asks for a result of an earlier run (`last`, `provenance`, `flaky`, `slow`).
    #[must_use]
    pub fn looks_back(&self) -> bool {
        self.expression.any(&|predicate| {
            matches!(
                predicate,
                Predicate::Last(_)
                    | Predicate::Provenance(_)
                    | Predicate::Flaky
                    | Predicate::Slow(_)
            )
        })
    }

    /// An error at the first pattern that can't match because nothing of that name exists: `names` gives the names there are for
    /// `arch`, `class`, `family`, `platform` and `check`, and none where anything may come.
    ///
    /// # Errors
    /// [`FilterError`] with the nearest names.
    pub fn validate(&self, names: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<(), FilterError> {
        let mut error = None;
        self.expression.each(&mut |predicate, span| {
            let (kind, pattern) = match predicate {
                Predicate::Architecture(pattern) => ("arch", pattern),
                Predicate::Class(pattern) => ("class", pattern),
                Predicate::Family(pattern) => ("family", pattern),
                Predicate::Platform(pattern) => ("platform", pattern),
                Predicate::Check(pattern) => ("check", pattern),
                _ => return,
            };
            let Some(names) = names(kind).filter(|_| error.is_none()) else {
                return;
            };
            if !names.iter().any(|name| pattern.matches(name)) {
                error = Some(FilterError::unmatched(
                    &self.source,
                    span.clone(),
                    kind,
                    pattern,
                    &names,
                ));
            }
        });
        error.map_or(Ok(()), Err)
    }
}

/// Two filters are the same if they mean the same, however they were written.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// In one form, with brackets where they are needed: what it prints is read as the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl Expression {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Predicate, &'a Range<usize>)) {
        match self {
            Self::All | Self::None => {}
            Self::Not(inner) => inner.each(visit),
            Self::And(left, right) | Self::Or(left, right) => {
                left.each(visit);
                right.each(visit);
            }
            Self::Predicate(predicate, span) => visit(predicate, span),
        }
    }

    fn any(&self, holds: &dyn Fn(&Predicate) -> bool) -> bool {
        let mut found = false;
        self.each(&mut |predicate, _| found |= holds(predicate));
        found
    }

    fn shifted(self, by: usize) -> Self {
        let shift = |inner: Box<Self>| Box::new(inner.shifted(by));
        match self {
            Self::Not(inner) => Self::Not(shift(inner)),
            Self::And(left, right) => Self::And(shift(left), shift(right)),
            Self::Or(left, right) => Self::Or(shift(left), shift(right)),
            Self::Predicate(predicate, span) => {
                Self::Predicate(predicate, span.start + by..span.end + by)
            }
            other => other,
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all()"),
            Self::None => f.write_str("none()"),
            Self::Not(inner) => write!(f, "!{}", Inner(inner)),
            Self::And(left, right) => write!(f, "{} & {}", Inner(left), Inner(right)),
            Self::Or(left, right) => write!(f, "{} | {}", Inner(left), Inner(right)),
            Self::Predicate(predicate, _) => predicate.fmt(f),
        }
    }
}

/// An operand: in brackets if it has operands of its own.
struct Inner<'a>(&'a Expression);

impl fmt::Display for Inner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expression::And(..) | Expression::Or(..) => write!(f, "({})", self.0),
            other => other.fmt(f),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture(pattern) => write!(f, "arch({pattern})"),
            Self::Subject(pattern) => write!(f, "subject({pattern})"),
            Self::Class(pattern) => write!(f, "class({pattern})"),
            Self::Family(pattern) => write!(f, "family({pattern})"),
            Self::Platform(pattern) => write!(f, "platform({pattern})"),
            Self::Check(pattern) => write!(f, "check({pattern})"),
            Self::Profile(profile) => write!(f, "profile({})", profile.name()),
            Self::Parameters(comparison) => write!(f, "params({comparison})"),
            Self::Last(None) => f.write_str("last(none)"),
            Self::Last(Some(outcome)) => write!(f, "last({outcome})"),
            Self::Provenance(provenance) => write!(f, "provenance({})", provenance.name()),
            Self::Flaky => f.write_str("last(flaky)"),
            Self::Slow(comparison) => write!(f, "slow({comparison}s)"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Equal => "=",
            Operator::GreaterOrEqual => ">=",
            Operator::Greater => ">",
        };
        write!(f, "{operator}{}", self.value)
    }
}

impl Comparison {
    pub(crate) fn holds(self, value: f64) -> bool {
        match self.operator {
            Operator::Less => value < self.value,
            Operator::LessOrEqual => value <= self.value,
            #[expect(
                clippy::float_cmp,
                reason = "whoever writes `=` means exactly this number"
            )]
            Operator::Equal => value == self.value,
            Operator::GreaterOrEqual => value >= self.value,
            Operator::Greater => value > self.value,
        }
    }
}

#[cfg(test)]
mod tests;
