use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

/// A call that is to be made of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `POST`, mostly.
    pub method: Method,
    /// From the address of the dialect's routes; one that begins with `//` is one from the root of the server.
    pub route: String,
    /// Those of this call alone, `content-type` for one.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
}

impl Call {
    /// One with no body.
    #[must_use]
    pub fn of(method: Method, route: impl Into<String>) -> Self {
        Self {
            method,
            route: route.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// JSON that is posted.
    #[must_use]
    pub fn post(route: impl Into<String>, body: &Value) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::of(Method::POST, route).with(body, "application/json")
    }

    /// The same with a body of a type.
    #[must_use]
    pub fn with(mut self, body: impl Into<Bytes>, kind: &str) -> Self {
        self.body = body.into();
        if let Ok(kind) = HeaderValue::from_str(kind) {
            self.headers.insert(CONTENT_TYPE, kind);
        }
        self
    }

    /// The same with other bytes of the same type.
    #[must_use]
    pub fn saying(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The body; null for one that is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
