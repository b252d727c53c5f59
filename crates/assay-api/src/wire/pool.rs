//! Connections, each for one request at a time, and kept where that is wanted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use tokio::time::Instant;
use tower_service::Service;

use super::{Wire, classified};
use crate::error::{Error, Kind};

/// How long a connection is kept on which nothing is asked.
const KEPT: Duration = Duration::from_secs(30);

/// What requests go into.
pub(super) type Sender = http1::SendRequest<Full<Bytes>>;

/// Where connections lead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place(Scheme, Authority);

/// Connections that wait for a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool(Arc<Mutex<HashMap<Place, Waiting>>>);

/// Connections to one place, and since when each waits.
type Waiting = Vec<(Sender, Instant)>;

impl Pool {
    /// The one that was used last.
    pub(super) fn take(&self, place: &Place) -> Option<Sender> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, since) = waiting.get_mut(place)?.pop()?;
        if since.elapsed() > KEPT {
            // Those below it are older.
            waiting.remove(place);
            return None;
        }
        Some(sender)
    }

    /// Keeps one whose answer is read to its end.
    pub(super) fn put(&self, place: Place, sender: Sender) {
        if !sender.is_closed() {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let row = waiting.entry(place).or_default();
            row.push((sender, Instant::now()));
        }
    }
}

impl Place {
    /// The place that an address names; the request is left with the rest of it.
    pub(super) fn of(request: &mut Request<Full<Bytes>>) -> Result<Self, Error> {
        let parts = std::mem::take(request.uri_mut()).into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(Error::new(Kind::Name, "an address without a host"));
        };
        if let Some(path) = parts.path_and_query {
            *request.uri_mut() = Uri::from(path);
        }
        // RFC 9112 § 3.2: the port where it is not the scheme's own.
        let usual = if scheme == Scheme::HTTPS { 443 } else { 80 };
        let host = match authority.port_u16() {
            Some(port) if port == usual => authority.host(),
            _ => authority.as_str(),
        };
        let host = HeaderValue::from_str(host)
            .map_err(|_| Error::new(Kind::Name, "a host that can't be sent"))?;
        request.headers_mut().insert(header::HOST, host);
        Ok(Self(scheme, authority))
    }

    fn uri(&self) -> Result<Uri, Error> {
        let parts = Uri::builder()
            .scheme(self.0.clone())
            .authority(self.1.clone())
            .path_and_query("/");
        parts
            .build()
            .map_err(|error| Error::new(Kind::Name, error.to_string()))
    }
}

impl Wire {
    /// A new connection. What goes wrong with it is told to whoever uses it; what it ends with, to who waits for the task.
    pub(super) async fn open(
        &self,
        place: &Place,
    ) -> Result<(Sender, tokio::task::JoinHandle<hyper::Result<()>>), Error> {
        let stream = self.connector.clone().call(place.uri()?).await;
        let stream = stream.map_err(|error| classified(&*error))?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(self.bounds.head_bytes.max(8 << 10))
            .handshake(stream)
            .await
            .map_err(|error| classified(&error))?;
        Ok((sender, tokio::spawn(connection)))
    }
}
