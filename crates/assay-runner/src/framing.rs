use assay_model::protocol::MAX_FRAME_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is wrong with a frame, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a message claims {0} bytes, at most {MAX_FRAME_BYTES} are allowed")]
    TooLong(u32),
    #[error("a message that is not of the protocol: {0}")]
    NotProtocol(String),
}

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub(crate) struct FrameBuffer {
    bytes: Vec<u8>,
}

impl FrameBuffer {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message; none if more bytes are needed.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some((head, rest)) = self.bytes.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*head);
        if length > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = rest.get(..length as usize) else {
            return Ok(None);
        };
        let message = serde_json::from_slice(body)
            .map_err(|error| FrameError::NotProtocol(error.to_string()))?;
        self.bytes.drain(..4 + length as usize);
        Ok(Some(message))
    }
}

/// A message with its length before it.
pub(crate) fn frame(message: &impl Serialize) -> Vec<u8> {
    // Our own types: their keys are text and their numbers finite, so this can't fail; an empty body is refused by the other side.
    let body = serde_json::to_vec(message).unwrap_or_default();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &body].concat()
}

#[cfg(test)]
mod tests {
    use assay_model::protocol::FromChild;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_it_is_awaited() {
        let mut buffer = FrameBuffer::default();
        buffer.push(&(MAX_FRAME_BYTES + 1).to_be_bytes());
        assert_eq!(
            buffer.next::<FromChild>(),
            Err(FrameError::TooLong(MAX_FRAME_BYTES + 1))
        );
    }

    #[test]
    fn an_unknown_field_is_not_the_protocol() {
        let mut buffer = FrameBuffer::default();
        buffer.push(&frame(
            &serde_json::json!({"check_started": {"check": "forward.runs", "unit": 3}}),
        ));
        assert!(matches!(
            buffer.next::<FromChild>(),
            Err(FrameError::NotProtocol(_))
        ));
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            names in proptest::collection::vec("[a-z.]{0,20}", 0..8),
            cut in 1_usize..40,
        ) {
            let stream: Vec<u8> =
                names.iter().flat_map(|name| frame(&FromChild::Stage { name: name.clone() })).collect();
            let mut buffer = FrameBuffer::default();
            let mut out = Vec::new();
            for part in stream.chunks(cut) {
                buffer.push(part);
                while let Some(message) = buffer.next::<FromChild>().unwrap() {
                    out.push(message);
                }
            }
            let expected: Vec<FromChild> = names.into_iter().map(|name| FromChild::Stage { name }).collect();
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = FrameBuffer::default();
            buffer.push(&bytes);
            let _ = buffer.next::<FromChild>();
        }
    }
}
