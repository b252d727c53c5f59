use serde_json::{Value, json};

use crate::chat::{Answer, Finish};
use crate::dialect::openai;

/// OpenAI's, with an id that is empty, and the router's own reasons beside those of OpenAI (`FinishReason` in `router/src/lib.rs`).
pub(super) fn schema() -> Value {
    let mut schema = (openai::CHATTING.schema)();
    schema["properties"]["id"] = json!({"type": "string"});
    schema["properties"]["choices"]["items"]["properties"]["finish_reason"] =
        json!({"enum": ["stop", "length", "eos_token", "stop_sequence", "tool_calls"]});
    schema
}

/// OpenAI's chunk, with an id that is empty and those reasons.
pub(super) fn event() -> Value {
    let mut schema = (openai::CHATTING.event)();
    schema["properties"]["id"] = json!({"type": "string"});
    schema["properties"]["choices"]["items"]["properties"]["finish_reason"] =
        json!({"enum": [null, "stop", "length", "eos_token", "stop_sequence", "tool_calls"]});
    schema
}

/// The first choice.
pub(super) fn read(body: &Value) -> Answer {
    let mut answer = (openai::CHATTING.response)(body);
    answer.finish = answer.finish.map(finish);
    answer
}

/// An answer that ended by itself.
pub(super) fn finish(reason: Finish) -> Finish {
    match reason {
        Finish::Other(word) if word == "eos_token" || word == "stop_sequence" => Finish::Stop,
        other => other,
    }
}
