use serde_json::{Value, json};

use crate::dialect::openai;

/// OpenAI's without `id`, which the documented answer has not.
pub(super) fn schema() -> Value {
    let mut schema = (openai::CHATTING.schema)();
    schema["required"] = json!(["object", "created", "model", "choices"]);
    schema
}

/// OpenAI's chunk without `id`, as the documented one is.
pub(super) fn event() -> Value {
    let mut schema = (openai::CHATTING.event)();
    schema["required"] = json!(["object", "created", "model", "choices"]);
    schema
}
