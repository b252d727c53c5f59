//! Lines of JSON (`application/x-ndjson`): one value a line.

use crate::error::{Error, Kind};

/// Reads lines from bytes, wherever they are cut.
#[derive(Debug)]
pub struct Lines {
    line: Vec<u8>,
    most: usize,
}

impl Lines {
    /// One that takes lines of at most so many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            line: Vec::new(),
            most,
        }
    }

    /// The lines that end within these bytes, empty ones left out.
    ///
    /// # Errors
    /// [`Kind::TooLarge`], and [`Kind::Shape`] for a line that is no UTF-8.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, Error> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.len() > self.most {
                let words = format!("a line of more than {} bytes", self.most);
                return Err(Error::new(Kind::TooLarge, words));
            }
            if part.ends_with(b"\n") {
                let line = String::from_utf8(std::mem::take(&mut self.line));
                let line = line.map_err(|error| {
                    Error::new(Kind::Shape, format!("a line that is no UTF-8: {error}"))
                })?;
                let line = line.trim_end_matches(['\r', '\n']);
                if !line.is_empty() {
                    lines.push(line.to_owned());
                }
            }
        }
        Ok(lines)
    }

    /// What came after the last end of a line. A server may leave the last one out.
    #[must_use]
    pub fn rest(&mut self) -> Option<String> {
        let line = String::from_utf8(std::mem::take(&mut self.line)).ok()?;
        (!line.trim().is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wherever_they_are_cut() {
        let text = "{\"a\":\"ä\"}\r\n\n{\"b\":1}\n{\"c\"";
        for cut in 0..text.len() {
            let mut lines = Lines::new(99);
            let mut found = lines.push(&text.as_bytes()[..cut]).expect("lines");
            found.extend(lines.push(&text.as_bytes()[cut..]).expect("lines"));
            assert_eq!(found, ["{\"a\":\"ä\"}", "{\"b\":1}"]);
            assert_eq!(lines.rest().as_deref(), Some("{\"c\""));
            assert_eq!(lines.rest(), None);
        }
    }

    #[test]
    fn an_endless_line_and_one_that_is_no_text() {
        let error = Lines::new(3).push(b"1234").expect_err("too large");
        assert_eq!(error.kind, Kind::TooLarge);
        let error = Lines::new(9).push(b"\xff\n").expect_err("no UTF-8");
        assert_eq!(error.kind, Kind::Shape);
    }
}
