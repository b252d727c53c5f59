use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use assay_model::{Golden, GoldenTensor};
use serde::Serialize;

use crate::rules::{epsilon, oracle};

/// How far the rms of a sketch's difference may exceed that of the tensors' difference: the sketch sums with signs that look random, so
/// its square over the mean square is chi-square with 8 degrees of freedom over 8, which exceeds 2.67² once in 10^9.
const SKETCH_TAIL: f64 = 2.67;

/// The noise of an output without a float64 run to measure it by, or whose float64 run went another way, in epsilons of its rms. Measured
/// on 1,586 outputs of 600 tiny models: 3 at the median, 75 and less for 98 %, 256 and less for 99 %. A 1 % change of a median parameter
/// moves an output by 6,700 (`CHECKS.md`).
const UNKNOWN_NOISE_EPSILONS: f64 = 256.0;

/// What rounding to the digits of the file changes at most, as a share of the rms.
const DIGITS: f64 = 1e-7;

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum GoldenKind {
    /// One was drawn from another nonce or seed, or made in another format.
    Incomparable,
    Class,
    InputAdded,
    InputRemoved,
    InputChanged,
    Renamed,
    Added,
    Removed,
    Reshaped,
    OutputAdded,
    OutputRemoved,
    OutputReshaped,
    OutputDrifted,
    ContinuationChanged,
}

impl GoldenKind {
    /// Whether it is a difference of outputs.
    #[must_use]
    pub fn is_of_outputs(self) -> bool {
        self >= Self::OutputAdded
    }
}

/// One difference between what is expected and what was collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoldenDifference {
    /// What differs.
    pub kind: GoldenKind,
    /// In words: one line, no full stop.
    pub detail: String,
}

impl fmt::Display for GoldenDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// All differences, in the order of their kinds.
#[must_use]
pub fn differences(expected: &Golden, collected: &Golden) -> Vec<GoldenDifference> {
    let mut found = Vec::new();
    let mut add = |kind, detail: String| found.push(GoldenDifference { kind, detail });
    let made = |golden: &Golden| {
        format!(
            "format {}, nonce {}, seed {}",
            golden.format, golden.nonce, golden.seed
        )
    };
    if made(expected) != made(collected) {
        let detail = format!(
            "it was made with {}, now it is {}",
            made(expected),
            made(collected)
        );
        add(GoldenKind::Incomparable, detail);
    }
    if expected.class != collected.class {
        let detail = format!(
            "the class was {} and is {}",
            expected.class, collected.class
        );
        add(GoldenKind::Class, detail);
    }
    let fed = Kinds {
        what: "the input",
        added: GoldenKind::InputAdded,
        removed: GoldenKind::InputRemoved,
        reshaped: GoldenKind::InputChanged,
        drifted: GoldenKind::InputChanged,
    };
    of_values(&expected.inputs, &collected.inputs, &fed, &mut add);
    of_tensors(expected, collected, &mut add);
    let outputs = Kinds {
        what: "the output",
        added: GoldenKind::OutputAdded,
        removed: GoldenKind::OutputRemoved,
        reshaped: GoldenKind::OutputReshaped,
        drifted: GoldenKind::OutputDrifted,
    };
    of_values(&expected.outputs, &collected.outputs, &outputs, &mut add);
    of_continuations(expected, collected, &mut add);
    found.sort_by_key(|difference| difference.kind);
    found
}

/// What is written behind the prompts.
fn of_continuations(
    expected: &Golden,
    collected: &Golden,
    add: &mut dyn FnMut(GoldenKind, String),
) {
    let prompts: BTreeSet<&String> = expected
        .continuations
        .keys()
        .chain(collected.continuations.keys())
        .collect();
    for prompt in prompts {
        let before = expected.continuations.get(prompt);
        let now = collected.continuations.get(prompt);
        let detail = match (before, now) {
            (Some(before), Some(now)) if before == now => continue,
            (Some(before), Some(now)) => {
                let same = before.iter().zip(now).take_while(|(a, b)| a == b).count();
                format!(
                    "behind {prompt:?} it wrote {before:?} and writes {now:?}: other from token {same} on"
                )
            }
            (Some(_), None) => format!("behind {prompt:?} it writes nothing any more"),
            (None, _) => format!("what it writes behind {prompt:?} is new"),
        };
        add(GoldenKind::ContinuationChanged, detail);
    }
}

/// Parameters and buffers: names and shapes.
fn of_tensors(expected: &Golden, collected: &Golden, add: &mut dyn FnMut(GoldenKind, String)) {
    let (before, now) = (&expected.tensors, &collected.tensors);
    // The worker's word is taken only where it fits both.
    let renamed: BTreeMap<&String, &String> = collected
        .renamed
        .iter()
        .filter(|(new, old)| {
            now.get(*new) == before.get(*old)
                && now.contains_key(*new)
                && !now.contains_key(*old)
                && !before.contains_key(*new)
        })
        .map(|(new, old)| (old, new))
        .collect();
    for (old, new) in &renamed {
        add(GoldenKind::Renamed, format!("renamed: {old} is {new} now"));
    }
    for (name, shape) in before {
        match now.get(name) {
            Some(other) if other == shape => {}
            Some(other) => add(
                GoldenKind::Reshaped,
                format!("{name} had the shape {shape:?} and has {other:?}"),
            ),
            None if renamed.contains_key(name) => {}
            None => add(GoldenKind::Removed, format!("removed: {name} {shape:?}")),
        }
    }
    for (name, shape) in now {
        if !before.contains_key(name) && !renamed.values().any(|new| *new == name) {
            add(GoldenKind::Added, format!("added: {name} {shape:?}"));
        }
    }
}

/// What to call the differences of inputs or outputs.
struct Kinds {
    what: &'static str,
    added: GoldenKind,
    removed: GoldenKind,
    reshaped: GoldenKind,
    drifted: GoldenKind,
}

fn of_values(
    expected: &BTreeMap<String, GoldenTensor>,
    collected: &BTreeMap<String, GoldenTensor>,
    kinds: &Kinds,
    add: &mut dyn FnMut(GoldenKind, String),
) {
    let what = kinds.what;
    for (name, before) in expected {
        let Some(now) = collected.get(name) else {
            add(kinds.removed, format!("{what} {name} is gone"));
            continue;
        };
        let described = |tensor: &GoldenTensor| format!("{:?} of {}", tensor.shape, tensor.dtype);
        if described(before) != described(now) {
            add(
                kinds.reshaped,
                format!(
                    "{what} {name} was {} and is {}",
                    described(before),
                    described(now)
                ),
            );
        } else if let Some(detail) = drift(before, now) {
            add(kinds.drifted, format!("{what} {name} {detail}"));
        }
    }
    for name in collected.keys() {
        if !expected.contains_key(name) {
            add(kinds.added, format!("{what} {name} is new"));
        }
    }
}

/// How the values of one shape differ, beyond their noise.
fn drift(expected: &GoldenTensor, collected: &GoldenTensor) -> Option<String> {
    if expected.non_finite != collected.non_finite {
        return Some(format!(
            "had {} elements that are not finite and has {}",
            expected.non_finite, collected.non_finite
        ));
    }
    if expected.sketch.len() != collected.sketch.len() || expected.sketch.is_empty() {
        return Some("has a sketch of another length".into());
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let count = expected.sketch.len() as f64;
    let pairs = expected.sketch.iter().zip(&collected.sketch);
    let moved = (pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / count).sqrt();
    let bound = bound(expected);
    // Written so that a NaN is a drift.
    if moved <= bound {
        return None;
    }
    let share = if expected.rms > 0.0 {
        format!(", {:.1e} of its rms", moved / expected.rms)
    } else {
        String::new()
    };
    let noise = expected
        .noise
        .map_or_else(|| "unknown".into(), |noise| format!("{noise:.1e}"));
    Some(format!(
        "moved by {moved:.2e}{share}; the bound is {bound:.1e}, its noise when it was accepted {noise}"
    ))
}

/// How far a sketch may move. By the oracle's rule a result may be `m` times as far from the float64 run as the expected one was, or a
/// floor more; the expected one may be that far to the other side. Only the noise of the *expected* output counts: a precision that was
/// lost on the way must not excuse itself.
fn bound(expected: &GoldenTensor) -> f64 {
    let epsilon = epsilon(&expected.dtype) * expected.rms;
    let noise = match expected.noise {
        Some(noise) if epsilon == 0.0 || noise <= oracle::ASTRAY_EPSILONS * epsilon => noise,
        _ => UNKNOWN_NOISE_EPSILONS * epsilon,
    };
    let multiplier = oracle::multiplier(&expected.dtype, expected.elements());
    SKETCH_TAIL * ((multiplier + 1.0) * noise + oracle::FLOOR_EPSILONS * epsilon)
        + DIGITS * expected.rms
}

#[cfg(test)]
pub(crate) mod samples {
    use assay_model::{Golden, GoldenTensor};

    pub(crate) fn tensor() -> GoldenTensor {
        GoldenTensor {
            shape: vec![2, 64, 32],
            dtype: "float32".into(),
            non_finite: 0,
            mean: 0.0,
            rms: 1.0,
            min: -3.0,
            max: 3.0,
            noise: Some(2e-7),
            sketch: vec![0.5, -1.5, 0.25, 2.0, -0.75, 0.1, 1.25, -1.0],
        }
    }

    pub(crate) fn golden() -> Golden {
        Golden {
            format: Golden::FORMAT,
            class: "BertModel".into(),
            nonce: "1".into(),
            seed: 0,
            inputs: [("input_ids".to_owned(), tensor())].into(),
            outputs: [
                ("last_hidden_state".to_owned(), tensor()),
                ("pooler_output".to_owned(), tensor()),
            ]
            .into(),
            tensors: [
                ("q.weight".to_owned(), vec![32, 32]),
                ("q.bias".to_owned(), vec![32]),
            ]
            .into(),
            continuations: [].into(),
            renamed: [].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{golden, tensor};
    use super::*;

    fn moved_by(distance: f64) -> GoldenTensor {
        let mut other = tensor();
        for (place, value) in other.sketch.iter_mut().enumerate() {
            *value += if place % 2 == 0 { distance } else { -distance };
        }
        other
    }

    fn kinds(change: impl FnOnce(&mut Golden)) -> Vec<GoldenKind> {
        let mut collected = golden();
        change(&mut collected);
        differences(&golden(), &collected)
            .iter()
            .map(|difference| difference.kind)
            .collect()
    }

    #[test]
    fn noise_passes_and_drift_does_not() {
        // Three times the noise of the accepted one; then ten epsilons more than that may grow to; a 1 % change does 8e-4.
        assert_eq!(drift(&tensor(), &moved_by(6e-7)), None);
        assert!(drift(&tensor(), &moved_by(4e-6)).is_some());
        assert!(drift(&tensor(), &moved_by(8e-4)).is_some());
        assert!(drift(&tensor(), &moved_by(f64::NAN)).is_some());
    }

    #[test]
    fn another_continuation_is_told_by_its_first_other_token() {
        let mut expected = golden();
        expected.continuations.insert("Once".into(), vec![3, 4, 5]);
        let mut collected = expected.clone();
        assert_eq!(differences(&expected, &collected), []);
        collected.continuations.insert("Once".into(), vec![3, 9, 5]);
        let found = differences(&expected, &collected);
        assert_eq!(found[0].kind, GoldenKind::ContinuationChanged);
        assert!(found[0].detail.contains("from token 1 on"), "{}", found[0]);
        collected.continuations.clear();
        assert_eq!(differences(&expected, &collected).len(), 1);
    }

    #[test]
    fn precision_that_was_lost_does_not_excuse_itself() {
        let mut collected = moved_by(1e-3);
        collected.noise = Some(1e-3);
        assert!(drift(&tensor(), &collected).is_some());
    }

    #[test]
    fn noise_that_nobody_could_measure_is_some_epsilons() {
        for noise in [None, Some(0.3)] {
            let expected = GoldenTensor { noise, ..tensor() };
            assert_eq!(drift(&expected, &moved_by(5e-6)), None);
            assert!(drift(&expected, &moved_by(1e-3)).is_some());
        }
    }

    #[test]
    fn integers_have_no_noise_but_that_of_choices_that_were_measured() {
        let mut expected = tensor();
        expected.dtype = "int64".into();
        expected.noise = Some(0.0);
        assert!(drift(&expected, &moved_by(1e-6)).is_some());
        assert_eq!(drift(&expected, &tensor()), None);
    }

    #[test]
    fn each_kind_of_difference_is_told() {
        use GoldenKind::*;
        assert_eq!(kinds(|_| ()), []);
        assert_eq!(kinds(|golden| golden.nonce = "2".into()), [Incomparable]);
        assert_eq!(kinds(|golden| golden.class = "Other".into()), [Class]);
        assert_eq!(
            kinds(|golden| *golden.inputs.get_mut("input_ids").unwrap() = moved_by(1.0)),
            [InputChanged]
        );
        assert_eq!(
            kinds(|golden| {
                golden.outputs.remove("pooler_output");
                golden.outputs.insert("logits".into(), tensor());
            }),
            [OutputAdded, OutputRemoved]
        );
        assert_eq!(
            kinds(|golden| golden.outputs.get_mut("pooler_output").unwrap().shape = vec![1]),
            [OutputReshaped]
        );
        assert_eq!(
            kinds(|golden| {
                golden.tensors.insert("q.bias".into(), vec![33]);
                golden.tensors.remove("q.weight");
                golden.tensors.insert("k.weight".into(), vec![32, 32]);
            }),
            [Added, Removed, Reshaped]
        );
    }

    #[test]
    fn a_rename_that_does_not_fit_is_not_believed() {
        let rename = |shape: Vec<u64>| {
            kinds(|golden| {
                golden.tensors.remove("q.weight");
                golden.tensors.insert("k.weight".into(), shape);
                golden.renamed.insert("k.weight".into(), "q.weight".into());
            })
        };
        assert_eq!(rename(vec![32, 32]), [GoldenKind::Renamed]);
        assert_eq!(rename(vec![16]), [GoldenKind::Added, GoldenKind::Removed]);
    }
}
