use serde_json::{Map, Value, json};

use crate::chat::{Chat, Media};
use crate::dialect::openai::request::tools;

/// The body of `POST /api/chat`. It streams unless it is told not to; what is drawn stands under `options`.
pub(super) fn chat(chat: &Chat, model: &str) -> Value {
    let messages = chat.messages.iter();
    let mut messages: Vec<Value> = messages
        .map(|(role, content)| json!({"role": role.name(), "content": content}))
        .collect();
    if let (Some(Media::Png(data)), Some(last)) = (&chat.media, messages.last_mut()) {
        last["images"] = json!([data]);
    }
    let options: Map<String, Value> = [
        ("num_predict", chat.max_tokens.map(Value::from)),
        ("temperature", chat.temperature.map(Value::from)),
        ("seed", chat.seed.map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect();
    let mut body =
        json!({"model": model, "messages": messages, "stream": chat.stream, "options": options});
    if let Some(schema) = &chat.schema {
        body["format"] = schema.clone();
    }
    if let Some(tool) = &chat.tool {
        body["tools"] = tools(tool);
    }
    body
}
