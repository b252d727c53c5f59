use serde_json::{Value, json};

use crate::chat::{Answer, Finish, ToolCall, Usage};

/// The object `message`.
pub(super) fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "required": ["id", "type", "role", "content", "model", "stop_reason", "usage"],
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "model": {"type": "string", "minLength": 1},
            "content": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type"],
                    "allOf": [
                        {
                            "if": {"properties": {"type": {"const": "text"}}},
                            "then": {"required": ["text"], "properties": {"text": {"type": "string"}}},
                        },
                        {
                            "if": {"properties": {"type": {"const": "tool_use"}}},
                            "then": {
                                "required": ["id", "name", "input"],
                                "properties": {
                                    "id": {"type": "string", "minLength": 1},
                                    "name": {"type": "string", "minLength": 1},
                                    "input": {"type": "object"},
                                },
                            },
                        },
                    ],
                },
            },
            "stop_reason": {"enum": ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"]},
            "stop_sequence": {"type": ["string", "null"]},
            "usage": {
                "type": "object",
                "required": ["input_tokens", "output_tokens"],
                "properties": {"input_tokens": count, "output_tokens": count},
            },
        },
    })
}

/// All blocks of text, and of thought.
pub(super) fn read(body: &Value) -> Answer {
    let joined = |kind: &str, field: &str| -> String {
        let blocks = body["content"].as_array().into_iter().flatten();
        blocks
            .filter(|block| block["type"] == kind)
            .filter_map(|block| block[field].as_str())
            .collect()
    };
    Answer {
        id: body["id"].as_str().map(str::to_owned),
        model: body["model"].as_str().map(str::to_owned),
        text: joined("text", "text"),
        reasoning: joined("thinking", "thinking"),
        calls: calls(body),
        finish: body["stop_reason"].as_str().map(finish),
        usage: usage(&body["usage"], None),
    }
}

/// Blocks that call a tool; their arguments are an object.
fn calls(body: &Value) -> Vec<ToolCall> {
    let blocks = body["content"].as_array().into_iter().flatten();
    blocks
        .filter(|block| block["type"] == "tool_use")
        .map(|block| ToolCall {
            name: block["name"].as_str().unwrap_or_default().to_owned(),
            arguments: block["input"].to_string(),
        })
        .collect()
}

pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" => Finish::Length,
        "tool_use" => Finish::Tool,
        other => Finish::Other(other.into()),
    }
}

/// Tokens; those of the question as they were told before, where they are not told again.
pub(super) fn usage(value: &Value, input: Option<u64>) -> Option<Usage> {
    Some(Usage {
        input: Some(self::input(value).or(input)?),
        output: value["output_tokens"].as_u64()?,
        total: None,
    })
}

/// All tokens of a question: what was read from a cache, or written there, is not among `input_tokens`.
pub(super) fn input(usage: &Value) -> Option<u64> {
    let kept = ["cache_read_input_tokens", "cache_creation_input_tokens"];
    let kept: u64 = kept.iter().filter_map(|name| usage[*name].as_u64()).sum();
    Some(usage["input_tokens"].as_u64()? + kept)
}
