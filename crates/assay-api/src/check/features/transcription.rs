use assay_model::Observation;
use http::Method;

use super::{first, route};
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;
use crate::{Call, Error};

/// Samples a second.
const RATE: u32 = 16_000;

/// Between the parts of a form; no sound of ours has it in it.
const BOUNDARY: &str = "assay-form-boundary";

/// A second of a tone, as WAV in a form; then a form without it. What is heard in a tone is the model's own matter.
pub(in crate::check) async fn transcription(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let route = route(asking, Capability::Transcription)?;
    let whole = match first(asking, &form(asking, &route, Some(&wav()))).await? {
        Ok(whole) => whole,
        Err(absent) => return Ok(absent),
    };
    let text = whole.json().unwrap_or_default()["text"]
        .as_str()
        .map(str::to_owned);
    seen.that("answers with a text", text.is_some(), || {
        String::from_utf8_lossy(&whole.body[..whole.body.len().min(80)]).into_owned()
    });
    seen.note(format!("a tone is heard as {:?}", text.unwrap_or_default()));
    let without = asking.endpoint.make(&form(asking, &route, None)).await?;
    let is_refused = (400..500).contains(&without.status);
    seen.that(
        "forms without sound that are refused with 4xx",
        is_refused,
        || without.status.to_string(),
    );
    Ok(seen.done())
}

/// A form with the model, and with a file (RFC 7578).
fn form(asking: &Asking<'_>, route: &str, file: Option<&[u8]>) -> Call {
    let named = |name: &str, rest: &str| {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{rest}\r\n\r\n")
    };
    let mut body = named("model", "").into_bytes();
    body.extend(asking.endpoint.model.as_bytes());
    body.extend(b"\r\n");
    if let Some(file) = file {
        let rest = "; filename=\"tone.wav\"\r\ncontent-type: audio/wav";
        body.extend(named("file", rest).into_bytes());
        body.extend(file);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    Call::of(Method::POST, route).with(body, &kind)
}

/// A second of 440 Hz, of 16 bits, one channel.
pub(super) fn wav() -> Vec<u8> {
    let samples = (0..RATE).map(|at| {
        let turn = f64::from(at) / f64::from(RATE) * 440.0 * std::f64::consts::TAU;
        (turn.sin() * 8000.0) as i16
    });
    let sound: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let bytes = sound.len() as u32;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    // The head's bytes, linear numbers, one channel.
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    wav.extend([RATE, 2 * RATE].map(u32::to_le_bytes).concat());
    // Bytes of a sample, bits of it.
    wav.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    wav.extend(sound);
    wav
}
