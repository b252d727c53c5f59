use serde_json::{Value, json};

use crate::chat::{Chat, Media, Role};
use crate::dialect::openai::request::beside_words;

/// `max_tokens` is required: what nobody set is this.
const MAX_TOKENS: u32 = 256;

/// The body of `POST /v1/messages`. What the system says stands beside the messages.
pub(super) fn chat(chat: &Chat, model: &str) -> Value {
    let (system, said): (Vec<_>, Vec<_>) = chat
        .messages
        .iter()
        .partition(|(role, _)| *role == Role::System);
    let messages: Vec<Value> = said
        .iter()
        .map(|(role, content)| json!({"role": role.name(), "content": content}))
        .collect();
    let mut body = json!({
        "model": model,
        "messages": messages,
        "max_tokens": chat.max_tokens.unwrap_or(MAX_TOKENS),
    });
    if let Some(Media::Png(data)) = &chat.media {
        let source = json!({"type": "base64", "media_type": "image/png", "data": data});
        let image = json!({"type": "image", "source": source});
        beside_words(&mut body["messages"], &image);
    }
    let system: Vec<&str> = system.iter().map(|(_, words)| words.as_str()).collect();
    if !system.is_empty() {
        body["system"] = system.join("\n").into();
    }
    if let Some(temperature) = chat.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(tool) = &chat.tool {
        body["tools"] = json!([{
            "name": tool.name, "description": tool.description, "input_schema": tool.parameters,
        }]);
        body["tool_choice"] = json!({"type": "any"});
    }
    if chat.stream {
        body["stream"] = true.into();
    }
    body
}
