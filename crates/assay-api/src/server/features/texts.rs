use serde_json::{Value, json};

use crate::server::answers::{Call, invalid};
use crate::server::voice::Refused;
use crate::server::words::{Told, tell};
use crate::server::{Fault, MODEL};

impl Call {
    /// A text that is continued.
    pub(super) fn completed(&self, body: &Value) -> Result<Value, Refused> {
        let told = self.continued(
            body,
            "prompt",
            "max_tokens",
            Fault::CompletionLimitIsIgnored,
        )?;
        let object = if self.is(Fault::CompletionOfAnotherObject) {
            "chat.completion"
        } else {
            "text_completion"
        };
        let reason = if told.is_cut { "length" } else { "stop" };
        let choice = json!({"index": 0, "text": told.tokens.concat(), "finish_reason": reason});
        let (input, output) = (told.input, told.tokens.len() as u64);
        let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
        Ok(json!({
            "id": format!("cmpl-{}", self.number), "object": object, "created": 1, "model": MODEL,
            "choices": [choice], "usage": usage,
        }))
    }

    /// An answer in OpenAI's newer form.
    pub(super) fn responded(&self, body: &Value) -> Result<Value, Refused> {
        let told = self.continued(
            body,
            "input",
            "max_output_tokens",
            Fault::ResponseLimitIsIgnored,
        )?;
        let is_said = told.is_cut && !self.is(Fault::CutResponseIsCalledCompleted);
        let (status, details) = if is_said {
            ("incomplete", json!({"reason": "max_output_tokens"}))
        } else {
            ("completed", Value::Null)
        };
        let kind = if self.is(Fault::ResponseOfAnotherPart) {
            "text"
        } else {
            "output_text"
        };
        let content = json!([{"type": kind, "text": told.tokens.concat(), "annotations": []}]);
        let message = json!({
            "type": "message", "id": format!("msg_{}", self.number), "status": status, "role": "assistant", "content": content,
        });
        let (input, output) = (told.input, told.tokens.len() as u64);
        let total = input + output + u64::from(self.is(Fault::ResponseTotalIsWrong));
        Ok(json!({
            "id": format!("resp_{}", self.number), "object": "response", "created_at": 1, "status": status, "error": null,
            "incomplete_details": details, "model": MODEL, "output": [message],
            "usage": {"input_tokens": input, "output_tokens": output, "total_tokens": total},
        }))
    }

    fn continued(
        &self,
        body: &Value,
        text: &str,
        most: &str,
        unlimited: Fault,
    ) -> Result<Told, Refused> {
        let Some(words) = body[text].as_str() else {
            return Err(invalid(format!("`{text}` is missing")));
        };
        let words = if self.is(Fault::CompletionIsCanned) {
            "the same"
        } else {
            words
        };
        let most = body[most].as_u64().filter(|_| !self.is(unlimited));
        Ok(tell(words, 1, most))
    }
}
