use std::collections::VecDeque;

use assay_model::event::Output;

/// Bytes kept of the beginning and of the end of what a worker prints. Two Python tracebacks with a warning or ten fit; what a flood says in
/// its middle nobody reads.
const KEPT_BYTES: usize = 64 * 1024;

/// What a worker printed, bounded however much it is.
#[derive(Debug, Default)]
pub(crate) struct BoundedOutput {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl BoundedOutput {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(KEPT_BYTES - self.head.len()));
        self.head.extend_from_slice(first);
        // Of a long piece only its end can stay.
        let rest = &rest[rest.len().saturating_sub(KEPT_BYTES)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(KEPT_BYTES);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    pub(crate) fn finish(self) -> Output {
        let tail: Vec<u8> = self.tail.into();
        Output {
            head: String::from_utf8_lossy(&self.head).into_owned(),
            tail: String::from_utf8_lossy(&tail).into_owned(),
            total_bytes: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_kept_and_all_is_counted() {
        let mut output = BoundedOutput::default();
        output.push(b"begin");
        for _ in 0..1000 {
            output.push(&[b'x'; 1000]);
        }
        output.push(b"end");
        let output = output.finish();
        assert!(output.head.starts_with("begin"));
        assert!(output.tail.ends_with("end"));
        assert_eq!(output.total_bytes, 1_000_008);
        assert_eq!(
            (output.head.len(), output.tail.len()),
            (KEPT_BYTES, KEPT_BYTES)
        );
    }

    #[test]
    fn little_is_kept_whole_and_once() {
        let mut output = BoundedOutput::default();
        output.push(b"hello");
        assert_eq!(
            output.finish(),
            Output {
                head: "hello".into(),
                tail: String::new(),
                total_bytes: 5
            }
        );
    }
}
