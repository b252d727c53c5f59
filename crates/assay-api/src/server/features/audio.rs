use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use crate::server::answers::{Body, Call, boxed, failed, invalid};
use crate::server::voice::Refused;
use crate::server::words::hash;
use crate::server::{Fault, MODEL};

impl Call {
    /// A text, spoken: noise that depends on it.
    pub(super) fn spoken(&self, body: &Value) -> Result<Response<Body>, Refused> {
        let words = body["input"].as_str();
        let words = words.ok_or_else(|| invalid("`input` is missing".into()))?;
        let sound: Vec<u8> = match self.settings.fault {
            Some(Fault::SpeechIsSilence) => vec![0; 8 * words.len()],
            _ => words
                .split(' ')
                .flat_map(|word| hash(word).to_le_bytes())
                .collect(),
        };
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        bytes.extend([0; 20]);
        bytes.extend(b"data\0\0\0\0");
        if self.is(Fault::SpeechOfAnotherForm) {
            bytes = b"ID3".to_vec();
        }
        bytes.extend(sound);
        let kind = if self.is(Fault::SpeechAsBytes) {
            "application/octet-stream"
        } else {
            "audio/wav"
        };
        let mut response = Response::new(boxed(bytes));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(response)
    }

    /// A form with sound in it, written down.
    pub(super) fn heard(&self, kind: Option<&HeaderValue>, body: &Bytes) -> Result<Value, Refused> {
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
            return Err(invalid("the body is no form".into()));
        };
        let (mut model, mut file) = (None, None);
        for part in parts(body, boundary) {
            let head = String::from_utf8_lossy(&part[..part.len().min(200)]).into_owned();
            let Some((head, _)) = head.split_once("\r\n\r\n") else {
                continue;
            };
            let content = part.get(head.len() + 4..part.len() - 2).unwrap_or_default();
            if head.contains("name=\"model\"") {
                model = Some(String::from_utf8_lossy(content).into_owned());
            } else if head.contains("name=\"file\"") {
                file = Some(content);
            }
        }
        if model.as_deref() != Some(MODEL) {
            return Err(invalid("`model` is missing".into()));
        }
        match file {
            Some(file) if file.starts_with(b"RIFF") => {}
            _ if self.is(Fault::SoundlessFormIs500) => return Err(failed()),
            _ if self.is(Fault::SoundlessFormAnswers) => {}
            _ => return Err(invalid("`file` is missing".into())),
        }
        Ok(match self.settings.fault {
            Some(Fault::TranscriptionOfAnotherName) => json!({"transcript": "a tone"}),
            _ => json!({"text": "a tone"}),
        })
    }
}

/// What stands between the boundaries of a form.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}").into_bytes();
    let places: Vec<usize> = body
        .windows(mark.len())
        .enumerate()
        .filter(|(_, window)| *window == mark)
        .map(|(place, _)| place)
        .collect();
    let between = places.windows(2);
    between
        .map(|pair| &body[pair[0] + mark.len()..pair[1]])
        .collect()
}
