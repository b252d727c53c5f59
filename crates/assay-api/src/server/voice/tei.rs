//! Text Embeddings Inference, as a server with a model of every kind would speak: a real one has one model.

use serde_json::{Value, json};

use super::{EmbedVoice, InferVoice, Misheard, RankVoice, Ranking, Refused, Voice, texts};
use crate::server::MODEL;
use crate::server::features::vector;

pub(crate) const VOICE: Voice = Voice {
    models: |_| Value::Null,
    error,
    words: "/error",
    chat: None,
    infer: Some(InferVoice {
        about: || json!({"model_id": MODEL, "model_type": {"embedding": {"pooling": "cls"}}, "max_input_length": 512}),
        hear: |body| {
            let inputs = body.get("inputs").ok_or(Misheard::Missing("inputs"))?;
            let is_text = inputs.is_string() || texts(inputs).is_some();
            is_text
                .then(|| inputs.to_string())
                .ok_or(Misheard::OfAnotherType("inputs"))
        },
        say: |words, _| json!([vector(words)]),
        required: "",
        content: "/0",
    }),
    embeddings: Some(EmbedVoice {
        texts: |body| texts(&body["inputs"]),
        vectors: |vectors, _| json!(vectors),
    }),
    rerank: Some(RankVoice {
        asked: |body| {
            Some(Ranking {
                query: body["query"].as_str()?.to_owned(),
                documents: texts(&body["texts"])?,
                first: None,
            })
        },
        ranks: |ranks| {
            let rows = ranks
                .iter()
                .map(|(index, score)| json!({"index": index, "score": score}));
            rows.collect()
        },
    }),
};

fn error(refused: &Refused, _: u64) -> Value {
    let kind = match refused.status {
        503 => "Overloaded",
        400..500 => "Validation",
        _ => "Backend",
    };
    json!({"error": refused.words, "error_type": kind})
}
