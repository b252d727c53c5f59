//! KServe's protocol, as a server speaks it.

use serde_json::{Value, json};

use super::{InferVoice, Misheard, Refused, Voice};
use crate::server::MODEL;
use crate::server::words::hash;

pub(crate) const VOICE: Voice = Voice {
    models: |_| Value::Null,
    error,
    words: "/error",
    chat: None,
    infer: Some(InferVoice {
        about: || {
            json!({
                "name": MODEL, "versions": ["1"], "platform": "assay",
                "inputs": [{"name": "input-0", "datatype": "FP32", "shape": [-1, 4]}],
                "outputs": [{"name": "output-0", "datatype": "FP32", "shape": [-1, 2]}],
            })
        },
        hear,
        say,
        required: "outputs",
        content: "/outputs",
    }),
    embeddings: None,
    rerank: None,
};

/// The data of all inputs, each of which has as many numbers as its shape.
fn hear(body: &Value) -> Result<String, Misheard> {
    let inputs = body.get("inputs").ok_or(Misheard::Missing("inputs"))?;
    let wrong = || Misheard::OfAnotherType("inputs");
    let inputs = inputs.as_array().filter(|its| !its.is_empty());
    let mut heard = String::new();
    for input in inputs.ok_or_else(wrong)? {
        let sizes = input["shape"].as_array().ok_or_else(wrong)?.iter();
        let count: Option<u64> = sizes.map(Value::as_u64).product();
        let data = input["data"].as_array().ok_or_else(wrong)?;
        let is_whole = count == Some(data.len() as u64);
        if !is_whole || !input["name"].is_string() || !input["datatype"].is_string() {
            return Err(wrong());
        }
        heard += &input["data"].to_string();
    }
    Ok(heard)
}

/// Two numbers that depend on the inputs.
fn say(words: &str, body: &Value) -> Value {
    let state = hash(words);
    let number = |bits: u64| (bits % 1000) as f64 / 1000.0;
    let data = json!([number(state >> 8), number(state >> 32)]);
    let mut answer = json!({
        "model_name": MODEL, "model_version": "1",
        "outputs": [{"name": "output-0", "shape": [1, 2], "datatype": "FP32", "data": data}],
    });
    if let Some(id) = body.get("id") {
        answer["id"] = id.clone();
    }
    answer
}

fn error(refused: &Refused, _: u64) -> Value {
    json!({"error": refused.words})
}
