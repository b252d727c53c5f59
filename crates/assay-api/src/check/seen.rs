use assay_model::{Observation, Tally};

/// How many names of what lacks something are kept.
const NAMED: usize = 20;

/// An observation in the making: what holds of how many.
#[derive(Debug, Default)]
pub(crate) struct Seen(Observation);

impl Seen {
    /// Counts one thing under a label; what it is called, should it not hold.
    pub(crate) fn that(&mut self, label: &str, holds: bool, or_else: impl FnOnce() -> String) {
        let found = self.0.tallies.iter().position(|tally| tally.label == label);
        let place = found.unwrap_or_else(|| {
            self.0.tallies.push(Tally {
                label: label.into(),
                have: 0,
                of: 0,
                lacking: Vec::new(),
            });
            self.0.tallies.len() - 1
        });
        let tally = &mut self.0.tallies[place];
        tally.of += 1;
        tally.have += u64::from(holds);
        if !holds && tally.lacking.len() < NAMED {
            tally.lacking.push(or_else());
        }
    }

    /// A remark for a reader.
    pub(crate) fn note(&mut self, words: impl Into<String>) {
        self.0.notes.push(words.into());
    }

    /// A figure that is no verdict.
    pub(crate) fn measure(&mut self, name: &str, value: f64) {
        self.0.measures.insert(name.into(), value);
    }

    /// Why the server can't be asked that.
    pub(crate) fn unsupported(mut self, words: impl Into<String>) -> Observation {
        self.0.unsupported = Some(words.into());
        self.0
    }

    pub(crate) fn done(self) -> Observation {
        self.0
    }
}
