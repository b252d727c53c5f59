use std::collections::BTreeSet;

use assay_model::Observation;
use serde_json::{Value, json};

use super::{call, first, obeys};
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;
use crate::{Call, Error};

/// Tokens of an answer at most.
const TOKENS: u64 = 8;

/// Texts that are continued, each with few tokens.
pub(in crate::check) async fn completions(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    if let Err(absent) = first(asking, &asked(asking, "Gold is", TOKENS)?).await? {
        return Ok(absent);
    }
    let mut texts = BTreeSet::new();
    for prompt in ["Gold is", "One, two, three,", "def area(radius):"] {
        let (_, body) = asking
            .endpoint
            .answer(&asked(asking, prompt, TOKENS)?)
            .await?;
        obeys(&mut seen, &schema(), &body)?;
        let choice = &body["choices"][0];
        texts.insert(choice["text"].as_str().unwrap_or_default().to_owned());
        let Some(tokens) = body["usage"]["completion_tokens"].as_u64() else {
            continue;
        };
        seen.that("texts within their limit", tokens <= TOKENS, || {
            format!("{tokens} tokens of {TOKENS}")
        });
        if tokens >= TOKENS {
            let reason = &choice["finish_reason"];
            let mut is_said = reason == "length";
            if !is_said {
                // It may end there by itself: then more room makes it no longer.
                let more = asked(asking, prompt, 4 * TOKENS)?;
                let (_, again) = asking.endpoint.answer(&more).await?;
                is_said = again["usage"]["completion_tokens"].as_u64() <= Some(tokens);
            }
            seen.that("texts that were cut and say so", is_said, || {
                reason.to_string()
            });
        }
    }
    seen.that("texts that depend on the prompt", texts.len() > 1, || {
        "three prompts are continued alike".into()
    });
    Ok(seen.done())
}

fn asked(asking: &Asking<'_>, prompt: &str, most: u64) -> Result<Call, Error> {
    let model = &asking.endpoint.model;
    let prompt = format!("({:x}) {prompt}", asking.nonce);
    let body = json!({"model": model, "prompt": prompt, "max_tokens": most, "temperature": 0.0});
    call(asking, Capability::Completions, &body)
}

/// The object `text_completion`.
fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "required": ["id", "object", "created", "model", "choices"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "text_completion"},
            "created": count,
            "model": {"type": "string", "minLength": 1},
            "choices": {"type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["index", "text", "finish_reason"],
                "properties": {
                    "index": count,
                    "text": {"type": "string"},
                    "finish_reason": {"enum": ["stop", "length", "content_filter", "eos_token", "stop_sequence"]},
                },
            }},
            "usage": {
                "type": ["object", "null"],
                "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
                "properties": {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count},
            },
        },
    })
}
