use serde_json::{Value, json};

use crate::chat::{Chat, Media, Tool};

/// The body of `POST /chat/completions`. `max_tokens` is the older name of `max_completion_tokens`, and the one that every server knows.
pub(super) fn chat(chat: &Chat, model: &str) -> Value {
    let messages = chat.messages.iter();
    let messages: Vec<Value> = messages
        .map(|(role, content)| json!({"role": role.name(), "content": content}))
        .collect();
    let mut body = json!({"model": model, "messages": messages});
    let part = chat.media.as_ref().map(|media| match media {
        Media::Png(data) => {
            json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}})
        }
        Media::Wav(data) => {
            json!({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}})
        }
    });
    if let Some(part) = part {
        beside_words(&mut body["messages"], &part);
    }
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body[name] = value;
        }
    };
    set("max_tokens", chat.max_tokens.map(Value::from));
    set("temperature", chat.temperature.map(Value::from));
    set("seed", chat.seed.map(Value::from));
    set("stream", chat.stream.then_some(Value::Bool(true)));
    set(
        "stream_options",
        chat.stream.then(|| json!({"include_usage": true})),
    );
    set("response_format", chat.schema.as_ref().map(|schema| {
        json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}})
    }));
    if let Some(tool) = &chat.tool {
        body["tools"] = tools(tool);
        // With the tool's name the finish reason would be `stop`.
        body["tool_choice"] = "required".into();
    }
    body
}

/// Puts a part beside the words of the last message.
pub(in crate::dialect) fn beside_words(messages: &mut Value, part: &Value) {
    let last = messages.as_array_mut().and_then(|all| all.last_mut());
    if let Some(content) = last.and_then(|last| last.get_mut("content")) {
        *content = json!([{"type": "text", "text": content}, part]);
    }
}

/// A tool as OpenAI's and Ollama's APIs have it.
pub(in crate::dialect) fn tools(tool: &Tool) -> Value {
    json!([{
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }])
}
