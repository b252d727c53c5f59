use serde_json::{Value, json};

use crate::chat::{Answer, Finish, ToolCall, Usage};

/// RFC 3339 § 5.6.
const TIME: &str = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$";

/// The last line of an answer, or the only one.
pub(super) fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let function = json!({
        "type": "object",
        "required": ["name", "arguments"],
        "properties": {"name": {"type": "string", "minLength": 1}, "arguments": {"type": "object"}},
    });
    json!({
        "type": "object",
        "required": ["model", "created_at", "message", "done"],
        "properties": {
            "model": {"type": "string", "minLength": 1},
            "created_at": {"type": "string", "pattern": TIME},
            "done": {"const": true},
            "done_reason": {"type": "string"},
            "message": {
                "type": "object",
                "required": ["role", "content"],
                "properties": {
                    "role": {"const": "assistant"},
                    "content": {"type": "string"},
                    "thinking": {"type": "string"},
                    "tool_calls": {"type": ["array", "null"], "items": {"type": "object", "required": ["function"], "properties": {"function": function}}},
                },
            },
            "prompt_eval_count": count,
            "eval_count": count,
        },
    })
}

/// The message.
pub(super) fn read(body: &Value) -> Answer {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let calls = calls(&body["message"]);
    Answer {
        id: None,
        model: text(&body["model"]),
        text: text(&body["message"]["content"]).unwrap_or_default(),
        reasoning: text(&body["message"]["thinking"]).unwrap_or_default(),
        finish: match body["done_reason"].as_str().map(finish) {
            // There is no reason of its own for a call.
            Some(Finish::Stop) if !calls.is_empty() => Some(Finish::Tool),
            other => other,
        },
        calls,
        usage: usage(body),
    }
}

/// The tools that are to be called; their arguments are an object.
fn calls(message: &Value) -> Vec<ToolCall> {
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    calls
        .map(|call| ToolCall {
            name: call["function"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            arguments: call["function"]["arguments"].to_string(),
        })
        .collect()
}

pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        other => Finish::Other(other.into()),
    }
}

/// A question that is kept whole of an earlier call has no count of its own.
pub(super) fn usage(body: &Value) -> Option<Usage> {
    Some(Usage {
        input: body["prompt_eval_count"].as_u64(),
        output: body["eval_count"].as_u64()?,
        total: None,
    })
}
