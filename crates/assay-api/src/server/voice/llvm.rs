//! LLVM's backend, as a server speaks it.

use serde_json::{Value, json};

use super::{InferVoice, Misheard, Voice, kserve};
use crate::server::MODEL;
use crate::server::words::tell;

pub(crate) const VOICE: Voice = Voice {
    models: |name| json!({"models": [{"id": name}]}),
    infer: Some(InferVoice {
        about: || json!({"id": MODEL}),
        hear: |body| {
            let input = body.get("input").ok_or(Misheard::Missing("input"))?;
            let input = input.as_str().ok_or(Misheard::OfAnotherType("input"))?;
            match body.get("parameters") {
                None | Some(Value::Object(_)) => Ok(input.to_owned()),
                Some(_) => Err(Misheard::OfAnotherType("parameters")),
            }
        },
        say: |words, _| json!({"output": tell(words, 1, None).tokens.concat()}),
        required: "output",
        content: "/output",
    }),
    ..kserve::VOICE
};
