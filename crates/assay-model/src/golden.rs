use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a subject gives out under weights and inputs that are the same in every run: collected by the group `golden`, and kept as an
/// expectation once somebody accepted it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// [`Golden::FORMAT`] of who made it.
    pub format: u32,
    /// The Python class.
    pub class: String,
    /// What the weights were drawn from (decimal text: JSON readers round large numbers); empty where they are a checkpoint's own.
    pub nonce: String,
    /// What the inputs were drawn from.
    pub seed: u64,
    /// What was fed, by argument of `forward`; of the second and further sets of inputs `set: argument`.
    pub inputs: BTreeMap<String, GoldenTensor>,
    /// What came out, by name; of the second and further sets of inputs `set: name`.
    pub outputs: BTreeMap<String, GoldenTensor>,
    /// Shapes of the parameters and persistent buffers, by name.
    pub tensors: BTreeMap<String, Vec<u64>>,
    /// What a checkpoint that generates writes greedily behind fixed prompts, as tokens, by prompt.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub continuations: BTreeMap<String, Vec<u64>>,
    /// Tensors that were drawn by another name than theirs, the one before they were renamed: old names by new ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub renamed: BTreeMap<String, String>,
}

impl Golden {
    /// Version of what these fields mean: of the sketch's signs, of how weights and inputs are drawn.
    pub const FORMAT: u32 = 1;
}

/// A tensor in short. Complex ones count as pairs of real ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenTensor {
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its `torch` type without the prefix.
    pub dtype: String,
    /// How many elements are not finite; the figures below are of the others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub non_finite: u64,
    /// The mean.
    pub mean: f64,
    /// Root mean square.
    pub rms: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// rms(result − float64): its own rounding error. None where there is no float64 run, and of inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// Sums of all elements with fixed signs that look random, each over the root of their number
    /// (`python/assay/checks/golden.py`): the rms of the difference of two sketches is about that of the tensors.
    pub sketch: Vec<f64>,
}

impl GoldenTensor {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with one")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use crate::{Observation, Platform, Subject, UnitPlan};

    #[test]
    fn what_older_logs_hold_is_read_and_written_as_it_was() {
        let observation = Observation::default();
        let text = serde_json::to_string(&observation).unwrap();
        assert!(!text.contains("golden"), "{text}");
        assert_eq!(
            serde_json::from_str::<Observation>(&text).unwrap(),
            observation
        );
        let plan = UnitPlan::new(Subject::architecture("bert"), Platform::CPU, vec![0]);
        let text = serde_json::to_string(&plan).unwrap();
        assert!(!text.contains("expected"), "{text}");
        assert_eq!(serde_json::from_str::<UnitPlan>(&text).unwrap(), plan);
    }
}
