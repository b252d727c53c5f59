use std::fmt;

use assay_model::ExitCode;

/// What ended the command, for a person: `error: …`, a blank line, `hint: …`.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    pub(crate) exit: ExitCode,
}

impl Failure {
    /// The command line names something that does not exist.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exit: ExitCode::Usage,
        }
    }

    /// The environment is not fit.
    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exit: ExitCode::Setup,
        }
    }

    /// The record could not be written.
    pub(crate) fn record(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exit: ExitCode::Record,
        }
    }

    /// Assay's own fault.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exit: ExitCode::Internal,
        }
    }

    /// Stopped by a signal before there was anything to record.
    pub(crate) fn interrupted() -> Self {
        Self {
            message: "interrupted before the first case".into(),
            hint: None,
            exit: ExitCode::Interrupted,
        }
    }

    /// The same, with what it is about before it.
    pub(crate) fn within(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// What the user can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) if !hint.is_empty() => write!(f, "\n\nhint: {hint}"),
            _ => Ok(()),
        }
    }
}

impl From<assay_catalog::SelectionError> for Failure {
    fn from(error: assay_catalog::SelectionError) -> Self {
        let hint = error.hint();
        match error {
            assay_catalog::SelectionError::WorkerDisagrees { .. } => {
                Self::internal(error.to_string())
            }
            _ => Self::usage(error.to_string()),
        }
        .hint(hint)
    }
}

impl From<assay_catalog::filter::FilterError> for Failure {
    fn from(error: assay_catalog::filter::FilterError) -> Self {
        Self::usage(error.to_string()).hint(error.hint())
    }
}
