use std::fmt;
use std::time::Duration;

/// Why a call gave no answer. What is done about it is read from [`Error::kind`], never from the words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{kind}: {words}")]
pub struct Error {
    /// What it is.
    pub kind: Kind,
    /// In words, with the server's own message where there is one.
    pub words: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the call is to be tried again, by the server's own word.
    pub should_retry: Option<bool>,
    /// The identifier by which the server's support finds the call.
    pub request_id: Option<String>,
}

impl Error {
    /// One of a kind, in words.
    #[must_use]
    pub fn new(kind: Kind, words: impl Into<String>) -> Self {
        Self {
            kind,
            words: words.into(),
            status: None,
            retry_after: None,
            should_retry: None,
            request_id: None,
        }
    }

    /// Whether the same call may be answered later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        use Kind::{
            Conflict, Cut, Overloaded, RateLimited, Refused, Reset, Server, Timeout, Unreachable,
        };
        matches!(
            self.kind,
            Refused
                | Unreachable
                | Timeout
                | Reset
                | Cut
                | Conflict
                | RateLimited
                | Overloaded
                | Server
        )
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The name of the host can't be resolved.
    Name,
    /// Nobody listens there.
    Refused,
    /// No route to the host.
    Unreachable,
    /// No TLS connection: a certificate that nobody vouches for, another protocol.
    Tls,
    /// Nothing came within the bound.
    Timeout,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the answer was whole.
    Cut,
    /// What came is no HTTP.
    Protocol,
    /// The answer is larger than the bound.
    TooLarge,
    /// The body is compressed, which nobody asked for.
    Encoded,
    /// The server points elsewhere. No redirect is followed: credentials go to nobody else.
    Redirect,
    /// The answer is none of the dialect.
    Shape,
    /// The key is wrong, or there is none (401).
    Authentication,
    /// The key may not do that (403).
    Permission,
    /// There is no such route or model (404).
    NotFound,
    /// The request is not valid (400, 405, 412, 415, 422).
    Invalid,
    /// The request took the server too long (408), or meets another (409).
    Conflict,
    /// The request is too large (413).
    RequestTooLarge,
    /// Too many requests or tokens for now (429).
    RateLimited,
    /// What was paid for is used up (402, some 429): waiting does not help.
    QuotaExhausted,
    /// No capacity for now (503, 529, Groq's 498).
    Overloaded,
    /// The server's own failure (other 5xx).
    Server,
    /// It was not asked: it failed too often (a circuit breaker that is open).
    CircuitOpen,
    /// It was not asked: too many wait already.
    QueueFull,
}

impl Kind {
    /// What a status means, where the body says nothing more exact.
    #[must_use]
    pub fn of_status(status: u16) -> Option<Self> {
        Some(match status {
            200..=299 => return None,
            300..=399 => Self::Redirect,
            401 => Self::Authentication,
            402 => Self::QuotaExhausted,
            403 => Self::Permission,
            404 => Self::NotFound,
            408 | 409 => Self::Conflict,
            413 => Self::RequestTooLarge,
            429 => Self::RateLimited,
            498 | 503 | 529 => Self::Overloaded,
            400..=499 => Self::Invalid,
            _ => Self::Server,
        })
    }

    /// The name in records and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name_not_resolved",
            Self::Refused => "connection_refused",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "connection_reset",
            Self::Cut => "cut_off",
            Self::Protocol => "no_http",
            Self::TooLarge => "answer_too_large",
            Self::Encoded => "compressed_unasked",
            Self::Redirect => "redirect",
            Self::Shape => "shape",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid_request",
            Self::Conflict => "conflict",
            Self::RequestTooLarge => "request_too_large",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Overloaded => "overloaded",
            Self::Server => "server_error",
            Self::CircuitOpen => "circuit_open",
            Self::QueueFull => "queue_full",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
