//! What the server's side of a dialect says: a [`Voice`] for each format of the wire. A dialect names its own; a variant of another one has
//! that one's, with what is its own in place.

pub(crate) mod claude;
pub(crate) mod gemini;
pub(crate) mod kserve;
pub(crate) mod llvm;
pub(crate) mod ollama;
pub(crate) mod openai;
pub(crate) mod s3;
pub(crate) mod tei;

use serde_json::Value;

use super::Fault;
use super::words::Told;

/// How a server speaks. Places are JSON pointers (RFC 6901).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    /// The list of models, with this one in it.
    pub(crate) models: fn(&str) -> Value,
    /// The body of an error; the number is that of the call.
    pub(crate) error: fn(&Refused, u64) -> Value,
    /// Where its words stand.
    pub(crate) words: &'static str,
    /// How it chats, where it does.
    pub(crate) chat: Option<ChatVoice>,
    /// How it computes outputs of inputs, where it does.
    pub(crate) infer: Option<InferVoice>,
    /// How it gives vectors, where it does.
    pub(crate) embeddings: Option<EmbedVoice>,
    /// How it orders documents, where it does.
    pub(crate) rerank: Option<RankVoice>,
}

/// How a server hears inputs, and gives outputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InferVoice {
    /// What is said of the model.
    pub(crate) about: fn() -> Value,
    /// What the request stands for.
    pub(crate) hear: fn(&Value) -> Result<String, Misheard>,
    /// The answer to it.
    pub(crate) say: fn(&str, &Value) -> Value,
    /// A field without which it is none; empty where nothing is around what is given.
    pub(crate) required: &'static str,
    /// Where something stands that is no number.
    pub(crate) content: &'static str,
}

/// Why a request is none.
pub(crate) enum Misheard {
    Missing(&'static str),
    OfAnotherType(&'static str),
}

/// How a server hears texts, and gives a vector of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmbedVoice {
    /// The texts of a request; none for one that is not valid.
    pub(crate) texts: fn(&Value) -> Option<Vec<String>>,
    /// The answer; the fault is one of its own form.
    pub(crate) vectors: fn(&[Vec<f64>], Option<Fault>) -> Value,
}

/// How a server hears a query, and orders documents by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RankVoice {
    /// What is asked; none for a request that is not valid.
    pub(crate) asked: fn(&Value) -> Option<Ranking>,
    /// The answer.
    pub(crate) ranks: fn(&[(usize, f64)]) -> Value,
}

/// Documents that are to be ordered.
pub(crate) struct Ranking {
    pub(crate) query: String,
    pub(crate) documents: Vec<String>,
    /// How many are wanted, if not all.
    pub(crate) first: Option<usize>,
}

/// Texts in an array.
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    let texts = value.as_array()?.iter();
    texts.map(|text| text.as_str().map(str::to_owned)).collect()
}

/// How a server hears and answers a chat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChatVoice {
    /// Where a question stands in a request.
    pub(crate) heard: Heard,
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
    /// Where a piece of the text stands in an event.
    pub(crate) piece: &'static str,
    /// A field without which an event is none, and the object that it stands in; empty where there is no such field.
    pub(crate) needed: (&'static str, &'static str),
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
    /// The JSON Schema that the answer has to obey.
    pub(crate) schema: &'static str,
    /// The name of the tool that has to be called, and the JSON Schema of its arguments.
    pub(crate) tool: (&'static str, &'static str),
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

    /// The tool that is called, and its arguments.
    fn call(&self) -> Option<(&str, &Value)> {
        let (name, arguments) = self.told.call.as_ref()?;
        Some((name, arguments))
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
            self.told.output.unwrap_or(self.told.tokens.len() as u64)
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

/// What stands beside the words of a message, in one of the places that dialects have for it.
pub(crate) fn media(message: &Value) -> Option<&Value> {
    let places = ["/content/1", "/parts/1/inlineData", "/images/0"];
    places.iter().find_map(|place| message.pointer(place))
}

/// The words of `{"role", "content"}`, where the content is a text or begins with one, and the role is one of those that OpenAI's, Anthropic's and Ollama's messages have.
fn role_and_content(message: &Value) -> Option<&str> {
    let role = message["role"].as_str()?;
    let is_known = ["system", "user", "assistant"].contains(&role);
    let content = &message["content"];
    let words = content.as_str().or_else(|| content[0]["text"].as_str());
    words.filter(|_| is_known)
}
