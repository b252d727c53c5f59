//! Server-sent events, as the HTML standard parses them (§ 9.2.6 "Interpreting an event stream").

use crate::error::{Error, Kind};

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The field `event`; empty where there is none, which means `message`.
    pub name: String,
    /// The fields `data`, joined by line feeds.
    pub data: String,
}

/// Reads events from bytes, wherever they are cut.
#[derive(Debug)]
pub struct Decoder {
    /// Of the line that has not ended yet.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, whose line feed belongs to the same end.
    after_return: bool,
    is_first_line: bool,
    event: Event,
    has_data: bool,
    most: usize,
    /// Comment lines so far: they keep a connection alive.
    pub comments: u64,
    /// The field `retry`, in milliseconds, as it was last set.
    pub retry_milliseconds: Option<u64>,
}

impl Decoder {
    /// One that takes events of at most so many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            line: Vec::new(),
            after_return: false,
            is_first_line: true,
            event: Event::default(),
            has_data: false,
            most,
            comments: 0,
            retry_milliseconds: None,
        }
    }

    /// The events that end within these bytes.
    ///
    /// # Errors
    /// [`Kind::TooLarge`], and [`Kind::Shape`] for a line that is no UTF-8.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for &byte in bytes {
            let is_end = byte == b'\n' || byte == b'\r';
            let is_second_half = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if is_second_half {
                continue;
            }
            if is_end {
                events.extend(self.end_of_line()?);
            } else {
                self.line.push(byte);
                if self.line.len() + self.event.data.len() > self.most {
                    let words = format!("an event of more than {} bytes", self.most);
                    return Err(Error::new(Kind::TooLarge, words));
                }
            }
        }
        Ok(events)
    }

    /// Bytes that came after the last event: one that was cut off, which the standard throws away.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        !self.line.is_empty() || self.has_data
    }

    fn end_of_line(&mut self) -> Result<Option<Event>, Error> {
        let line = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&line).map_err(|error| {
            Error::new(Kind::Shape, format!("a line that is no UTF-8: {error}"))
        })?;
        if std::mem::take(&mut self.is_first_line) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return Ok(std::mem::take(&mut self.has_data).then_some(event));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => self.comments += 1,
            "event" => self.event.name = value.into(),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            "retry" => self.retry_milliseconds = value.parse().ok().or(self.retry_milliseconds),
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<Event> {
        Decoder::new(1 << 16).push(bytes).expect("events")
    }

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.into(),
            data: data.into(),
        }
    }

    #[test]
    fn the_examples_of_the_standard() {
        let stream = "data: YHOO\ndata: +2\ndata: 10\n\n";
        assert_eq!(read(stream.as_bytes()), [event("", "YHOO\n+2\n10")]);
        let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n";
        assert_eq!(
            read(stream.as_bytes()),
            [event("", "first event"), event("", "second event")]
        );
        let stream = "data\n\ndata\ndata\n\ndata:";
        assert_eq!(read(stream.as_bytes()), [event("", ""), event("", "\n")]);
        assert_eq!(read(b"data:test\n\ndata: test\n\n").len(), 2);
    }

    #[test]
    fn every_end_of_line_a_mark_at_the_beginning_and_names() {
        let stream = "\u{feff}event: a\rdata: 1\r\n\r\nevent: b\ndata: 2\n\r";
        assert_eq!(read(stream.as_bytes()), [event("a", "1"), event("b", "2")]);
        // An event without data is none, and its name is forgotten.
        assert_eq!(read(b"event: a\n\ndata: 1\n\n"), [event("", "1")]);
    }

    #[test]
    fn what_is_cut_off_what_is_no_text_and_what_is_endless() {
        let mut decoder = Decoder::new(8);
        assert!(decoder.push(b"data: 1\n").expect("no event yet").is_empty());
        assert!(decoder.is_cut());
        let error = decoder.push(b"data: 23456789").expect_err("too large");
        assert_eq!(error.kind, Kind::TooLarge);
        let error = Decoder::new(99)
            .push(b"data: \xff\n")
            .expect_err("no UTF-8");
        assert_eq!(error.kind, Kind::Shape);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(
            data in proptest::collection::vec("[ -~äß∂🙂]{0,12}", 1..8),
            ends in prop::sample::select(vec!["\n", "\r", "\r\n"]),
            cuts in proptest::collection::vec(0usize..400, 0..6),
        ) {
            let stream: String = data
                .iter()
                .map(|text| format!("event: x{ends}: comment{ends}data: {text}{ends}{ends}"))
                .collect();
            let bytes = stream.as_bytes();
            let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            places.sort_unstable();
            places.push(bytes.len());
            let mut decoder = Decoder::new(1 << 16);
            let (mut from, mut events) = (0, Vec::new());
            for place in places {
                events.extend(decoder.push(&bytes[from..place]).expect("events"));
                from = place;
            }
            let expected: Vec<Event> = data.iter().map(|text| event("x", text)).collect();
            prop_assert_eq!(events, expected);
            prop_assert_eq!(decoder.comments as usize, data.len());
        }
    }
}
