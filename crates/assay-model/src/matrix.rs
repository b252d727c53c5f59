use serde::{Deserialize, Serialize};

/// What is known of a subject on a platform, by the run that says most of it. A row of `assay matrix --format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the subject.
    pub subject: String,
    /// The architecture, if it is one.
    pub architecture: Option<String>,
    /// Name of its family, if it has one.
    pub family: Option<String>,
    /// Name of the platform, with its device and numbers.
    pub platform: String,
    /// The run.
    pub run: String,
    /// When it began, UTC, ISO 8601.
    pub started: Option<String>,
    /// What became of it.
    pub state: State,
    /// Where it ended, unless it works: the stage of the platform, or what came of it: `export`, `load`, `run`, `wrong numbers`, `setting`,
    /// `fell back`, `timeout`, `crash`, `out of memory`; of the reference the group of checks.
    pub stage: Option<String>,
    /// Kind of the reason (`ReasonKind`).
    pub kind: Option<String>,
    /// In words: the backend's own message, or what differs.
    pub detail: Option<String>,
    /// What can be done about it.
    pub mend: Option<String>,
    /// `real` or `mock`, by evidence.
    pub provenance: Option<String>,
    /// Number of cases.
    pub cases: u64,
    /// How many of them passed.
    pub passed: u64,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What was measured of a subject on a platform; none where nothing was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// The largest error of an output against float64 over that of what it is judged by: eager torch in float32, or what storing shorter
    /// numbers costs.
    pub error_ratio: Option<f64>,
    /// The largest error of an output against float64 over the size of that output (both root mean squares).
    pub relative_error: Option<f64>,
    /// Time of a forward over that of eager torch, the two measured in turn in the same process: the median of a few.
    pub latency_ratio: Option<f64>,
    /// The least and the most of these few.
    pub latency_ratio_low: Option<f64>,
    /// The same.
    pub latency_ratio_high: Option<f64>,
    /// Milliseconds of a forward.
    pub forward_milliseconds: Option<f64>,
    /// Milliseconds of one in eager torch, in float32.
    pub eager_milliseconds: Option<f64>,
    /// Rows that a forward was fed.
    pub rows: Option<f64>,
    /// The most bytes that loading or running raised what its process holds by. What it takes to prepare a model is no part of it.
    pub peak_bytes: Option<f64>,
    /// Number of parameters.
    pub parameters: Option<f64>,
    /// Number of values in the inputs and the outputs.
    pub values: Option<f64>,
}

/// What became of a subject on a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something failed.
    Fails,
    /// Something answered that is not the model.
    Mock,
    /// Only what a known issue names failed.
    Known,
    /// Nothing was executed: this machine lacks the platform, or the backend says that it can't.
    Skipped,
    /// Whatever was asked held, but less was asked than shows that a platform runs the model.
    PartlyAsked,
    /// Whatever was asked held, and a real model ran.
    Works,
}

impl State {
    /// Every state, the worst first.
    pub const ALL: [Self; 6] = [
        Self::Fails,
        Self::Mock,
        Self::Known,
        Self::Skipped,
        Self::PartlyAsked,
        Self::Works,
    ];

    /// The name in the store, on the command line and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Mock => "mock",
            Self::Known => "known",
            Self::Skipped => "skipped",
            Self::PartlyAsked => "partly_asked",
            Self::Works => "works",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
