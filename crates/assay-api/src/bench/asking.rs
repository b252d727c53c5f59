use tokio::time::Instant;

use super::record::Record;
use crate::chat::{Chat, Delta};
use crate::error::{Error, Kind};
use crate::{Endpoint, Streaming};

/// What is wrong with a stream that HTTP has no fault with.
const ERROR_IN_STREAM: &str = "error_in_stream";
const UNFINISHED: &str = "unfinished";
const NO_TOKEN: &str = "no_token";

/// Asks one question as a stream, and writes down when what came.
pub async fn ask(endpoint: &Endpoint, chat: &Chat, intended: Instant) -> Record {
    let mut record = Record::due(intended);
    let done = match endpoint.stream(chat).await {
        Ok(streaming) => read(endpoint, streaming, &mut record).await,
        Err(error) => Err(error),
    };
    record.ended = Instant::now();
    if let Err(error) = done {
        record.error = Some((error.kind.name(), endpoint.without_key(error).words));
    }
    record
}

async fn read(
    endpoint: &Endpoint,
    mut streaming: Streaming,
    record: &mut Record,
) -> Result<(), Error> {
    record.sent = streaming.sent();
    record.headed = Some(streaming.headed());
    let mut has_finished = false;
    loop {
        let next = streaming.next().await;
        record.first_byte = streaming.first_byte();
        let Some((at, delta)) = next? else { break };
        // A role, an id or an empty text is no token: the readers of the dialects hand out texts that are none only.
        match delta {
            Delta::Text(text) if !text.is_empty() => {
                record.first_content.get_or_insert(at);
                arrived(record, at);
            }
            Delta::Reasoning(text) if !text.is_empty() => {
                record.first_reasoning.get_or_insert(at);
                arrived(record, at);
            }
            Delta::Usage(usage) => record.usage = Some(usage),
            Delta::Finish(_) | Delta::Done => has_finished = true,
            Delta::Error(words) => {
                let words = endpoint.without_key(Error::new(Kind::Server, words)).words;
                record.error.get_or_insert((ERROR_IN_STREAM, words));
            }
            Delta::Text(_) | Delta::Reasoning(_) | Delta::Start { .. } => {}
        }
    }
    let wrong = if !has_finished {
        Some((UNFINISHED, "the stream ended without its last event"))
    } else if record.chunks.is_empty() {
        Some((NO_TOKEN, "the stream ended without a text"))
    } else {
        None
    };
    if let (None, Some((name, words))) = (&record.error, wrong) {
        record.error = Some((name, words.into()));
    }
    Ok(())
}

fn arrived(record: &mut Record, at: Instant) {
    record.pieces += 1;
    if record.chunks.last() != Some(&at) {
        record.chunks.push(at);
    }
}
