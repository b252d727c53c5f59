use std::fmt;

/// Why nothing was asked of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) kind: Lack,
    pub(super) words: String,
}

/// What is lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// Neither on the path, nor to be had as a Python package.
    Npm,
    /// Its packages can't be installed.
    Packages,
    /// It ended before it was up.
    Ended,
    /// It was not up in time.
    Late,
    /// The run of its checks left no report.
    Report,
}

impl Lack {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Npm => "no_npm",
            Self::Packages => "not_installed",
            Self::Ended => "ended",
            Self::Late => "not_up_in_time",
            Self::Report => "no_report",
        }
    }

    /// The gaps that a machine may have, and why; any other one fails the command.
    pub(super) fn known(self) -> Option<&'static str> {
        match self {
            Self::Npm => Some("a machine may have no npm, and its registries none"),
            Self::Packages | Self::Ended | Self::Late | Self::Report => None,
        }
    }

    pub(super) fn because(self, words: impl Into<String>) -> Gap {
        Gap {
            kind: self,
            words: words.into(),
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.name(), self.words)
    }
}
