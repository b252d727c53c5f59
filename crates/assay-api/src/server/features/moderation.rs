use serde_json::{Value, json};

use crate::server::answers::{Call, invalid};
use crate::server::voice::{Refused, texts};
use crate::server::{Fault, MODEL};

impl Call {
    /// What is wrong with each text: a hammer is violence.
    pub(super) fn moderated(&self, body: &Value) -> Result<Value, Refused> {
        let texts = texts(&body["input"]).ok_or_else(|| invalid("`input` is missing".into()))?;
        let mut results: Vec<Value> = texts.iter().map(|text| self.result(text)).collect();
        if self.is(Fault::ModerationLosesOne) {
            results.pop();
        }
        let id = format!("modr-{}", self.number);
        Ok(json!({"id": id, "model": MODEL, "results": results}))
    }

    fn result(&self, text: &str) -> Value {
        let is_violent = text.contains("hammer");
        let score = match (is_violent, self.is(Fault::ModerationScoreIsPercent)) {
            (true, true) => 90.0,
            (true, false) => 0.9,
            _ => 0.01,
        };
        let is_flagged = is_violent && !self.is(Fault::ModerationFlagDiffers);
        json!({
            "flagged": is_flagged,
            "categories": {"violence": is_violent, "hate": false},
            "category_scores": {"violence": score, "hate": 0.01},
        })
    }
}
