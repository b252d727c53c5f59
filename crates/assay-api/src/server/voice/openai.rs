//! Chat completions, as a server says them.

use serde_json::{Value, json};

use super::{Event, Heard, Refused, Saying, Voice, role_and_content};
use crate::server::{Fault, MODEL};

pub(crate) const VOICE: Voice = Voice {
    heard: Heard {
        messages: "/messages",
        message: role_and_content,
        system: None,
        limit: "/max_tokens",
        needs_limit: false,
        temperature: "/temperature",
        streams: false,
    },
    models: |name| json!({"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "assay"}]}),
    whole,
    content: "/choices/0/message/content",
    reason: "/choices/0/finish_reason",
    required: "model",
    events,
    error,
    words: "/error/message",
    failing: |refused, number| {
        vec![
            ("", error(refused, number).to_string()),
            ("", "[DONE]".into()),
        ]
    },
};

fn whole(saying: &Saying<'_>) -> Value {
    json!({
        "id": format!("chatcmpl-{}", saying.number), "object": "chat.completion", "created": 1, "model": MODEL,
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": saying.text()}, "logprobs": null,
            "finish_reason": saying.reason("stop", "length"),
        }],
        "usage": usage(saying),
    })
}

fn usage(saying: &Saying<'_>) -> Value {
    let [input, output, total] = saying.usage();
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": total})
}

/// A chunk for the role, one a token, one for the finish reason, one for the tokens' count, and the end.
fn events(saying: &Saying<'_>) -> Vec<Event> {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    deltas.extend(
        saying
            .pieces()
            .iter()
            .map(|piece| json!({"content": piece})),
    );
    let mut choices: Vec<Value> = deltas
        .into_iter()
        .map(|delta| json!([{"index": 0, "delta": delta, "finish_reason": null}]))
        .collect();
    if !saying.is(Fault::NoFinishInStream) {
        let reason = saying.reason("stop", "length");
        choices.push(json!([{"index": 0, "delta": {}, "finish_reason": reason}]));
    }
    let mut chunks: Vec<Value> = choices
        .into_iter()
        .map(|choices| chunk(saying, choices))
        .collect();
    if saying.is(Fault::IdChanges) {
        for (number, chunk) in chunks.iter_mut().enumerate() {
            chunk["id"] = format!("chatcmpl-{number}").into();
        }
    }
    if !saying.is(Fault::NoUsageInStream) {
        let mut last = chunk(saying, json!([]));
        last["usage"] = usage(saying);
        chunks.push(last);
    }
    let chunks = chunks.iter().map(|chunk| ("", chunk.to_string()));
    chunks.chain([("", "[DONE]".to_owned())]).collect()
}

fn chunk(saying: &Saying<'_>, choices: Value) -> Value {
    json!({
        "id": format!("chatcmpl-{}", saying.number), "object": "chat.completion.chunk", "created": 1, "model": MODEL,
        "choices": choices,
    })
}

fn error(refused: &Refused, _: u64) -> Value {
    let code = refused.status.to_string();
    json!({"error": {"message": refused.words, "type": refused.kind, "param": null, "code": code}})
}
