use std::ops::Range;

use assay_model::{Outcome, Provenance};

use super::{
    Comparison, Expression, Filter, FilterError, Operator, PREDICATES, Pattern, Predicate,
};
use crate::selection::nearest;

/// How deep brackets and `not` may nest: more is no filter that a person wrote, and each level takes stack.
const MAX_DEPTH: usize = 100;

/// Reads a filter.
///
/// # Errors
/// [`FilterError`], which points at the place.
pub fn parse(source: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser {
        source,
        at: 0,
        depth: 0,
    };
    let expression = parser.either()?;
    parser.space();
    if parser.at < source.len() {
        let rest = parser.at..source.len();
        return Err(match parser.peek() {
            Some(')') => parser.error(
                rest.start..rest.start + 1,
                "this `)` closes nothing",
                "take it away",
            ),
            _ => parser.error(
                rest,
                "an operator is missing",
                "`&` (and), `|` (or) and `-` (without) join two filters",
            ),
        });
    }
    Ok(Filter {
        source: source.into(),
        expression,
    })
}

/// Reads from left to right; `at` is always at the border of a character.
struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn space(&mut self) {
        self.at = self.source.len() - self.rest().trim_start().len();
    }

    fn error(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> FilterError {
        FilterError::new(self.source, span, message, hint)
    }

    /// Takes a sign, or a word that ends where it ends.
    fn takes(&mut self, sign: &str) -> bool {
        self.space();
        let Some(after) = self.rest().strip_prefix(sign) else {
            return false;
        };
        let is_word = sign.starts_with(|c: char| c.is_alphabetic());
        if is_word && after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '(') {
            // `not(…)` is a word before a bracket, `nothing(…)` is none.
            if !(after.starts_with('(') && sign == "not") {
                return false;
            }
        }
        self.at += sign.len();
        true
    }

    /// `a | b`, also `a + b` and `a or b`.
    fn either(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.both()?;
        while self.takes("|") || self.takes("+") || self.takes("or") {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    /// `a & b`, also `a and b`; `a - b` is `a & not b`. From the left.
    fn both(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.one()?;
        loop {
            if self.takes("&") || self.takes("and") {
                left = Expression::And(Box::new(left), Box::new(self.one()?));
            } else if self.takes("-") {
                let without = Expression::Not(Box::new(self.one()?));
                left = Expression::And(Box::new(left), Box::new(without));
            } else {
                return Ok(left);
            }
        }
    }

    fn one(&mut self) -> Result<Expression, FilterError> {
        self.space();
        let start = self.at;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(
                start..self.source.len(),
                format!("more than {MAX_DEPTH} levels of brackets"),
                "write it flatter",
            ));
        }
        let found = if self.takes("not") || self.takes("!") {
            Expression::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let inner = self.either()?;
            if !self.takes(")") {
                return Err(self.error(
                    start..start + 1,
                    "this `(` is not closed",
                    "write `)` where it ends",
                ));
            }
            inner
        } else {
            self.predicate()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn predicate(&mut self) -> Result<Expression, FilterError> {
        let start = self.at;
        let length = self
            .rest()
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest().len());
        let name = &self.rest()[..length];
        let listed = PREDICATES
            .iter()
            .map(|(name, argument)| format!("{name}({argument})"))
            .collect::<Vec<_>>()
            .join(", ");
        if name.is_empty() {
            let (span, message) = match self.peek() {
                None => (start..start, "a filter is missing here"),
                Some(c) => (start..start + c.len_utf8(), "no filter begins like this"),
            };
            return Err(self.error(span, message, format!("there are {listed}")));
        }
        if !PREDICATES.iter().any(|(known, _)| *known == name) {
            let near = nearest(name, PREDICATES.iter().map(|(name, _)| *name));
            let hint = match near.first() {
                Some(near) => format!("did you mean {near}? There are {listed}"),
                None => format!("there are {listed}; a name alone is written subject({name})"),
            };
            return Err(self.error(
                start..start + length,
                format!("there is no filter `{name}`"),
                hint,
            ));
        }
        self.at += length;
        let open = self.at;
        if !self.takes("(") {
            return Err(self.error(
                open..open,
                format!("`{name}` is not followed by `(`"),
                format!("write {name}(…)"),
            ));
        }
        let inside = self.at;
        let argument = self.argument(inside - 1)?;
        let span = inside..self.at - 1;
        let predicate = self.meaning(name, &argument, span.clone())?;
        Ok(predicate.map_or_else(
            || {
                if name == "all" {
                    Expression::All
                } else {
                    Expression::None
                }
            },
            |predicate| Expression::Predicate(predicate, span),
        ))
    }

    /// What stands between the brackets, without the space around it; `\)` and `\(` stand for the brackets themselves, and
    /// between two `/` nothing needs it.
    fn argument(&mut self, open: usize) -> Result<String, FilterError> {
        self.space();
        let mut text = String::new();
        let regex = self.peek() == Some('/');
        let mut escaped = false;
        let mut slashes = 0;
        for (offset, c) in self.rest().char_indices() {
            match c {
                ')' if !(escaped || regex && slashes < 2) => {
                    self.at += offset + 1;
                    return Ok(text.trim_end().to_owned());
                }
                '/' if !escaped => slashes += 1,
                '(' | ')' if escaped && !regex => {
                    text.pop();
                }
                _ => {}
            }
            text.push(c);
            escaped = c == '\\' && !escaped;
        }
        Err(self.error(
            open..open + 1,
            "this `(` is not closed",
            "write `)` where it ends; a `)` in a name is written `\\)`",
        ))
    }

    /// None for `all` and `none`.
    fn meaning(
        &self,
        name: &str,
        argument: &str,
        span: Range<usize>,
    ) -> Result<Option<Predicate>, FilterError> {
        let wrong = |message: String, hint: &str| self.error(span.clone(), message, hint);
        let pattern = || {
            if argument.is_empty() {
                return Err(wrong(
                    format!("{name}() names nothing"),
                    "`*` stands for anything",
                ));
            }
            Pattern::new(argument).map_err(|why| {
                wrong(
                    why,
                    "globs know *, ?, [a-z] and {a,b}; =exact, ~part and /regex/ are the others",
                )
            })
        };
        Ok(Some(match name {
            "all" | "none" if argument.is_empty() => return Ok(None),
            "all" | "none" => {
                return Err(wrong(format!("{name}() takes no argument"), "take it away"));
            }
            "arch" => Predicate::Architecture(pattern()?),
            "subject" => Predicate::Subject(pattern()?),
            "class" => Predicate::Class(pattern()?),
            "family" => Predicate::Family(pattern()?),
            "platform" => Predicate::Platform(pattern()?),
            "check" => Predicate::Check(pattern()?),
            "profile" => Predicate::Profile(argument.parse().map_err(|why: String| {
                wrong(why, "a case is in a profile and in each larger one")
            })?),
            "params" => Predicate::Parameters(
                comparison(argument, &[("k", 1e3), ("M", 1e6), ("B", 1e9), ("", 1.0)]).ok_or_else(
                    || {
                        wrong(
                            format!("`{argument}` compares with no number of parameters"),
                            "write params(<500k), params(>=7B)",
                        )
                    },
                )?,
            ),
            "slow" => Predicate::Slow(
                comparison(
                    argument,
                    &[("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("", 1.0)],
                )
                .ok_or_else(|| {
                    wrong(
                        format!("`{argument}` compares with no time"),
                        "write slow(>5s), slow(>=200ms)",
                    )
                })?,
            ),
            "provenance" => Predicate::Provenance(match argument {
                "real" => Provenance::Real,
                "mock" => Provenance::Mock,
                _ => {
                    return Err(wrong(
                        format!("there is no provenance `{argument}`"),
                        "there are real and mock",
                    ));
                }
            }),
            // The one that is left is `last`.
            _ => match argument {
                "none" => Predicate::Last(None),
                "flaky" => Predicate::Flaky,
                _ => {
                    let outcome = Outcome::ALL
                        .into_iter()
                        .find(|outcome| outcome.name() == argument);
                    Predicate::Last(Some(outcome.ok_or_else(|| {
                        let names = Outcome::ALL.map(Outcome::name).join(", ");
                        wrong(format!("there is no outcome `{argument}`"), &format!("there are {names}, flaky, and none for a case that was not in the newest run"))
                    })?))
                }
            },
        }))
    }
}

fn comparison(text: &str, units: &[(&str, f64)]) -> Option<Comparison> {
    let (operator, rest) = [
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("=", Operator::Equal),
    ]
    .into_iter()
    .find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))?;
    let rest = rest.trim();
    // The empty unit is the last one, so that `5s` is not read as a number with an `s`.
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((rest.strip_suffix(unit)?, factor)))?;
    let number = number.trim_end();
    let digits = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.chars().all(digits) {
        return None;
    }
    let value = number.replace('_', "").parse::<f64>().ok()? * factor;
    value.is_finite().then_some(Comparison { operator, value })
}
