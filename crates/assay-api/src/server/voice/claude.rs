//! Messages, as a server says them.

use serde_json::{Value, json};

use super::{ChatVoice, Event, Heard, Refused, Saying, Voice, role_and_content};
use crate::server::{Fault, MODEL};

pub(crate) const VOICE: Voice = Voice {
    models: |name| {
        let model = json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"});
        json!({"data": [model], "has_more": false, "first_id": name, "last_id": name})
    },
    error,
    words: "/error/message",
    chat: Some(CHAT),
    infer: None,
    embeddings: None,
    rerank: None,
};

pub(crate) const CHAT: ChatVoice = ChatVoice {
    heard: Heard {
        messages: "/messages",
        message: role_and_content,
        system: Some("/system"),
        limit: "/max_tokens",
        needs_limit: true,
        temperature: "/temperature",
        streams: false,
        schema: "/output_config/format/schema",
        tool: ("/tools/0/name", "/tools/0/input_schema"),
    },
    whole,
    content: "/content/0/text",
    reason: "/stop_reason",
    required: "model",
    events,
    piece: "/delta/text",
    needed: ("/message", "model"),
    failing: |refused, number| vec![("error", error(refused, number).to_string())],
};

fn whole(saying: &Saying<'_>) -> Value {
    let [input, output, _] = saying.usage();
    let content = match saying.call() {
        Some((name, arguments)) => {
            let id = format!("toolu_{}", saying.number);
            json!([{"type": "tool_use", "id": id, "name": name, "input": arguments}])
        }
        None => json!([{"type": "text", "text": saying.text()}]),
    };
    json!({
        "id": format!("msg_{}", saying.number), "type": "message", "role": "assistant", "model": MODEL,
        "content": content, "stop_reason": reason(saying), "stop_sequence": null,
        "usage": {"input_tokens": input, "output_tokens": output},
    })
}

fn reason(saying: &Saying<'_>) -> &'static str {
    if saying.call().is_some() && !saying.is(Fault::ToolReasonIsStop) {
        return "tool_use";
    }
    saying.reason("end_turn", "max_tokens")
}

fn events(saying: &Saying<'_>) -> Vec<Event> {
    let mut message = whole(saying);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"]["output_tokens"] = 0.into();
    let start = (
        "message_start",
        json!({"type": "message_start", "message": message}),
    );
    let mut events = vec![start.clone()];
    if saying.is(Fault::EventTwice) {
        events.push(start);
    }
    let block = json!({"type": "text", "text": ""});
    events.push((
        "content_block_start",
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ));
    events.push(("ping", json!({"type": "ping"})));
    events.extend(saying.pieces().iter().map(|piece| {
        let delta = json!({"type": "text_delta", "text": piece});
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        )
    }));
    events.push((
        "content_block_stop",
        json!({"type": "content_block_stop", "index": 0}),
    ));
    events.push(("message_delta", last(saying)));
    events.push(("message_stop", json!({"type": "message_stop"})));
    let events = events.into_iter();
    events
        .map(|(name, event)| (name, event.to_string()))
        .collect()
}

/// The event that has the finish reason and the tokens.
fn last(saying: &Saying<'_>) -> Value {
    let mut last = json!({"type": "message_delta", "delta": {}});
    if !saying.is(Fault::NoFinishInStream) {
        last["delta"] = json!({"stop_reason": reason(saying), "stop_sequence": null});
    }
    if !saying.is(Fault::NoUsageInStream) {
        let [_, output, _] = saying.usage();
        last["usage"] = json!({"output_tokens": output});
    }
    last
}

fn error(refused: &Refused, number: u64) -> Value {
    let error = json!({"type": refused.kind, "message": refused.words});
    json!({"type": "error", "error": error, "request_id": format!("req_{number}")})
}
