//! What a server can do beside a chat, answered.

mod audio;
mod batch;
mod labels;
mod moderation;
mod ranks;
mod texts;
mod vectors;

pub(super) use vectors::vector;

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::Value;

use super::answers::{Addressed, Body, Call, failed, invalid};
use super::voice::Refused;
use crate::dialect::Capability;

impl Call {
    /// Answers a call of something that the dialect can do.
    pub(super) fn featured(
        &self,
        capability: Capability,
        addressed: &Addressed,
        kind: Option<&HeaderValue>,
        body: &Bytes,
    ) -> Result<Response<Body>, Refused> {
        if capability == Capability::Transcription {
            return Ok(self.json(200, self.heard(kind, body)?));
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| invalid(format!("the body is no JSON: {error}")))?;
        self.has_model(&body, addressed)?;
        let value = match capability {
            Capability::Embeddings => self.embedded(&body)?,
            Capability::Rerank => self.ranked(&body)?,
            Capability::Completions => self.completed(&body)?,
            Capability::Responses => self.responded(&body)?,
            Capability::Moderation => self.moderated(&body)?,
            Capability::Similarity => self.compared(&body)?,
            Capability::Classification => self.labelled(&body)?,
            Capability::Batch => self.batched(&body)?,
            Capability::Speech => return self.spoken(&body),
            _ => return Err(failed()),
        };
        Ok(self.json(200, value))
    }
}
