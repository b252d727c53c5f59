//! Requests over one connection.

use std::time::Duration;

use http::{HeaderValue, Uri, header};
use hyper::client::conn::http1;
use tokio::time::{Instant, sleep, timeout};
use tower_service::Service;

use super::{Answering, Outgoing, Whole, Wire, classified};
use crate::error::{Error, Kind};

/// How long a connection is listened to once an answer is whole.
const LISTENED: Duration = Duration::from_millis(20);

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
        let Some(first) = all.first() else {
            return Ok(answers);
        };
        let stream = self.connector.clone().call(first.uri.clone()).await;
        let stream = stream.map_err(|error| classified(&*error))?;
        let (mut sender, connection) = http1::handshake(stream)
            .await
            .map_err(|error| classified(&error))?;
        let driver = tokio::spawn(connection);
        for outgoing in all {
            if sender.ready().await.is_err() {
                break;
            }
            let host = outgoing.uri.authority().map(ToString::to_string);
            let mut request = outgoing.request();
            if let Some(Ok(host)) = host.map(HeaderValue::try_from) {
                request.headers_mut().insert(header::HOST, host);
            }
            let path = request.uri().path_and_query().cloned();
            *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
            let sent = Instant::now();
            let response = match sender.send_request(request).await {
                Ok(response) => response,
                // Whoever keeps a connection may close it at any time.
                Err(_) if !answers.is_empty() => break,
                Err(error) => return Err(classified(&error)),
            };
            let (head, body) = response.into_parts();
            let answering = Answering {
                status: head.status,
                headers: head.headers,
                sent,
                headed: Instant::now(),
                body,
                taken: 0,
                bounds: self.bounds,
            };
            answers.push(answering.whole().await?);
            sleep(LISTENED).await;
        }
        drop(sender);
        match driver.await {
            Ok(Err(error)) if classified(&error).kind == Kind::Protocol => {
                let words = "the server says more on a connection than it was asked";
                Err(Error::new(Kind::Protocol, words))
            }
            _ => Ok(answers),
        }
    }
}
