use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;

use crate::chat::{Answer, Chat};
use crate::dialect::Dialect;
use crate::error::{Error, Kind};
use crate::streaming::Streaming;
use crate::wire::{Outgoing, Whole, Wire};

/// A key. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// One that was read somewhere.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Text without it: what a server says may repeat what it was sent.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        const LEAST: usize = 4;
        if self.0.len() < LEAST {
            return text.to_owned();
        }
        text.replace(&self.0, "[key]")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([key])")
    }
}

/// A server, spoken to in its dialect.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// How it is asked.
    pub dialect: &'static Dialect,
    base: String,
    /// The model that is asked for.
    pub model: String,
    key: Option<Key>,
    wire: Wire,
}

impl Endpoint {
    /// A server at an address: that of the dialect's routes, as `https://api.openai.com/v1`.
    ///
    /// # Errors
    /// [`Kind::Name`] for what is no address of HTTP.
    pub fn new(
        dialect: &'static Dialect,
        base: &str,
        model: impl Into<String>,
        key: Option<Key>,
        wire: Wire,
    ) -> Result<Self, Error> {
        let base = base.trim_end_matches('/').to_owned();
        let wrong = |why: &str| Error::new(Kind::Name, format!("`{base}` is no address: {why}"));
        let uri: Uri = base
            .parse()
            .map_err(|error: http::uri::InvalidUri| wrong(&error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it begins with neither http:// nor https://"));
        }
        if uri.authority().is_none_or(|its| its.as_str().contains('@')) {
            return Err(wrong("it has no host, or a password in it"));
        }
        Ok(Self {
            dialect,
            base,
            model: model.into(),
            key,
            wire,
        })
    }

    /// The same with another key, or none.
    #[must_use]
    pub fn with_key(&self, key: Option<Key>) -> Self {
        Self {
            key,
            ..self.clone()
        }
    }

    /// The same with another model.
    #[must_use]
    pub fn with_model(&self, model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            ..self.clone()
        }
    }

    /// Whether it has a key.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The body of a chat in its dialect.
    #[must_use]
    pub fn body(&self, chat: &Chat) -> Value {
        (self.dialect.request)(chat, &self.model)
    }

    /// Where a chat goes to.
    #[must_use]
    pub fn route(&self, chat: &Chat) -> String {
        let endpoints = &self.dialect.endpoints;
        let route = if chat.stream {
            endpoints.stream
        } else {
            endpoints.chat
        };
        route.replace("{model}", &self.model)
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// As [`Endpoint::call`]; and whatever the server refuses it with, as its dialect says it.
    pub async fn ask(&self, chat: &Chat) -> Result<(Whole, Answer), Error> {
        let whole = self.post(&self.route(chat), &self.body(chat)).await?;
        if let Some(error) = self.dialect.error_of(&whole) {
            return Err(self.without_key(error));
        }
        let body = whole
            .json()
            .ok_or_else(|| Error::new(Kind::Shape, "the answer is no JSON"))?;
        let answer = (self.dialect.response)(&body);
        Ok((whole, answer))
    }

    /// Asks, and takes the answer as it comes.
    ///
    /// # Errors
    /// As [`Endpoint::ask`].
    pub async fn stream(&self, chat: &Chat) -> Result<Streaming, Error> {
        let body = serde_json::to_vec(&self.body(chat)).unwrap_or_default();
        let outgoing = self.outgoing(Method::POST, &self.route(chat), body.into())?;
        let answering = self.wire.send(outgoing).await?;
        if answering.status.is_success() {
            return Ok(Streaming::new(
                self.dialect,
                answering,
                self.wire.bounds().event_bytes,
            ));
        }
        let whole = answering.whole().await?;
        let error = self.dialect.error_of(&whole);
        Err(error.map_or_else(
            || Error::new(Kind::Shape, "no success, and no error"),
            |error| self.without_key(error),
        ))
    }

    /// Posts JSON to a route of the dialect.
    ///
    /// # Errors
    /// As [`Endpoint::call`].
    pub async fn post(&self, route: &str, body: &Value) -> Result<Whole, Error> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.call(Method::POST, route, body.into()).await
    }

    /// Any call, whatever status it ends with. A route that begins with `//` is one from the root of the server.
    ///
    /// # Errors
    /// What keeps an answer from coming.
    pub async fn call(&self, method: Method, route: &str, body: Bytes) -> Result<Whole, Error> {
        self.wire
            .send(self.outgoing(method, route, body)?)
            .await?
            .whole()
            .await
    }

    fn outgoing(&self, method: Method, route: &str, body: Bytes) -> Result<Outgoing, Error> {
        let address = match route.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
            Some(from_root) => format!("{}{from_root}", self.root()),
            None => format!("{}{route}", self.base),
        };
        let wrong = |what: &str| Error::new(Kind::Invalid, format!("{what} can't be sent"));
        let uri = address
            .parse()
            .map_err(|_| wrong(&format!("`{address}`")))?;
        let mut headers = HeaderMap::new();
        let endpoints = &self.dialect.endpoints;
        for (name, value) in endpoints.headers {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        if let (Some((name, before)), Some(key)) = (endpoints.key, &self.key) {
            let mut value = HeaderValue::try_from(format!("{before}{}", key.0))
                .map_err(|_| wrong("the key"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        if !body.is_empty() {
            headers.insert(
                http::header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        Ok(Outgoing {
            method,
            uri,
            headers,
            body,
        })
    }

    /// `https://host:port`.
    fn root(&self) -> &str {
        let after_scheme = self.base.find("://").map_or(0, |at| at + 3);
        let end = self.base[after_scheme..]
            .find('/')
            .map_or(self.base.len(), |at| after_scheme + at);
        &self.base[..end]
    }

    /// What the server said without the key that it may have repeated.
    fn without_key(&self, mut error: Error) -> Error {
        if let Some(key) = &self.key {
            error.words = key.hidden_in(&error.words);
        }
        error
    }
}
