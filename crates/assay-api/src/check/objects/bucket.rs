use std::sync::Mutex;

use http::{HeaderName, HeaderValue, Method};
use md5::{Digest, Md5};

use crate::check::Asking;
use crate::dialect::s3::encoded;
use crate::wire::Whole;
use crate::{Call, Error};

/// A bucket, as far as one check uses it.
pub(super) struct Bucket<'a> {
    asking: &'a Asking<'a>,
    /// What all names of this check begin with.
    pub(super) prefix: String,
    /// What was written.
    names: Mutex<Vec<String>>,
    /// Uploads that were begun: a name, and an id.
    uploads: Mutex<Vec<(String, String)>>,
}

impl<'a> Bucket<'a> {
    pub(super) fn new(asking: &'a Asking<'a>, check: &str) -> Self {
        Self {
            asking,
            prefix: format!("assay-{:x}/{check}/", asking.nonce),
            names: Mutex::default(),
            uploads: Mutex::default(),
        }
    }

    /// A call about the bucket itself.
    pub(super) fn call(&self, query: &str) -> Call {
        let bucket = &self.asking.endpoint.model;
        Call::of(Method::GET, format!("/{bucket}?{query}"))
    }

    /// A call about an object.
    pub(super) fn object(&self, method: Method, name: &str, query: &str) -> Call {
        let bucket = &self.asking.endpoint.model;
        let key = encoded(&format!("{}{name}", self.prefix), true);
        let mark = if query.is_empty() { "" } else { "?" };
        Call::of(method, format!("/{bucket}/{key}{mark}{query}"))
    }

    /// Makes a call, whatever its status.
    pub(super) async fn make(&self, call: &Call) -> Result<Whole, Error> {
        self.asking.endpoint.make(call).await
    }

    /// Makes a call that has to succeed.
    pub(super) async fn done(&self, call: &Call) -> Result<Whole, Error> {
        let whole = self.make(call).await?;
        match self.asking.endpoint.refusal(&whole) {
            Some(error) => Err(error),
            None => Ok(whole),
        }
    }

    /// Puts an object.
    pub(super) async fn put(&self, name: &str, body: Vec<u8>) -> Result<Whole, Error> {
        self.writes(name);
        let call = self.object(Method::PUT, name, "");
        self.done(&call.with(body, "text/plain")).await
    }

    /// Notes what is about to be written.
    pub(super) fn writes(&self, name: &str) {
        if let Ok(mut names) = self.names.lock() {
            names.push(name.to_owned());
        }
    }

    /// Notes an upload.
    pub(super) fn uploads(&self, name: &str, id: &str) {
        if let Ok(mut uploads) = self.uploads.lock() {
            uploads.push((name.to_owned(), id.to_owned()));
        }
    }

    /// Deletes all that was written. What can't be deleted is no matter of the check's.
    pub(super) async fn clean(&self) {
        let names = self.names.lock().map(|mut its| std::mem::take(&mut *its));
        for name in names.unwrap_or_default() {
            let _ = self.make(&self.object(Method::DELETE, &name, "")).await;
        }
        let uploads = self.uploads.lock().map(|mut its| std::mem::take(&mut *its));
        for (name, id) in uploads.unwrap_or_default() {
            let query = format!("uploadId={}", encoded(&id, false));
            let _ = self.make(&self.object(Method::DELETE, &name, &query)).await;
        }
    }
}

/// A header, or nothing.
pub(super) fn header(whole: &Whole, name: &'static str) -> String {
    let value = whole.headers.get(name).and_then(|its| its.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// The same call with a header.
pub(super) fn with(mut call: Call, name: &'static str, value: &str) -> Call {
    if let Ok(value) = HeaderValue::from_str(value) {
        call.headers.insert(HeaderName::from_static(name), value);
    }
    call
}

/// The ETag of bytes that came at once: their MD5, in quotes.
pub(super) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&Md5::digest(bytes)))
}

/// The ETag of parts: the MD5 of theirs, and their number.
pub(super) fn etag_of_parts(parts: &[&[u8]]) -> String {
    let each: Vec<u8> = parts.iter().flat_map(Md5::digest).collect();
    format!("\"{}-{}\"", hex(&Md5::digest(each)), parts.len())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
