//! A chat in words that every dialect has.

use serde_json::Value;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    /// The name that most dialects have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chat {
    /// Who said what, in order.
    pub messages: Vec<(Role, String)>,
    /// Tokens of the answer at most.
    pub max_tokens: Option<u32>,
    /// 0 for the most probable token each time.
    pub temperature: Option<f64>,
    /// Seeds what is drawn.
    pub seed: Option<u64>,
    /// Whether the answer comes token by token.
    pub stream: bool,
    /// A JSON Schema that the answer has to obey.
    pub schema: Option<Value>,
    /// A tool that has to be called, where the dialect can say so.
    pub tool: Option<Tool>,
    /// What stands beside the last message's words.
    pub media: Option<Media>,
}

/// What is no text in a message, in base64 (RFC 4648 § 4).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Media {
    Png(String),
    Wav(String),
}

impl Chat {
    /// A question by itself.
    #[must_use]
    pub fn of(question: impl Into<String>) -> Self {
        Self {
            messages: vec![(Role::User, question.into())],
            ..Self::default()
        }
    }
}

/// What an answer may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// A JSON Schema of its arguments.
    pub parameters: Value,
}

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments, as JSON; empty where they are not given as the dialect gives them.
    pub arguments: String,
}

/// Tokens, as the server counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the question, where the server says it: Ollama may leave it out of an answer to one that it has kept.
    pub input: Option<u64>,
    /// Of the answer.
    pub output: u64,
    /// Of both, where the server says it.
    pub total: Option<u64>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// By itself.
    Stop,
    /// It has as many tokens as it may have.
    Length,
    /// A tool is to be called.
    Tool,
    /// Otherwise: the dialect's own word.
    Other(String),
}

/// The answer, whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The server's name for it.
    pub id: Option<String>,
    /// The model, by the server's word.
    pub model: Option<String>,
    /// What is said.
    pub text: String,
    /// What was thought before.
    pub reasoning: String,
    /// Tools that are to be called.
    pub calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish: Option<Finish>,
    /// Tokens.
    pub usage: Option<Usage>,
}

/// A part of an answer that comes token by token.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// The answer begins; nothing of it is there yet.
    Start {
        /// As [`Answer::id`].
        id: Option<String>,
        /// As [`Answer::model`].
        model: Option<String>,
    },
    /// A piece of what is said: one token, or several, or a part of one.
    Text(String),
    /// A piece of what is thought.
    Reasoning(String),
    /// Why it ends.
    Finish(Finish),
    /// Tokens, of all so far.
    Usage(Usage),
    /// An error in the middle of an answer whose status was 200.
    Error(String),
    /// The last event.
    Done,
}

impl Answer {
    /// Takes what came next.
    pub fn take(&mut self, delta: &Delta) {
        match delta {
            Delta::Start { id, model } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
            }
            Delta::Text(text) => self.text.push_str(text),
            Delta::Reasoning(text) => self.reasoning.push_str(text),
            Delta::Finish(finish) => self.finish = Some(finish.clone()),
            Delta::Usage(usage) => self.usage = Some(*usage),
            Delta::Error(_) | Delta::Done => {}
        }
    }
}
