use std::fmt;
use std::ops::Range;

use crate::filter::Pattern;
use crate::selection::nearest;

/// A filter that can't be read, or names what does not exist; points at the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    message: String,
    hint: String,
    source: String,
    /// In bytes of the source.
    span: Range<usize>,
}

impl std::error::Error for FilterError {}

impl FilterError {
    pub(crate) fn new(
        source: &str,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            source: source.into(),
            span,
        }
    }

    pub(crate) fn unmatched(
        source: &str,
        span: Range<usize>,
        kind: &str,
        pattern: &Pattern,
        names: &[String],
    ) -> Self {
        let what = match kind {
            "arch" => "architecture",
            other => other,
        };
        let near = nearest(&pattern.to_string(), names.iter().map(String::as_str));
        let hint = match (near.as_slice(), names.len()) {
            ([], 0..=12) => format!("there are {}", names.join(", ")),
            ([], _) => format!("`assay list` shows every {what}"),
            (near, _) => format!("did you mean {}?", near.join(", ")),
        };
        Self::new(source, span, format!("no {what} matches `{pattern}`"), hint)
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// Column of the place, in characters from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.source
            .get(..self.span.start)
            .unwrap_or_default()
            .chars()
            .count()
            + 1
    }
}

/// The message, the filter, and a line of carets under the place.
impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .source
            .get(self.span.clone())
            .unwrap_or_default()
            .chars()
            .count()
            .max(1);
        // A filter may be written over several lines of a file; shown on one, the columns stay right.
        let shown = self.source.replace(['\n', '\r', '\t'], " ");
        write!(
            f,
            "in the filter, column {}: {}\n  {shown}\n  {:before$}{}",
            self.column(),
            self.message,
            "",
            "^".repeat(width),
            before = self.column() - 1,
        )
    }
}
