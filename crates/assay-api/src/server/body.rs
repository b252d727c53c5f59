use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// A body that is sent as it is made.
pub(super) struct Pieces(Receiver<Bytes>);

/// What takes the pieces, and the body. Sending waits until the client has taken what came before, and fails once it has gone.
pub(super) fn pieces() -> (Sender<Bytes>, Pieces) {
    let (sender, receiver) = channel(1);
    (sender, Pieces(receiver))
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}
