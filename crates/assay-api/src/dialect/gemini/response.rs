use serde_json::{Value, json};

use crate::chat::{Answer, Finish, ToolCall, Usage};

/// A `GenerateContentResponse`. A candidate that was cut while it thought has a content without parts; the list of finish reasons grows, so
/// that only their form is asked for.
pub(super) fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let call = json!({
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1}, "args": {"type": "object"}},
    });
    let part =
        json!({"type": "object", "properties": {"text": {"type": "string"}, "functionCall": call}});
    json!({
        "type": "object",
        "required": ["candidates"],
        "properties": {
            "candidates": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["content", "finishReason"],
                    "properties": {
                        "index": count,
                        "finishReason": {"type": "string", "pattern": "^[A-Z]+(_[A-Z]+)*$"},
                        "content": {
                            "type": "object",
                            "properties": {
                                "role": {"const": "model"},
                                "parts": {
                                    "type": "array",
                                    "items": part,
                                },
                            },
                        },
                    },
                },
            },
            "usageMetadata": {
                "type": "object",
                "properties": {"promptTokenCount": count, "candidatesTokenCount": count, "totalTokenCount": count},
            },
            "modelVersion": {"type": "string", "minLength": 1},
            "responseId": {"type": "string"},
        },
    })
}

/// The first candidate.
pub(super) fn read(body: &Value) -> Answer {
    let candidate = &body["candidates"][0];
    let joined = |is_thought: bool| parts(candidate, is_thought).collect();
    let calls = calls(candidate);
    let finish = candidate["finishReason"].as_str().map(finish);
    Answer {
        id: body["responseId"].as_str().map(str::to_owned),
        model: body["modelVersion"].as_str().map(str::to_owned),
        text: joined(false),
        reasoning: joined(true),
        finish: match finish {
            // There is no reason of its own for a call.
            Some(Finish::Stop) if !calls.is_empty() => Some(Finish::Tool),
            other => other,
        },
        calls,
        usage: usage(&body["usageMetadata"]),
    }
}

/// The parts of a candidate that call a tool; their arguments are an object.
fn calls(candidate: &Value) -> Vec<ToolCall> {
    let parts = candidate["content"]["parts"]
        .as_array()
        .into_iter()
        .flatten();
    parts
        .filter_map(|part| part.get("functionCall"))
        .map(|call| ToolCall {
            name: call["name"].as_str().unwrap_or_default().to_owned(),
            arguments: call["args"].to_string(),
        })
        .collect()
}

/// The texts of a candidate: what it says, or what it thinks (`thought`).
pub(super) fn parts(candidate: &Value, is_thought: bool) -> impl Iterator<Item = &str> {
    let parts = candidate["content"]["parts"]
        .as_array()
        .into_iter()
        .flatten();
    parts
        .filter(move |part| (part["thought"] == true) == is_thought)
        .filter_map(|part| part["text"].as_str())
}

pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        other => Finish::Other(other.into()),
    }
}

/// Tokens. Thoughts are counted beside the candidates, and what tools were asked beside the prompt; zeros are left out, as everywhere in
/// Google's JSON.
pub(super) fn usage(value: &Value) -> Option<Usage> {
    let count = |name: &str| value[name].as_u64().unwrap_or(0);
    Some(Usage {
        input: Some(value["promptTokenCount"].as_u64()? + count("toolUsePromptTokenCount")),
        output: count("candidatesTokenCount") + count("thoughtsTokenCount"),
        total: value["totalTokenCount"].as_u64(),
    })
}
