use std::collections::BTreeSet;

use assay_model::{Evidence, Exchange, Provenance, Sketch};

use crate::layer::recompute;
use crate::{Generator, Weights};

/// Number of layers that the nonce picks; with a draw of the same layer twice it is fewer.
const PICKS: u64 = 6;

/// What the judge makes of a worker's evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// `Real` if every layer could be computed again and the outputs moved; `Mock` if something answered that can't be the
    /// model; none if no forward came to its end.
    pub provenance: Option<Provenance>,
    /// Why, in words.
    pub detail: String,
}

/// Examines evidence: believes nothing that can be computed here.
///
/// `nonce` picks the layers; `weights` is where the weights of the first two forwards come from.
#[must_use]
pub fn prove(evidence: &Evidence, nonce: u64, weights: &Weights) -> Proof {
    if let Some(raised) = &evidence.raised {
        let message = raised.message.lines().next().unwrap_or_default();
        let detail = format!(
            "no forward came to its end: {}: {message}",
            raised.exception
        );
        return Proof {
            provenance: None,
            detail,
        };
    }
    if evidence.lacking.is_none() && evidence.known_layers == Some(0) {
        return Proof {
            provenance: None,
            detail: "none of its layers is of a kind that can be computed again".into(),
        };
    }
    match examine(evidence, nonce, weights) {
        Ok(detail) => Proof {
            provenance: Some(Provenance::Real),
            detail,
        },
        Err(detail) => Proof {
            provenance: Some(Provenance::Mock),
            detail,
        },
    }
}

/// Examines the evidence of a workflow: each link must be shown, and every one must be real.
#[must_use]
pub fn prove_links(evidence: &Evidence, links: &[String], nonce: u64, weights: &Weights) -> Proof {
    if evidence.raised.is_some() || evidence.lacking.is_some() {
        return prove(evidence, nonce, weights);
    }
    let shown: Vec<&String> = evidence.parts.keys().collect();
    let mut expected: Vec<&String> = links.iter().collect();
    expected.sort_unstable();
    if shown != expected {
        return Proof {
            provenance: Some(Provenance::Mock),
            detail: format!("the worker shows the links {shown:?}, the workflow has {expected:?}"),
        };
    }
    let proofs: Vec<Proof> = evidence
        .parts
        .iter()
        .map(|(link, part)| {
            let proof = prove(part, nonce, weights);
            Proof {
                detail: format!("link {link}: {}", proof.detail),
                ..proof
            }
        })
        .collect();
    let find = |provenance| proofs.iter().find(|proof| proof.provenance == provenance);
    match find(Some(Provenance::Mock)).or_else(|| find(None)) {
        Some(proof) => proof.clone(),
        None => Proof {
            provenance: Some(Provenance::Real),
            detail: proofs
                .iter()
                .map(|proof| proof.detail.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        },
    }
}

/// Examines what an endpoint answered. Whether a model is behind an address nobody can compute again; one that answers the same to every
/// question is none, nor is one that says back what it was asked.
#[must_use]
pub fn prove_endpoint(evidence: &Evidence) -> Proof {
    if evidence.raised.is_some() {
        return prove(evidence, 0, &Weights::Nonce(0));
    }
    let exchanges = &evidence.exchanges;
    let mock = |detail: &str| Proof {
        provenance: Some(Provenance::Mock),
        detail: detail.into(),
    };
    if exchanges.len() < EXCHANGES {
        return mock("the worker shows too few answers");
    }
    let answers: BTreeSet<&str> = exchanges.iter().map(|its| its.answer.as_str()).collect();
    // Words, and a number that counts.
    let words: BTreeSet<String> = answers.iter().map(|its| letters(its)).collect();
    let are_words = answers.iter().all(|its| is_words(its));
    if answers.len() < 2 || (words.len() < 2 && are_words) {
        return mock("it answers the same to every question");
    }
    // A model may begin with the question, and go on.
    let added: Option<BTreeSet<String>> = exchanges.iter().map(added).collect();
    if added.is_some_and(|added| added.len() < 2) {
        return mock("it says back what it is asked");
    }
    Proof {
        provenance: Some(Provenance::Real),
        detail: format!("{} answers to {} questions", answers.len(), exchanges.len()),
    }
}

/// What an answer says beside the question that it repeats, or with which it is cut off, by its letters; none where it is another one.
fn added(its: &Exchange) -> Option<String> {
    let (question, answer) = (letters(&its.question), letters(&its.answer));
    if is_words(&its.answer) && question.starts_with(&answer) {
        return Some(String::new());
    }
    let (before, after) = answer.split_once(&question)?;
    Some(format!("{before}{after}"))
}

/// Whether a text is letters for the most part: numbers of a vector have an `e` at the most.
fn is_words(text: &str) -> bool {
    2 * letters(text).len() > text.len()
}

/// The letters of a text, all small.
fn letters(text: &str) -> String {
    let letters = text.chars().filter(|letter| letter.is_alphabetic());
    letters.flat_map(char::to_lowercase).collect()
}

/// Questions that an endpoint answers to show that it does.
const EXCHANGES: usize = 3;

/// How many times as many layers may give out the same for another input as give out something else. Measured on 582 architectures of
/// transformers 5.23.0: 2.4 at most (LightGlue, a vocoder), 0.4 at most in all others (DETR's kin, which ask learned queries); 4.3 of a BERT
/// whose encoder sees nothing.
const MOST_UNMOVED: u64 = 4;

/// The detail of a proof, or what is wrong with it.
fn examine(evidence: &Evidence, nonce: u64, weights: &Weights) -> Result<String, String> {
    if let Some(lacking) = &evidence.lacking {
        return Err(lacking.clone());
    }
    let picked = picks(&evidence.eligible, nonce);
    if picked.is_empty() {
        return Err("no layer that can be computed again was called in the forward".into());
    }
    let moving = evidence.eligible.len() as u64;
    if evidence.unmoved > MOST_UNMOVED * moving {
        return Err(format!(
            "{} of {} layers gave out the same for another input",
            evidence.unmoved,
            evidence.unmoved + moving
        ));
    }
    for (captured, which) in [(&evidence.first, "first"), (&evidence.second, "second")] {
        let names: Vec<&str> = captured.iter().map(|layer| layer.layer.as_str()).collect();
        if names != picked {
            return Err(format!(
                "in the {which} forward the nonce picks the layers {}, the worker shows {}",
                picked.join(", "),
                if names.is_empty() {
                    "none".into()
                } else {
                    names.join(", ")
                }
            ));
        }
        for layer in captured {
            recompute(layer, weights)
                .map_err(|why| format!("layer {} of the {which} forward: {why}", layer.layer))?;
        }
    }
    if evidence
        .first
        .iter()
        .map(|layer| &layer.input)
        .eq(evidence.second.iter().map(|layer| &layer.input))
    {
        return Err("no captured layer saw another input when the model did".into());
    }
    moved(&evidence.sketches, "other_input", "the input")?;
    moved(&evidence.sketches, "other_weights", "the nonce")?;
    Ok(format!(
        "{} layers recomputed in each of two forwards; outputs move with nonce and input",
        picked.len()
    ))
}

/// The layers that the nonce picks, each once, in the order of the eligible ones.
fn picks(eligible: &[String], nonce: u64) -> Vec<&str> {
    let generator = Generator::new(nonce, "assay.evidence");
    let count = eligible.len() as u64;
    if count == 0 {
        return Vec::new();
    }
    let mut indices: Vec<u64> = (0..PICKS).map(|i| generator.word(i) % count).collect();
    indices.sort_unstable();
    indices.dedup();
    indices
        .iter()
        .filter_map(|&index| eligible.get(usize::try_from(index).ok()?))
        .map(String::as_str)
        .collect()
}

/// An output must differ from the first forward's.
fn moved(sketches: &[Sketch], of: &str, with: &str) -> Result<(), String> {
    let find = |of: &str| {
        sketches
            .iter()
            .find(|sketch| sketch.of == of)
            .filter(|sketch| !sketch.values.is_empty())
    };
    match (find("first"), find(of)) {
        (Some(first), Some(other)) if first.values != other.values => Ok(()),
        (Some(_), Some(_)) => Err(format!("the output does not move with {with}")),
        _ => Err(format!(
            "there is no finite output to show that it moves with {with}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{CapturedLayer, LayerKind};

    use super::*;

    const NONCE: u64 = 20_260_101;

    fn answers(rows: [&str; 3]) -> Evidence {
        let exchange = |(number, answer): (usize, &str)| Exchange {
            question: format!("question {number}"),
            answer: answer.into(),
        };
        Evidence {
            exchanges: rows.into_iter().enumerate().map(exchange).collect(),
            ..Evidence::default()
        }
    }

    #[test]
    fn an_endpoint_answers_by_its_questions() {
        let of = |rows| prove_endpoint(&answers(rows)).provenance;
        assert_eq!(of(["a", "b", "a"]), Some(Provenance::Real));
        assert_eq!(of(["a", "a", "a"]), Some(Provenance::Mock));
        let goes_on = ["question 0 is gold", "question 1, and ash", "question 2"];
        assert_eq!(of(goes_on), Some(Provenance::Real));
        for echo in [
            ["question 0", "> question 1", "question 2!"],
            ["quest", "question", "QUESTION 2"],
            [
                "You said: question 0",
                "You said: question 1",
                "You said: question 2",
            ],
            ["answer 1", "answer 2", "answer 3"],
        ] {
            assert_eq!(of(echo), Some(Provenance::Mock), "{echo:?}");
        }
        let numbers = ["[[0.1, 2e-1]]", "[[0.3, 2e-1]]", "[[0.1, 2e-3]]"];
        assert_eq!(of(numbers), Some(Provenance::Real));
        let mut few = answers(["a", "b", "c"]);
        few.exchanges.pop();
        assert_eq!(prove_endpoint(&few).provenance, Some(Provenance::Mock));
        // Nothing is shown where a model would show its layers.
        let proof = prove(&answers(["a", "b", "c"]), NONCE, &Weights::Nonce(NONCE));
        assert_eq!(proof.provenance, Some(Provenance::Mock));
    }

    /// What an honest worker shows of a model with one linear layer of 3 inputs and 2 outputs.
    fn honest() -> Evidence {
        let layer = |input: [f32; 3]| {
            let weight = Generator::new(NONCE, "dense.weight");
            let bias = Generator::new(NONCE, "dense.bias");
            let scale = (1.0 / 3f64.sqrt()) as f32;
            let output = (0..2_u64)
                .map(|j| {
                    let sum: f32 = (0..3_u64)
                        .map(|k| weight.variate(j * 3 + k) * scale * input[k as usize])
                        .sum();
                    sum + bias.variate(j) * 0.1
                })
                .collect();
            CapturedLayer {
                layer: "dense".into(),
                kind: LayerKind::Linear,
                weight: "dense.weight".into(),
                shape: vec![2, 3],
                bias: Some("dense.bias".into()),
                input: input.into(),
                columns: vec![0, 1],
                output,
            }
        };
        let sketch = |of: &str, value| Sketch {
            of: of.into(),
            values: vec![value, 1.0],
        };
        Evidence {
            model_class: "Model".into(),
            eligible: vec!["dense".into()],
            first: vec![layer([0.5, -1.0, 2.0])],
            second: vec![layer([1.5, 0.25, -2.0])],
            sketches: vec![
                sketch("first", 0.5),
                sketch("other_input", 0.6),
                sketch("other_weights", 0.7),
            ],
            ..Evidence::default()
        }
    }

    fn provenance(evidence: &Evidence) -> Option<Provenance> {
        prove(evidence, NONCE, &Weights::Nonce(NONCE)).provenance
    }

    #[test]
    fn an_honest_worker_is_believed() {
        let proof = prove(&honest(), NONCE, &Weights::Nonce(NONCE));
        assert_eq!(proof.provenance, Some(Provenance::Real), "{}", proof.detail);
    }

    #[test]
    fn each_way_to_answer_without_the_model_is_a_mock() {
        type Forge = fn(&mut Evidence);
        let forgeries: [(&str, Forge); 12] = [
            ("no layers", |e| {
                (e.eligible, e.first, e.second) = Default::default()
            }),
            ("layers that it chose itself", |e| {
                e.eligible = vec!["other".into()]
            }),
            ("second forward from a cache", |e| e.second.clear()),
            ("first answer shown twice", |e| e.second = e.first.clone()),
            ("a constant output", |e| e.first[0].output = vec![0.0, 0.0]),
            ("one wrong element", |e| e.second[0].output[1] += 1e-4),
            ("no element", |e| {
                (e.first[0].output, e.first[0].columns) = Default::default()
            }),
            ("a NaN", |e| e.first[0].output[0] = f32::NAN),
            ("an output that ignores the input", |e| {
                e.sketches[1] = Sketch {
                    of: "other_input".into(),
                    ..e.sketches[0].clone()
                }
            }),
            ("an output that ignores the weights", |e| {
                e.sketches[2] = Sketch {
                    of: "other_weights".into(),
                    ..e.sketches[0].clone()
                }
            }),
            ("no output", |e| e.sketches.clear()),
            ("layers that see nothing of the input", |e| {
                e.unmoved = 4 * e.eligible.len() as u64 + 1
            }),
        ];
        for (name, forge) in forgeries {
            let mut evidence = honest();
            forge(&mut evidence);
            assert_eq!(provenance(&evidence), Some(Provenance::Mock), "{name}");
        }
    }

    #[test]
    fn some_layers_may_see_positions_and_queries_only() {
        let evidence = Evidence {
            unmoved: 4 * honest().eligible.len() as u64,
            ..honest()
        };
        assert_eq!(provenance(&evidence), Some(Provenance::Real));
    }

    #[test]
    fn a_model_without_a_layer_that_is_known_is_neither() {
        let mut unknown = Evidence {
            eligible: vec![],
            first: vec![],
            second: vec![],
            known_layers: Some(0),
            ..honest()
        };
        assert_eq!(provenance(&unknown), None);
        // One that has such layers and calls none of them is no model.
        unknown.known_layers = Some(1);
        assert_eq!(provenance(&unknown), Some(Provenance::Mock));
        unknown.known_layers = None;
        assert_eq!(provenance(&unknown), Some(Provenance::Mock));
    }

    #[test]
    fn a_workflow_is_as_real_as_each_of_its_links() {
        let links = ["one".to_owned(), "two".to_owned()];
        let chain = |parts: &[(&str, Evidence)]| {
            let parts = parts
                .iter()
                .map(|(name, part)| ((*name).to_owned(), part.clone()));
            let evidence = Evidence {
                parts: parts.collect(),
                ..Evidence::default()
            };
            prove_links(&evidence, &links, NONCE, &Weights::Nonce(NONCE)).provenance
        };
        let mock = Evidence {
            eligible: vec![],
            ..honest()
        };
        let unknown = Evidence {
            known_layers: Some(0),
            ..honest()
        };
        let real = Some(Provenance::Real);
        assert_eq!(chain(&[("one", honest()), ("two", honest())]), real);
        assert_eq!(
            chain(&[("one", honest()), ("two", mock)]),
            Some(Provenance::Mock)
        );
        assert_eq!(chain(&[("one", honest()), ("two", unknown)]), None);
        // A link that is not shown is none.
        assert_eq!(chain(&[("one", honest())]), Some(Provenance::Mock));
        assert_eq!(chain(&[]), Some(Provenance::Mock));
    }

    #[test]
    fn weights_of_another_nonce_are_a_mock() {
        let proof = prove(&honest(), NONCE, &Weights::Nonce(NONCE + 1));
        assert_eq!(proof.provenance, Some(Provenance::Mock));
    }

    #[test]
    fn a_forward_that_raised_says_nothing() {
        let raised = assay_model::Raised {
            exception: "ValueError".into(),
            message: "no".into(),
            frames: vec![],
            origin: assay_model::Origin::Subject,
            out_of_memory: false,
            missing_package: None,
            not_a_model: None,
            stage: None,
            unavailable: None,
        };
        assert_eq!(
            provenance(&Evidence {
                raised: Some(raised),
                ..honest()
            }),
            None
        );
    }
}
