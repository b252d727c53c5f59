//! Ollama's chat, as a server says it.

use serde_json::{Value, json};

use super::{ChatVoice, EmbedVoice, Event, Heard, Refused, Saying, Voice, role_and_content, texts};
use crate::server::{Fault, MODEL};

pub(crate) const VOICE: Voice = Voice {
    models: |name| {
        let name = format!("{name}:latest");
        json!({"models": [{"name": name, "model": name, "modified_at": CREATED, "size": 1, "digest": "0"}]})
    },
    error,
    words: "/error",
    chat: Some(CHAT),
    infer: None,
    embeddings: Some(EMBEDDINGS),
    rerank: None,
};

pub(crate) const CHAT: ChatVoice = ChatVoice {
    heard: Heard {
        messages: "/messages",
        message: role_and_content,
        system: None,
        limit: "/options/num_predict",
        needs_limit: false,
        temperature: "/options/temperature",
        streams: true,
        schema: "/format",
        tool: ("/tools/0/function/name", "/tools/0/function/parameters"),
    },
    whole,
    content: "/message/content",
    reason: "/done_reason",
    required: "model",
    events,
    piece: "/message/content",
    needed: ("", "created_at"),
    failing: |refused, number| vec![("", error(refused, number).to_string())],
};

const EMBEDDINGS: EmbedVoice = EmbedVoice {
    texts: |body| texts(&body["input"]),
    vectors: |vectors, _| json!({"model": MODEL, "embeddings": vectors}),
};

const CREATED: &str = "2026-01-01T00:00:00Z";

fn whole(saying: &Saying<'_>) -> Value {
    let [input, output, _] = saying.usage();
    let mut message = json!({"role": "assistant", "content": saying.text()});
    if let Some((name, arguments)) = saying.call() {
        message["tool_calls"] = json!([{"function": {"name": name, "arguments": arguments}}]);
    }
    json!({
        "model": MODEL, "created_at": CREATED, "message": message,
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
