//! Inputs, heard and answered.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::Fault;
use super::answers::{Addressed, Body, Call, failed, invalid, text};
use super::voice::{InferVoice, Misheard, Refused};

impl Call {
    /// Answers inputs.
    pub(super) fn infer(
        &self,
        voice: &InferVoice,
        body: &Bytes,
        addressed: &Addressed,
    ) -> Result<Response<Body>, Refused> {
        let body = self.parsed(body)?;
        self.has_model(&body, addressed)?;
        let mut words = match (voice.hear)(&body) {
            Ok(words) => words,
            Err(misheard) => self.misheard(&misheard)?,
        };
        let is_foreign = self.is(Fault::UnicodeIs500) && !words.is_ascii();
        let is_unknown = self.is(Fault::UnknownFieldIs500) && body.get("assay_unknown").is_some();
        if is_foreign || is_unknown {
            return Err(failed());
        }
        if self.is(Fault::UnicodeAnswersNothing) && !words.is_ascii() {
            return Ok(text(200, "application/json", ""));
        }
        if self.is(Fault::Canned) {
            "the same".clone_into(&mut words);
        }
        let mut value = (voice.say)(&words, &body);
        self.spoil_output(voice, &mut value);
        Ok(self.typed(self.json(200, value)))
    }

    /// What is not understood, and answered all the same.
    fn misheard(&self, misheard: &Misheard) -> Result<String, Refused> {
        match (misheard, self.settings.fault) {
            (Misheard::Missing(_), Some(Fault::MissingFieldAnswers))
            | (
                Misheard::OfAnotherType(_),
                Some(Fault::WrongTypeAnswers | Fault::ShortTensorAnswers),
            )
            | (_, Some(Fault::NoJsonAnswers)) => Ok(String::new()),
            (Misheard::Missing(_), Some(Fault::MissingFieldIs500))
            | (Misheard::OfAnotherType(_), Some(Fault::WrongTypeIs500)) => Err(failed()),
            (Misheard::Missing(name), _) => Err(invalid(format!("`{name}` is missing"))),
            (Misheard::OfAnotherType(name), _) => {
                Err(invalid(format!("`{name}` is of another type")))
            }
        }
    }

    fn spoil_output(&self, voice: &InferVoice, value: &mut Value) {
        match self.settings.fault {
            Some(Fault::NoModel) => match value.as_object_mut() {
                Some(fields) => drop(fields.remove(voice.required)),
                None => *value = json!([]),
            },
            Some(Fault::ContentOfAnotherType) => {
                if let Some(its) = value.pointer_mut(voice.content) {
                    *its = json!(7);
                }
            }
            Some(Fault::TensorLost) => value["outputs"] = json!([]),
            Some(Fault::TensorOfAnotherType) => value["outputs"][0]["datatype"] = "INT64".into(),
            Some(Fault::TensorLacksOne) => value["outputs"][0]["data"] = json!([0.5]),
            Some(Fault::TensorIdIsLost) => {
                value.as_object_mut().map(|fields| fields.remove("id"));
            }
            Some(Fault::TensorsAreDrawn) => {
                value["outputs"][0]["data"] = json!([self.number as f64, 0.5]);
            }
            _ => {}
        }
    }
}
