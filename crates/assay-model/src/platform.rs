use std::fmt;

use serde::{Deserialize, Serialize};

/// How and where a subject runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Eager torch on the processor, float32.
    Cpu,
}

impl Platform {
    /// Every platform that this version can run on.
    pub const ALL: [Self; 1] = [Self::Cpu];

    /// The name on the command line, in the log and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
        }
    }

    /// The type of `torch.device` on which every parameter, input and output must be.
    #[must_use]
    pub fn device_type(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
