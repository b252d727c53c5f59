use std::collections::VecDeque;

use http::header::CONTENT_TYPE;
use tokio::time::Instant;

use crate::chat::{Answer, Delta};
use crate::dialect::{Chatting, Frame, Framing, StreamReader};
use crate::error::Error;
use crate::ndjson::Lines;
use crate::sse::Decoder;
use crate::wire::Answering;

/// How many breaks of the grammar are kept, each once.
const BREAKS: usize = 20;

/// An answer that is still coming. To drop it tells the server to stop.
pub struct Streaming {
    answering: Answering,
    cutter: Cutter,
    reader: Box<dyn StreamReader>,
    waiting: VecDeque<(Instant, Delta)>,
    breaks: Vec<String>,
    frames: u64,
    kept: Option<Vec<Frame>>,
    first_byte: Option<Instant>,
    has_ended: bool,
}

enum Cutter {
    Sse(Decoder),
    Ndjson(Lines),
}

/// A stream that came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Streamed {
    /// Each part, and when it came.
    pub deltas: Vec<(Instant, Delta)>,
    /// All of it together.
    pub answer: Answer,
    /// What breaks the dialect's grammar, in words; some of it at most.
    pub breaks: Vec<String>,
    /// The error that came within it, if one did.
    pub error: Option<String>,
    /// Number of events or lines.
    pub frames: u64,
    /// These themselves, where they were wanted.
    pub kept: Vec<Frame>,
    /// When the request went out.
    pub sent: Instant,
}

impl Streaming {
    pub(crate) fn new(chatting: &Chatting, answering: Answering, most: usize) -> Self {
        let (cutter, wanted) = match chatting.framing {
            Framing::Sse => (Cutter::Sse(Decoder::new(most)), "text/event-stream"),
            Framing::Ndjson => (Cutter::Ndjson(Lines::new(most)), "application/x-ndjson"),
        };
        let found = answering
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("none");
        let is_right = found
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted));
        let breaks = (!is_right).then(|| format!("content-type: {found}, not {wanted}"));
        Self {
            answering,
            cutter,
            reader: (chatting.stream)(),
            waiting: VecDeque::new(),
            breaks: breaks.into_iter().collect(),
            frames: 0,
            kept: None,
            first_byte: None,
            has_ended: false,
        }
    }

    /// The same; its events are kept as they come, too.
    #[must_use]
    pub fn keeping_frames(self) -> Self {
        Self {
            kept: Some(Vec::new()),
            ..self
        }
    }

    /// When the request went out.
    #[must_use]
    pub fn sent(&self) -> Instant {
        self.answering.sent
    }

    /// When its headers were there.
    #[must_use]
    pub fn headed(&self) -> Instant {
        self.answering.headed
    }

    /// When the first byte of its body came.
    #[must_use]
    pub fn first_byte(&self) -> Option<Instant> {
        self.first_byte
    }

    /// The next part, and when it came; none at the end.
    ///
    /// # Errors
    /// What ends the stream before its time.
    pub async fn next(&mut self) -> Result<Option<(Instant, Delta)>, Error> {
        while self.waiting.is_empty() && !self.has_ended {
            match self.answering.next().await? {
                Some((at, bytes)) => self.take(at, &bytes)?,
                None => self.end(),
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// All that is left of it.
    ///
    /// # Errors
    /// As [`Streaming::next`].
    pub async fn whole(mut self) -> Result<Streamed, Error> {
        let mut deltas = Vec::new();
        let mut answer = Answer::default();
        let mut error = None;
        while let Some((at, delta)) = self.next().await? {
            answer.take(&delta);
            if let Delta::Error(words) = &delta {
                error = Some(words.clone());
            }
            deltas.push((at, delta));
        }
        Ok(Streamed {
            deltas,
            answer,
            breaks: self.breaks,
            error,
            frames: self.frames,
            kept: self.kept.unwrap_or_default(),
            sent: self.answering.sent,
        })
    }

    fn take(&mut self, at: Instant, bytes: &[u8]) -> Result<(), Error> {
        self.first_byte.get_or_insert(at);
        let frames: Vec<Frame> = match &mut self.cutter {
            Cutter::Sse(decoder) => {
                let events = decoder.push(bytes)?.into_iter();
                events
                    .map(|event| Frame {
                        name: event.name,
                        data: event.data,
                    })
                    .collect()
            }
            Cutter::Ndjson(lines) => {
                let lines = lines.push(bytes)?.into_iter();
                lines
                    .map(|data| Frame {
                        name: String::new(),
                        data,
                    })
                    .collect()
            }
        };
        for frame in frames {
            self.read(at, &frame);
        }
        Ok(())
    }

    fn read(&mut self, at: Instant, frame: &Frame) {
        self.frames += 1;
        if let Some(kept) = &mut self.kept {
            kept.push(frame.clone());
        }
        match self.reader.frame(frame) {
            Ok(deltas) => self
                .waiting
                .extend(deltas.into_iter().map(|delta| (at, delta))),
            Err(words) => self.breaks(words),
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
        let rest = match &mut self.cutter {
            Cutter::Sse(decoder) => {
                if decoder.is_cut() {
                    self.breaks("an event that is cut off at the end".into());
                }
                None
            }
            Cutter::Ndjson(lines) => lines.rest(),
        };
        if let Some(data) = rest {
            self.read(
                Instant::now(),
                &Frame {
                    name: String::new(),
                    data,
                },
            );
        }
        for missing in self.reader.missing() {
            self.breaks(missing);
        }
    }

    fn breaks(&mut self, words: String) {
        if self.breaks.len() < BREAKS && !self.breaks.contains(&words) {
            self.breaks.push(words);
        }
    }
}
