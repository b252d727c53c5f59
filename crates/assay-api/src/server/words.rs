//! What stands for a model: words that depend on the question.

use serde_json::{Map, Value};

const WORDS: [&str; 16] = [
    "gold",
    "silver",
    "naïve",
    "touchstone",
    "日本",
    "fire",
    "🙂",
    "assay",
    "Ω",
    "weight",
    "lead",
    "cupel",
    "ash",
    "nitre",
    "scale",
    "proof",
];

/// An answer that was drawn.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Tokens: each a word with the space before it.
    pub(super) tokens: Vec<String>,
    /// Whether it ends for want of room.
    pub(super) is_cut: bool,
    /// Tokens of the question.
    pub(super) input: u64,
    /// Those of the answer, where they are not counted rightly.
    pub(super) output: Option<u64>,
    /// The tool that is called instead, and its arguments.
    pub(super) call: Option<(String, Value)>,
}

/// FNV-1a.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The answer to a question: the same for the same question, as at temperature 0.
pub(super) fn tell(question: &str, messages: usize, most: Option<u64>) -> Told {
    let mut state = hash(question);
    // A question that asks for many gets many: how cancelling is told needs a long answer.
    let natural = if question.contains("count") {
        4000
    } else {
        12 + state % 8
    };
    let length = most.unwrap_or(64).min(natural);
    let mut tokens = Vec::new();
    for number in 0..length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let word = WORDS[(state >> 60) as usize];
        tokens.push(if number == 0 {
            word.to_owned()
        } else {
            format!(" {word}")
        });
    }
    Told {
        tokens,
        is_cut: length < natural,
        input: question.split_whitespace().count() as u64 + 3 * messages as u64,
        output: None,
        call: None,
    }
}

/// A value that obeys a JSON Schema, as far as the checks' own schemas go: objects, lists of values, texts, truth.
pub(super) fn obeying(schema: &Value, state: u64) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[state as usize % values.len().max(1)].clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let field = |(name, its): (&String, &Value)| (name.clone(), obeying(its, state / 2));
            fields.map(field).collect::<Map<_, _>>().into()
        }
        Some("boolean") => state.is_multiple_of(2).into(),
        _ => WORDS[state as usize % WORDS.len()].into(),
    }
}
