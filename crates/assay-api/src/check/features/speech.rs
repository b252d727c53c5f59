use assay_model::Observation;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::{call, first};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;

/// Bytes of a WAV that has a head alone.
const HEAD: usize = 44;

/// A sentence, as WAV.
pub(in crate::check) async fn speech(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let model = &asking.endpoint.model;
    let body = json!({"model": model, "input": "Gold is assayed by fire.", "voice": "alloy", "response_format": "wav"});
    let whole = match first(asking, &call(asking, Capability::Speech, &body)?).await? {
        Ok(whole) => whole,
        Err(absent) => return Ok(absent),
    };
    let kind = whole.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or("none");
    let name = kind.split(';').next().unwrap_or_default().trim();
    let is_wav = ["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"].contains(&name);
    seen.that("sound that is called WAV", is_wav, || kind.to_owned());
    let bytes = &whole.body;
    let is_riff = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE");
    seen.that("sound that is WAV", is_riff, || {
        format!("it begins with {:02x?}", &bytes[..bytes.len().min(12)])
    });
    let sound = bytes.get(HEAD..).unwrap_or_default();
    let is_heard = sound.iter().any(|byte| *byte != 0);
    seen.that("sound that is not silence", is_heard, || {
        format!("{} bytes of it", sound.len())
    });
    seen.measure("bytes", bytes.len() as f64);
    Ok(seen.done())
}
