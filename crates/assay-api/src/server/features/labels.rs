use serde_json::{Value, json};

use super::vectors::vector;
use crate::server::Fault;
use crate::server::answers::{Call, invalid};
use crate::server::voice::{Refused, texts};

impl Call {
    /// How near texts are to one: the cosine.
    pub(super) fn compared(&self, body: &Value) -> Result<Value, Refused> {
        let inputs = &body["inputs"];
        let (Some(source), Some(sentences)) = (
            inputs["source_sentence"].as_str(),
            texts(&inputs["sentences"]),
        ) else {
            return Err(invalid("there are no sentences".into()));
        };
        let source = vector(source);
        let nearness = |text: &String| -> f64 {
            let pairs = vector(text).into_iter().zip(&source);
            pairs.map(|(one, other)| one * other).sum()
        };
        let mut near: Vec<f64> = sentences.iter().map(nearness).collect();
        match self.settings.fault {
            Some(Fault::SimilarityIsDistance) => {
                for its in &mut near {
                    *its = 1.0 - *its;
                }
            }
            Some(Fault::SimilarityLosesOne) => drop(near.pop()),
            _ => {}
        }
        Ok(json!(near))
    }

    /// The labels of a text, or of each text of a batch.
    pub(super) fn labelled(&self, body: &Value) -> Result<Value, Refused> {
        let inputs = &body["inputs"];
        if let Some(text) = inputs.as_str() {
            return Ok(self.labels(text));
        }
        let rows = inputs.as_array().map(Vec::as_slice).unwrap_or_default();
        let each: Option<Vec<&str>> = rows.iter().map(|row| row[0].as_str()).collect();
        let each = each.ok_or_else(|| invalid("`inputs` is of another type".into()))?;
        let mut rows: Vec<Value> = each.iter().map(|text| self.labels(text)).collect();
        if self.is(Fault::LabelsOutOfOrder) {
            rows.reverse();
        }
        Ok(rows.into())
    }

    fn labels(&self, text: &str) -> Value {
        let share = 0.5 + (7 * text.len() % 40) as f64 / 100.0;
        let rest = if self.is(Fault::LabelScoresAreLogits) {
            -share
        } else {
            1.0 - share
        };
        json!([{"label": "gold", "score": share}, {"label": "lead", "score": rest}])
    }
}
