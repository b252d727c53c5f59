use serde_json::Value;

use crate::chat::Chat;
use crate::dialect::openai;

/// OpenAI's body. The gateway streams unless it is told not to (`data.get("stream", True)` in its `handle_request`).
pub(super) fn chat(chat: &Chat, model: &str) -> Value {
    let mut body = (openai::CHATTING.request)(chat, model);
    body["stream"] = chat.stream.into();
    body
}
