//! What the server's side of a dialect says: a [`Voice`] for each format of the wire. A dialect names its own; a variant of another one has
//! that one's, with what is its own in place.

pub(crate) mod claude;
pub(crate) mod gemini;
pub(crate) mod ollama;
pub(crate) mod openai;

use serde_json::Value;

use super::Fault;
use super::words::Told;

/// How a server hears and speaks. Places are JSON pointers (RFC 6901).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    /// Where a question stands in a request.
    pub(crate) heard: Heard,
    /// The list of models, with this one in it.
    pub(crate) models: fn(&str) -> Value,
    /// A whole answer.
    pub(crate) whole: fn(&Saying<'_>) -> Value,
    /// Where its text stands.
    pub(crate) content: &'static str,
    /// Where its finish reason stands.
    pub(crate) reason: &'static str,
    /// A field without which it is none.
    pub(crate) required: &'static str,
    /// The events of a stream, up to the last one.
    pub(crate) events: fn(&Saying<'_>) -> Vec<Event>,
    /// The body of an error; the number is that of the call.
    pub(crate) error: fn(&Refused, u64) -> Value,
    /// Where its words stand.
    pub(crate) words: &'static str,
    /// What ends a stream in which something fails.
    pub(crate) failing: fn(&Refused, u64) -> Vec<Event>,
}

/// Where a question stands in a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    /// The messages.
    pub(crate) messages: &'static str,
    /// The words of one of them; none of what is no message.
    pub(crate) message: fn(&Value) -> Option<&str>,
    /// What the system says, where that stands beside the messages.
    pub(crate) system: Option<&'static str>,
    /// Tokens of the answer at most.
    pub(crate) limit: &'static str,
    /// Whether a request without it is refused.
    pub(crate) needs_limit: bool,
    /// The temperature.
    pub(crate) temperature: &'static str,
    /// Whether the answer to a request that does not say so is a stream.
    pub(crate) streams: bool,
}

/// An event's name, and its data.
pub(crate) type Event = (&'static str, String);

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// Its status.
    pub(crate) status: u16,
    /// Its kind, by OpenAI's and Anthropic's name for it.
    pub(crate) kind: &'static str,
    /// Why.
    pub(crate) words: String,
}

/// An answer that is to be said, with what is to be wrong with it.
pub(crate) struct Saying<'a> {
    pub(super) told: &'a Told,
    pub(super) fault: Option<Fault>,
    /// Of the call.
    pub(super) number: u64,
}

impl Saying<'_> {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn text(&self) -> String {
        self.told.tokens.concat()
    }

    /// The tokens, as a stream has them.
    fn pieces(&self) -> Vec<String> {
        let mut pieces = self.told.tokens.clone();
        if self.is(Fault::OtherTextInStream) && pieces.len() > 1 {
            pieces.remove(1);
        }
        pieces
    }

    /// Tokens of the question, of the answer, and of both.
    fn usage(&self) -> [u64; 3] {
        let output = if self.is(Fault::OutputIsNotCounted) {
            0
        } else {
            self.told.tokens.len() as u64
        };
        let total = self.told.input + output + u64::from(self.is(Fault::TotalIsWrong));
        [self.told.input, output, total]
    }

    /// The finish reason, out of that for what ended by itself and that for what was cut.
    fn reason(&self, stop: &'static str, length: &'static str) -> &'static str {
        match self.told.is_cut {
            _ if self.is(Fault::UnknownFinishReason) => "eos",
            true => length,
            false => stop,
        }
    }
}

/// The words of `{"role", "content"}`, where the role is one of those that OpenAI's, Anthropic's and Ollama's messages have.
fn role_and_content(message: &Value) -> Option<&str> {
    let role = message["role"].as_str()?;
    let is_known = ["system", "user", "assistant"].contains(&role);
    message["content"].as_str().filter(|_| is_known)
}
