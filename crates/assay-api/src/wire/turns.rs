//! Requests over one connection.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::clock::Clock;
use super::pool::Place;
use super::{Answering, Outgoing, Whole, Wire, classified};
use crate::error::{Error, Kind};

/// How long a connection is listened to once an answer is whole.
const LISTENED: Duration = Duration::from_millis(100);

impl Wire {
    /// Sends requests over one connection, one after the other, as long as the server keeps it.
    ///
    /// # Errors
    /// As [`Wire::send`]; and [`Kind::Protocol`] where the server says more than it was asked: what stands behind an answer would be read
    /// as the beginning of the next one.
    pub async fn in_turn(&self, all: Vec<Outgoing>) -> Result<Vec<Whole>, Error> {
        let wait = self.bounds.total;
        timeout(wait, self.turns(all)).await.map_err(|_| {
            let words = format!("no end within {:.1} s", wait.as_secs_f64());
            Error::new(Kind::Timeout, words)
        })?
    }

    async fn turns(&self, all: Vec<Outgoing>) -> Result<Vec<Whole>, Error> {
        let mut answers = Vec::new();
        let mut connection = None;
        for outgoing in all {
            let mut request = outgoing.request();
            let place = Place::of(&mut request)?;
            let (sender, _) = match &mut connection {
                Some(open) => open,
                none => none.insert(self.open(&place).await?),
            };
            if sender.ready().await.is_err() {
                break;
            }
            let sent = Instant::now();
            let response = match sender.send_request(request).await {
                Ok(response) => response,
                // Whoever keeps a connection may close it at any time.
                Err(error) if !answers.is_empty() && !is_broken(&error) => break,
                Err(_) if !answers.is_empty() => return Err(too_much()),
                Err(error) => return Err(classified(&error)),
            };
            let answering = Answering::new(response, sent, self.bounds, Clock::new(), None);
            answers.push(answering.whole().await?);
            sleep(LISTENED).await;
        }
        let Some((sender, driver)) = connection else {
            return Ok(answers);
        };
        drop(sender);
        match driver.await {
            Ok(Err(error)) if is_broken(&error) => Err(too_much()),
            _ => Ok(answers),
        }
    }
}

/// Whether what came is no HTTP.
fn is_broken(error: &hyper::Error) -> bool {
    classified(error).kind == Kind::Protocol
}

fn too_much() -> Error {
    let words = "the server says more on a connection than it was asked";
    Error::new(Kind::Protocol, words)
}
