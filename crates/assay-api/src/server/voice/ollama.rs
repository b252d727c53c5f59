//! Ollama's chat, as a server says it.

use serde_json::{Value, json};

use super::{Event, Heard, Refused, Saying, Voice, role_and_content};
use crate::server::{Fault, MODEL};

pub(crate) const VOICE: Voice = Voice {
    heard: Heard {
        messages: "/messages",
        message: role_and_content,
        system: None,
        limit: "/options/num_predict",
        needs_limit: false,
        temperature: "/options/temperature",
        streams: true,
    },
    models: |name| json!({"models": [{"name": name, "model": name}]}),
    whole,
    content: "/message/content",
    reason: "/done_reason",
    required: "model",
    events,
    error,
    words: "/error",
    failing: |refused, number| vec![("", error(refused, number).to_string())],
};

const CREATED: &str = "2026-01-01T00:00:00Z";

fn whole(saying: &Saying<'_>) -> Value {
    let [input, output, _] = saying.usage();
    json!({
        "model": MODEL, "created_at": CREATED, "message": {"role": "assistant", "content": saying.text()},
        "done": true, "done_reason": saying.reason("stop", "length"), "prompt_eval_count": input, "eval_count": output,
    })
}

fn events(saying: &Saying<'_>) -> Vec<Event> {
    let mut last = whole(saying);
    last["message"]["content"] = "".into();
    if saying.is(Fault::NoUsageInStream) {
        last.as_object_mut().map(|last| last.remove("eval_count"));
    }
    let pieces = saying.pieces();
    let lines = pieces.iter().map(|piece| {
        let message = json!({"role": "assistant", "content": piece});
        json!({"model": MODEL, "created_at": CREATED, "message": message, "done": false})
    });
    lines
        .chain([last])
        .map(|line| ("", line.to_string()))
        .collect()
}

fn error(refused: &Refused, _: u64) -> Value {
    json!({"error": refused.words})
}
