use super::response::finish;
use crate::chat::Delta;
use crate::dialect::{Frame, StreamReader, openai};

/// OpenAI's chunks, with the router's own finish reasons.
pub(super) fn reader() -> Box<dyn StreamReader> {
    Box::new(Chunks((openai::CHATTING.stream)()))
}

struct Chunks(Box<dyn StreamReader>);

impl StreamReader for Chunks {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Delta>, String> {
        let deltas = self.0.frame(frame)?.into_iter();
        let read = |delta| match delta {
            Delta::Finish(reason) => Delta::Finish(finish(reason)),
            other => other,
        };
        Ok(deltas.map(read).collect())
    }

    fn missing(&self) -> Vec<String> {
        self.0.missing()
    }
}
