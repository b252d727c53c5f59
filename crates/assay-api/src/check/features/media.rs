use assay_model::Observation;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{first, obeys, transcription};
use crate::Error;
use crate::chat::{Answer, Chat, Media};
use crate::check::seen::Seen;
use crate::check::{Asking, is_thought, schema_of};

/// Tokens of an answer at most.
const TOKENS: u32 = 8;

/// A board of 4 × 4 fields in two colours, of 64 × 64 points, as PNG.
const BOARD: &str = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAZklEQVR42u3ZwQkAIAwDwI7SLVzHDV3GgZyhBUHwIO/Qe4ZG5ixlr1HK7f4AAAAAAAAAAAAAAGgDXjuo2g8AAAAAAAAAAAAA0AdYZAAAAAAAAAAAAAD+AxYZAAAAAAAAAAAAwHeAA7G50Q/KwvLfAAAAAElFTkSuQmCC";

/// An image beside words.
pub(in crate::check) async fn images(asking: &Asking<'_>) -> Result<Observation, Error> {
    beside(asking, "Which colours has this?", Media::Png(BOARD.into())).await
}

/// A tone beside words.
pub(in crate::check) async fn audio(asking: &Asking<'_>) -> Result<Observation, Error> {
    let tone = STANDARD.encode(transcription::wav());
    beside(asking, "What do you hear?", Media::Wav(tone)).await
}

/// The same words alone and with something beside them: what is read has tokens. What is made of it is the model's own matter.
async fn beside(asking: &Asking<'_>, words: &str, media: Media) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let alone = asking.question(words, TOKENS);
    let both = Chat {
        media: Some(media),
        ..alone.clone()
    };
    let whole = match first(asking, &endpoint.chat(&both)?).await? {
        Ok(whole) => whole,
        Err(absent) => return Ok(absent),
    };
    let body = whole.json().unwrap_or_default();
    if let Some(schema) = schema_of(endpoint.dialect) {
        obeys(&mut seen, &schema, &body)?;
    }
    let (_, alone) = endpoint.ask(&alone).await?;
    let both = endpoint
        .dialect
        .chat
        .map(|chatting| (chatting.response)(&body));
    let both = both.unwrap_or_default();
    let is_silent = both.text.is_empty() && both.reasoning.is_empty() && both.calls.is_empty();
    let has_to = !is_thought(&both) && !alone.text.is_empty();
    seen.that("answers that say something", !is_silent || !has_to, || {
        format!("{:?}", both.finish)
    });
    let input = |answer: &Answer| answer.usage.and_then(|usage| usage.input);
    let (Some(alone), Some(both)) = (input(&alone).filter(|its| *its > 0), input(&both)) else {
        let words = "the server counts no tokens of a question: whether it read more than words can't be told";
        return Ok(if is_silent && has_to {
            seen.done()
        } else {
            seen.unsupported(words)
        });
    };
    seen.that(
        "questions with more than words that have more tokens",
        both > alone,
        || format!("{both}, and {alone} without"),
    );
    Ok(seen.done())
}
