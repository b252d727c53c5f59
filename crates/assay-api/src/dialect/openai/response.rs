use serde_json::{Value, json};

use crate::chat::{Answer, Finish, ToolCall, Usage};

/// The object `chat.completion`, as the API reference has it: what it lists as always there is required; more is allowed.
pub(super) fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let text = json!({"type": "string"});
    let function = json!({"type": "object", "required": ["name", "arguments"], "properties": {"name": text, "arguments": text}});
    let call = json!({
        "type": "object",
        "required": ["id", "type", "function"],
        "properties": {"id": {"type": "string", "minLength": 1}, "type": {"const": "function"}, "function": function},
    });
    json!({
        "type": "object",
        "required": ["id", "object", "created", "model", "choices"],
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "object": {"const": "chat.completion"},
            "created": {"type": "integer", "minimum": 0},
            "model": {"type": "string", "minLength": 1},
            "choices": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "required": ["index", "message", "finish_reason"],
                    "properties": {
                        "index": count,
                        "finish_reason": {"enum": ["stop", "length", "tool_calls", "content_filter", "function_call"]},
                        "message": {
                            "type": "object",
                            "required": ["role"],
                            // Groq and TGI leave it out beside calls.
                            "anyOf": [{"required": ["content"]}, {"required": ["tool_calls"]}],
                            "properties": {
                                "role": {"const": "assistant"},
                                "content": {"type": ["string", "null"]},
                                "tool_calls": {"type": ["array", "null"], "items": call},
                            },
                        },
                    },
                },
            },
            "usage": counts(),
        },
    })
}

/// Tokens, or null.
pub(super) fn counts() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({
        "type": ["object", "null"],
        "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
        "properties": {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count},
    })
}

/// The first choice.
pub(super) fn read(body: &Value) -> Answer {
    let choice = &body["choices"][0];
    let message = &choice["message"];
    Answer {
        id: text(&body["id"]),
        model: text(&body["model"]),
        text: text(&message["content"]).unwrap_or_default(),
        reasoning: reasoning(message).unwrap_or_default(),
        calls: calls(message),
        finish: choice["finish_reason"].as_str().map(finish),
        usage: usage(&body["usage"]),
    }
}

/// The tools that are to be called; their arguments are JSON within a text.
fn calls(message: &Value) -> Vec<ToolCall> {
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    calls
        .map(|call| ToolCall {
            name: text(&call["function"]["name"]).unwrap_or_default(),
            arguments: text(&call["function"]["arguments"]).unwrap_or_default(),
        })
        .collect()
}

/// What was thought, under the names that servers have for it: vLLM's and llama.cpp's `reasoning_content`, Groq's `reasoning`.
pub(super) fn reasoning(message: &Value) -> Option<String> {
    text(&message["reasoning_content"]).or_else(|| text(&message["reasoning"]))
}

pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::Tool,
        other => Finish::Other(other.into()),
    }
}

pub(super) fn usage(value: &Value) -> Option<Usage> {
    let (input, said) = (
        value["prompt_tokens"].as_u64()?,
        value["completion_tokens"].as_u64()?,
    );
    let total = value["total_tokens"].as_u64();
    let thought = value["completion_tokens_details"]["reasoning_tokens"].as_u64();
    let thought = thought.unwrap_or(0);
    Some(Usage {
        input: Some(input),
        // xAI counts thoughts beside what is said, OpenAI within it.
        output: if total == Some(input + said + thought) {
            said + thought
        } else {
            said
        },
        total,
    })
}
