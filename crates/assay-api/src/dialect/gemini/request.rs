use serde_json::{Map, Value, json};

use crate::chat::{Chat, Media, Role};

/// The body of `:generateContent` and of `:streamGenerateContent`: which one it is, and the model, stands in the path. The assistant is called
/// the model; what the system says stands beside the contents.
pub(super) fn chat(chat: &Chat, _: &str) -> Value {
    let (system, said): (Vec<_>, Vec<_>) = chat
        .messages
        .iter()
        .partition(|(role, _)| *role == Role::System);
    let contents: Vec<Value> = said
        .iter()
        .map(|(role, words)| {
            let role = if *role == Role::Assistant {
                "model"
            } else {
                "user"
            };
            json!({"role": role, "parts": [{"text": words}]})
        })
        .collect();
    let mut body = json!({"contents": contents});
    let data = chat.media.as_ref().map(|media| match media {
        Media::Png(data) => json!({"mimeType": "image/png", "data": data}),
        Media::Wav(data) => json!({"mimeType": "audio/wav", "data": data}),
    });
    let last = body["contents"]
        .as_array_mut()
        .and_then(|all| all.last_mut());
    let parts = last.and_then(|last| last["parts"].as_array_mut());
    if let (Some(parts), Some(data)) = (parts, data) {
        parts.push(json!({"inlineData": data}));
    }
    let system: Vec<&str> = system.iter().map(|(_, words)| words.as_str()).collect();
    if !system.is_empty() {
        body["systemInstruction"] = json!({"parts": [{"text": system.join("\n")}]});
    }
    let kind = chat.schema.is_some().then(|| "application/json".into());
    let config: Map<String, Value> = [
        ("maxOutputTokens", chat.max_tokens.map(Value::from)),
        ("temperature", chat.temperature.map(Value::from)),
        ("seed", chat.seed.map(Value::from)),
        ("responseMimeType", kind),
        ("responseSchema", chat.schema.as_ref().map(openapi)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect();
    if !config.is_empty() {
        body["generationConfig"] = config.into();
    }
    if let Some(tool) = &chat.tool {
        body["tools"] = json!([{"functionDeclarations": [{
            "name": tool.name, "description": tool.description, "parameters": openapi(&tool.parameters),
        }]}]);
        body["toolConfig"] = json!({"functionCallingConfig": {"mode": "ANY"}});
    }
    body
}

/// A JSON Schema as far as `Schema` is one: it is OpenAPI's, which knows no `additionalProperties`.
fn openapi(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("additionalProperties");
    }
    schema
}
