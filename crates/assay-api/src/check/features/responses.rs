use std::collections::BTreeSet;

use assay_model::Observation;
use serde_json::{Value, json};

use super::{call, first, obeys};
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;
use crate::{Call, Error};

/// Tokens of an answer at most: fewer are refused.
const TOKENS: u64 = 16;

/// Questions in OpenAI's newer form, each with few tokens.
pub(in crate::check) async fn responses(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    if let Err(absent) = first(asking, &asked(asking, "What is gold?", TOKENS)?).await? {
        return Ok(absent);
    }
    let mut texts = BTreeSet::new();
    for words in [
        "What is gold?",
        "Tell a long story, and count to a hundred.",
        "def area(radius):",
    ] {
        let (_, body) = asking
            .endpoint
            .answer(&asked(asking, words, TOKENS)?)
            .await?;
        obeys(&mut seen, &schema(), &body)?;
        texts.insert(said(&body));
        let (status, reason) = (&body["status"], &body["incomplete_details"]["reason"]);
        let usage = &body["usage"];
        let count = |name: &str| usage[name].as_u64();
        let (Some(input), Some(output), Some(total)) = (
            count("input_tokens"),
            count("output_tokens"),
            count("total_tokens"),
        ) else {
            continue;
        };
        seen.that("totals that are the sum", total == input + output, || {
            format!("{total}, not {input} + {output}")
        });
        seen.that("answers within their limit", output <= TOKENS, || {
            format!("{output} tokens of {TOKENS}")
        });
        if output >= TOKENS {
            let mut is_said = status == "incomplete" && reason == "max_output_tokens";
            if !is_said {
                // It may end there by itself: then more room makes it no longer.
                let more = asked(asking, words, 4 * TOKENS)?;
                let (_, again) = asking.endpoint.answer(&more).await?;
                is_said = again["usage"]["output_tokens"].as_u64() <= Some(output);
            }
            seen.that("answers that were cut and say so", is_said, || {
                format!("status {status}, reason {reason}")
            });
        }
    }
    seen.that(
        "answers that depend on the question",
        texts.len() > 1,
        || "three questions have the same answer".into(),
    );
    Ok(seen.done())
}

fn asked(asking: &Asking<'_>, words: &str, most: u64) -> Result<Call, Error> {
    let model = &asking.endpoint.model;
    let input = format!("{words} ({:x})", asking.nonce);
    let body = json!({"model": model, "input": input, "max_output_tokens": most});
    call(asking, Capability::Responses, &body)
}

/// What is said, and what is thought: a model that thinks may not come to say anything.
fn said(body: &Value) -> String {
    let items = body["output"].as_array().into_iter().flatten();
    let parts = items
        .filter_map(|item| item["content"].as_array())
        .flatten();
    parts.filter_map(|part| part["text"].as_str()).collect()
}

/// The object `response`.
fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "required": ["id", "object", "created_at", "status", "model", "output"],
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "object": {"const": "response"},
            "created_at": {"type": "number"},
            "status": {"enum": ["completed", "incomplete"]},
            "model": {"type": "string", "minLength": 1},
            "output": {"type": "array", "items": {
                "type": "object",
                "required": ["type"],
                "if": {"properties": {"type": {"const": "message"}}},
                "then": {
                    "required": ["id", "role", "content"],
                    "properties": {
                        "role": {"const": "assistant"},
                        "content": {"type": "array", "items": {
                            "type": "object",
                            "required": ["type"],
                            "properties": {"type": {"enum": ["output_text", "refusal"]}, "text": {"type": "string"}},
                            "if": {"properties": {"type": {"const": "output_text"}}},
                            "then": {"required": ["text"]},
                        }},
                    },
                },
            }},
            "usage": {
                "type": ["object", "null"],
                "required": ["input_tokens", "output_tokens", "total_tokens"],
                "properties": {"input_tokens": count, "output_tokens": count, "total_tokens": count},
            },
        },
    })
}
