//! HTTP as a test wants it: every bound is set, nothing is followed, nothing is unpacked, and each piece has the time at which it came.

mod clock;
mod pool;
mod turns;

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::time::Instant;

use crate::error::{Error, Kind};
use clock::Clock;
use pool::{Place, Pool, Sender};

/// How much of anything is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// For the name, the connection and TLS.
    pub connect: Duration,
    /// From sending to the last header.
    pub head: Duration,
    /// Between two pieces of a body.
    pub between: Duration,
    /// From sending to the end of the body: a server that drips is always in time for the next piece.
    pub total: Duration,
    /// Of all headers together.
    pub head_bytes: usize,
    /// Of a body.
    pub body_bytes: usize,
    /// Of an event or a line of a stream.
    pub event_bytes: usize,
}

impl Default for Bounds {
    /// The official OpenAI client waits 600 s in all and 5 s for a connection; an answer of a chat is some kilobytes, a batch of embeddings
    /// some megabytes.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(60),
            between: Duration::from_secs(60),
            total: Duration::from_secs(600),
            head_bytes: 64 << 10,
            body_bytes: 64 << 20,
            event_bytes: 4 << 20,
        }
    }
}

/// What goes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// `GET` or `POST`, mostly.
    pub method: Method,
    /// Where, whole.
    pub uri: Uri,
    /// Those of the dialect and of the key. `accept-encoding: identity` and `user-agent` are added.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
}

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Wire {
    /// Connections for later calls; none where each call has its own.
    pool: Option<Pool>,
    connector: HttpsConnector<HttpConnector<Resolver>>,
    bounds: Bounds,
}

impl Outgoing {
    fn request(self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        let headers = request.headers_mut();
        headers.insert(
            header::ACCEPT_ENCODING,
            header::HeaderValue::from_static("identity"),
        );
        let agent = concat!("assay/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, header::HeaderValue::from_static(agent));
        request
    }
}

impl Wire {
    /// A client with connections of its own, which are kept for later calls.
    ///
    /// # Errors
    /// Where this machine has no certificates to trust.
    pub fn new(bounds: Bounds) -> io::Result<Self> {
        Self::keeping(bounds, Some(Pool::default()))
    }

    /// One that makes a connection for each call: what a server does to one connection is no matter of the next call's. A server that
    /// refuses a body before it has read it closes the connection, and who takes that up again is cut off.
    ///
    /// # Errors
    /// As [`Wire::new`].
    pub fn without_keeping(bounds: Bounds) -> io::Result<Self> {
        Self::keeping(bounds, None)
    }

    fn keeping(bounds: Bounds, pool: Option<Pool>) -> io::Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(bounds.connect));
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            pool,
            connector,
            bounds,
        })
    }

    /// What it keeps to.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Sends, and waits for the status and the headers.
    ///
    /// # Errors
    /// Everything that keeps an answer from coming, by [`Kind`]. A status is none: that is for the dialect to read.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Answering, Error> {
        let mut request = outgoing.request();
        let place = Place::of(&mut request)?;
        let sent = Instant::now();
        let (head, total) = (self.bounds.head, self.bounds.total);
        let mut clock = Clock::new();
        let exchanged = self.exchange(&place, request);
        let exchanged = clock.until(sent + head.min(total), exchanged).await;
        let (response, sender) =
            exchanged.ok_or_else(|| late(("no status", head), total, &self.bounds))??;
        let kept = self.pool.clone().map(|pool| Kept {
            pool,
            place,
            sender,
        });
        let answering = Answering::new(response, sent, self.bounds, clock, kept);
        let mut encodings = answering.headers.get_all(header::CONTENT_ENCODING).iter();
        if let Some(encoding) = encodings.find(|encoding| !is_identity(encoding.as_bytes())) {
            let words = format!(
                "content-encoding: {}",
                String::from_utf8_lossy(encoding.as_bytes())
            );
            return Err(Error::new(Kind::Encoded, words));
        }
        Ok(answering)
    }

    /// Sends over a connection that is kept, or over a new one.
    async fn exchange(
        &self,
        place: &Place,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Sender), Error> {
        while let Some(mut sender) = self.pool.as_ref().and_then(|pool| pool.take(place)) {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => match error.take_message() {
                    // It was closed before anything went out.
                    Some(unsent) => request = unsent,
                    None => return Err(classified(&error.into_error())),
                },
            }
        }
        // Apart from what each call waits with: it is large, and seldom needed.
        let (mut sender, _) = Box::pin(self.open(place)).await?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| classified(&error))?;
        Ok((response, sender))
    }
}

/// An answer whose body is still coming. To drop it closes the connection, which tells the server to stop.
#[derive(Debug)]
pub struct Answering {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// When the request went out.
    pub sent: Instant,
    /// When the headers were there.
    pub headed: Instant,
    body: Incoming,
    taken: usize,
    bounds: Bounds,
    clock: Clock,
    kept: Option<Kept>,
}

/// A connection that is kept once its answer is read.
#[derive(Debug)]
struct Kept {
    pool: Pool,
    place: Place,
    sender: Sender,
}

impl Answering {
    fn new(
        response: Response<Incoming>,
        sent: Instant,
        bounds: Bounds,
        clock: Clock,
        kept: Option<Kept>,
    ) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            sent,
            headed: Instant::now(),
            body,
            taken: 0,
            bounds,
            clock,
            kept,
        }
    }

    /// The next piece, and when it came; none at the end.
    ///
    /// # Errors
    /// [`Kind::Timeout`], [`Kind::TooLarge`], [`Kind::Cut`], [`Kind::Reset`], [`Kind::Protocol`].
    pub async fn next(&mut self) -> Result<Option<(Instant, Bytes)>, Error> {
        loop {
            let left = self.bounds.total.saturating_sub(self.sent.elapsed());
            let between = self.bounds.between;
            let until = Instant::now() + between.min(left);
            let frame = self.clock.until(until, self.body.frame()).await;
            let stopped = ("nothing more of the body", between);
            let frame = match frame.ok_or_else(|| late(stopped, left, &self.bounds))? {
                None => {
                    if let Some(kept) = self.kept.take() {
                        kept.pool.put(kept.place, kept.sender);
                    }
                    return Ok(None);
                }
                Some(frame) => frame.map_err(|error| classified(&error))?,
            };
            // Trailers say nothing here.
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            self.taken += bytes.len();
            if self.taken > self.bounds.body_bytes {
                let words = format!("a body of more than {} bytes", self.bounds.body_bytes);
                return Err(Error::new(Kind::TooLarge, words));
            }
            return Ok(Some((Instant::now(), bytes)));
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Answering::next`].
    pub async fn whole(mut self) -> Result<Whole, Error> {
        let mut body = Vec::new();
        while let Some((_, piece)) = self.next().await? {
            body.extend_from_slice(&piece);
        }
        Ok(Whole {
            status: self.status.as_u16(),
            headers: self.headers,
            body,
            took: self.sent.elapsed(),
        })
    }
}

/// An answer that is there.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// From sending to the end.
    pub took: Duration,
}

impl Whole {
    /// The body as JSON, if it is some.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Which bound was over: that of a part of the call, or what was left of the total.
fn late((missing, most): (&str, Duration), left: Duration, bounds: &Bounds) -> Error {
    let words = if left < most {
        let total = bounds.total.as_secs_f64();
        format!("the whole answer took longer than {total:.1} s")
    } else {
        format!("{missing} within {:.1} s", most.as_secs_f64())
    };
    Error::new(Kind::Timeout, words)
}

/// Whether codings are none: case is no matter, and what is empty no coding (RFC 9110 §§ 5.6.1, 8.4.1).
fn is_identity(encoding: &[u8]) -> bool {
    let mut codings = encoding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
}

/// What lies at the bottom of an error of hyper's.
fn classified(error: &(dyn StdError + 'static)) -> Error {
    let mut words = error.to_string();
    let mut kind = Kind::Protocol;
    let mut next = Some(error);
    while let Some(error) = next {
        let found = if error.is::<NameError>() {
            Some(Kind::Name)
        } else if let Some(error) = error.downcast_ref::<hyper::Error>() {
            of_hyper(error)
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            of_io(error)
        } else {
            error.is::<rustls::Error>().then_some(Kind::Tls)
        };
        if let Some(found) = found {
            (kind, words) = (found, error.to_string());
        }
        next = error.source();
    }
    Error::new(kind, words)
}

fn of_hyper(error: &hyper::Error) -> Option<Kind> {
    if error.is_incomplete_message() || error.is_canceled() {
        Some(Kind::Cut)
    } else if error.is_parse_too_large() {
        Some(Kind::TooLarge)
    } else if error.is_parse() {
        Some(Kind::Protocol)
    } else {
        error.is_timeout().then_some(Kind::Timeout)
    }
}

fn of_io(error: &io::Error) -> Option<Kind> {
    // What it holds is no source of it.
    if let Some(inner) = error.get_ref() {
        if inner.is::<rustls::Error>() {
            return Some(Kind::Tls);
        }
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            return of_io(inner);
        }
    }
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => Kind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted => Kind::Reset,
        io::ErrorKind::TimedOut => Kind::Timeout,
        io::ErrorKind::UnexpectedEof => Kind::Cut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Kind::Unreachable,
        _ => return None,
    })
}

/// The system's own, whose failure can be told from others.
#[derive(Debug, Clone, Copy)]
struct Resolver;

#[derive(Debug, thiserror::Error)]
#[error("{host}: {error}")]
struct NameError {
    host: String,
    error: io::Error,
}

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NameError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NameError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NameError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found = found.map(|found| found.collect::<Vec<_>>().into_iter());
            found.map_err(|error| NameError { host, error })
        })
    }
}
