use std::time::Duration;

use tokio::time::Instant;

use crate::chat::Usage;

/// The error of a request that was due and was not sent.
pub(super) const NOT_SENT: &str = "not_sent";

/// What became of one request, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When it was due; in a closed loop, when its user was free.
    pub intended: Instant,
    /// When it went out.
    pub sent: Instant,
    /// When the headers were there.
    pub headed: Option<Instant>,
    /// When the first byte of the body came.
    pub first_byte: Option<Instant>,
    /// When the first piece of what is thought came.
    pub first_reasoning: Option<Instant>,
    /// When the first piece of what is said came.
    pub first_content: Option<Instant>,
    /// When each chunk with a text in it came. What comes in one read is one chunk.
    pub chunks: Vec<Instant>,
    /// Events with a text in them.
    pub pieces: u64,
    /// Tokens, as the server counted them.
    pub usage: Option<Usage>,
    /// When it was over.
    pub ended: Instant,
    /// Why there is no answer, by the name of an error's kind, and in words.
    pub error: Option<(&'static str, String)>,
}

impl Record {
    /// One that is due.
    #[must_use]
    pub fn due(intended: Instant) -> Self {
        let now = Instant::now();
        Self {
            intended,
            sent: now,
            headed: None,
            first_byte: None,
            first_reasoning: None,
            first_content: None,
            chunks: Vec::new(),
            pieces: 0,
            usage: None,
            ended: now,
            error: None,
        }
    }

    /// One that was due and was not sent, and why.
    #[must_use]
    pub(super) fn unsent(intended: Instant, words: String) -> Self {
        Self {
            error: Some((NOT_SENT, words)),
            ..Self::due(intended)
        }
    }

    /// Whether it went out.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.error
            .as_ref()
            .is_none_or(|(kind, _)| *kind != NOT_SENT)
    }

    /// Whether it was answered, to the end.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.error.is_none()
    }

    /// Time to first token, of either channel, from when it was due.
    #[must_use]
    pub fn ttft(&self) -> Option<Duration> {
        Some(self.since_due(*self.chunks.first()?))
    }

    /// The same from when it went out.
    #[must_use]
    pub fn service_ttft(&self) -> Option<Duration> {
        Some(self.chunks.first()?.saturating_duration_since(self.sent))
    }

    /// From when it was due to a moment.
    #[must_use]
    pub fn since_due(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.intended)
    }

    /// From when it was due to its end.
    #[must_use]
    pub fn end_to_end(&self) -> Duration {
        self.since_due(self.ended)
    }

    /// From when it went out to its end.
    #[must_use]
    pub fn service(&self) -> Duration {
        self.ended.saturating_duration_since(self.sent)
    }

    /// From when it was due to when it went out.
    #[must_use]
    pub fn queueing(&self) -> Duration {
        self.since_due(self.sent)
    }

    /// Tokens of the answer: as the server counted them, else one for each event with a text in it.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.usage.map_or(self.pieces, |usage| usage.output)
    }

    /// Time per output token behind the first: from the first token to the last, over all tokens but the first. However many a chunk
    /// has, each counts. None for fewer than two.
    #[must_use]
    pub fn inter_token(&self) -> Option<Duration> {
        let (first, last) = (*self.chunks.first()?, *self.chunks.last()?);
        let others = u32::try_from(self.tokens().checked_sub(1)?).ok()?;
        (others > 0).then(|| last.saturating_duration_since(first) / others)
    }

    /// Times between chunks.
    pub fn inter_chunk(&self) -> impl Iterator<Item = Duration> + '_ {
        self.chunks
            .windows(2)
            .map(|pair| pair[1].saturating_duration_since(pair[0]))
    }
}
