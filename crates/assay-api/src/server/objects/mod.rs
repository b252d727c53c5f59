//! A store of objects, in memory, as S3 has one.

mod parts;
mod store;

pub(super) use store::Store;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use super::answers::{Body, Call, Coming, boxed, failed, text};
use super::voice::Refused;
use super::{Fault, KEY, MODEL};
use crate::dialect::s3::sign;
use crate::endpoint::Signer;
use crate::wire::Outgoing;
use crate::xml;
use store::{Object, etag, md5_in_base64};

/// Bytes of an object at most.
const MOST: usize = 8 << 20;

/// What a request is about.
struct Asked {
    head: Parts,
    /// The object, decoded.
    name: String,
    body: Bytes,
}

impl Asked {
    /// A part of the query, decoded; empty for one without a value.
    fn query(&self, name: &str) -> Option<String> {
        let parts = self.head.uri.query().unwrap_or_default().split('&');
        let mut pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
        pairs
            .find(|pair| pair.0 == name)
            .map(|pair| decoded(pair.1))
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }
}

impl Call {
    /// Answers a request of objects.
    pub(super) async fn stored(
        &self,
        request: Request<impl Coming>,
    ) -> Result<Response<Body>, Refused> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MOST).collect().await;
        let body = body
            .map_err(|_| refused(400, "EntityTooLarge", "the object is too large"))?
            .to_bytes();
        if !is_signed(&head, &body) {
            self.wrong_key()?;
        }
        let path = head.uri.path().trim_start_matches('/').to_owned();
        let (bucket, name) = path.split_once('/').unwrap_or((&path, ""));
        match self.settings.fault {
            _ if bucket == MODEL => {}
            Some(Fault::UnknownModelAnswers) => {}
            Some(Fault::UnknownModelIs500) => return Err(failed()),
            _ => return Err(refused(404, "NoSuchBucket", "there is no such bucket")),
        }
        let asked = Asked {
            name: decoded(name),
            head,
            body,
        };
        if asked.name.is_empty() {
            return Ok(self.xml(200, &self.list(&asked)));
        }
        if asked.query("uploadId").is_some() || asked.query("uploads").is_some() {
            return self.parted(&asked);
        }
        match asked.head.method {
            Method::PUT => self.put(&asked),
            Method::DELETE => {
                if !self.is(Fault::DeletedObjectStays) {
                    self.store.remove(&asked.name);
                }
                Ok(text(204, "application/xml", ""))
            }
            Method::GET | Method::HEAD => self.get(&asked),
            _ => Err(refused(
                405,
                "MethodNotAllowed",
                "the method is not allowed",
            )),
        }
    }

    fn put(&self, asked: &Asked) -> Result<Response<Body>, Refused> {
        let digest = asked.head.headers.get("content-md5");
        let is_whole =
            digest.is_none_or(|its| its.as_bytes() == md5_in_base64(&asked.body).as_bytes());
        if !is_whole && !self.is(Fault::DigestIsIgnored) {
            return Err(refused(
                400,
                "BadDigest",
                "the body is not that of the digest",
            ));
        }
        let kind = asked.header(header::CONTENT_TYPE);
        let kind = kind.filter(|_| !self.is(Fault::ObjectTypeIsLost));
        let object = Object {
            tag: self.tag(&asked.body),
            body: asked.body.clone(),
            kind: kind.unwrap_or("binary/octet-stream").to_owned(),
        };
        let response = tagged(text(200, "application/xml", ""), &object.tag);
        self.store.put(&asked.name, object);
        Ok(response)
    }

    /// The ETag of what came at once.
    fn tag(&self, body: &[u8]) -> String {
        match self.settings.fault {
            Some(Fault::Canned) => etag(b"the same"),
            Some(Fault::ObjectTagIsWrong) => etag(&body[..body.len() / 2]) + "x",
            _ => etag(body),
        }
    }

    fn get(&self, asked: &Asked) -> Result<Response<Body>, Refused> {
        let object = self.store.get(&asked.name);
        let object = object.ok_or_else(|| match self.settings.fault {
            Some(Fault::MissingObjectIs403) => refused(403, "AccessDenied", "access denied"),
            _ => refused(404, "NoSuchKey", "there is no such object"),
        })?;
        let is_heeded = !self.is(Fault::ConditionIsIgnored);
        let (wanted, unwanted) = (
            asked.header(header::IF_MATCH),
            asked.header(header::IF_NONE_MATCH),
        );
        if is_heeded && wanted.is_some_and(|tag| tag != object.tag) {
            return Err(refused(
                412,
                "PreconditionFailed",
                "the condition does not hold",
            ));
        }
        if is_heeded && unwanted == Some(object.tag.as_str()) {
            return Ok(tagged(text(304, "application/xml", ""), &object.tag));
        }
        let mut body = object.body.clone();
        if self.is(Fault::ObjectLosesAByte) && !body.is_empty() {
            body.truncate(body.len() - 1);
        }
        let range = asked.header(header::RANGE).and_then(range);
        let range = range.filter(|_| !self.is(Fault::RangeIsIgnored));
        let mut response = Response::new(boxed(body.clone()));
        if let Some((from, to)) = range {
            let part = body.get(from..(to + 1).min(body.len()));
            let part = part.filter(|part| !part.is_empty());
            let part =
                part.ok_or_else(|| refused(416, "InvalidRange", "there is no such range"))?;
            let place = format!("bytes {from}-{}/{}", from + part.len() - 1, body.len());
            response = Response::new(boxed(part.to_vec()));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            if let Ok(place) = HeaderValue::from_str(&place) {
                response.headers_mut().insert(header::CONTENT_RANGE, place);
            }
        }
        // Of nothing, hyper says no length to HEAD.
        if object.body.is_empty() {
            let none = HeaderValue::from_static("0");
            response.headers_mut().insert(header::CONTENT_LENGTH, none);
        }
        if let Ok(kind) = HeaderValue::from_str(&object.kind) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        Ok(tagged(response, &object.tag))
    }

    fn list(&self, asked: &Asked) -> Value {
        let prefix = asked.query("prefix").unwrap_or_default();
        let folder = asked.query("delimiter");
        let after = asked.query("continuation-token").unwrap_or_default();
        let most = asked.query("max-keys").and_then(|most| most.parse().ok());
        let mut names = self.store.names(&prefix);
        let mut folders: Vec<String> = Vec::new();
        if let Some(mark) = folder {
            names.retain(|name| {
                let Some((folder, _)) = name[prefix.len()..].split_once(&mark) else {
                    return true;
                };
                let folder = format!("{prefix}{folder}{mark}");
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
                false
            });
        }
        if !self.is(Fault::PageTokenIsIgnored) {
            names.retain(|name| *name > after);
        }
        let count = names.len();
        names.truncate(most.unwrap_or(1000));
        let is_cut = names.len() < count && !self.is(Fault::ListHidesTheRest);
        let next = names.last().filter(|_| is_cut).cloned();
        if self.is(Fault::ListOutOfOrder) {
            names.reverse();
        }
        let rows = |name: &str, texts: &[String]| {
            texts
                .iter()
                .map(|text| json!({name: text}))
                .collect::<Vec<_>>()
        };
        let mut list = json!({
            "Name": MODEL, "Prefix": prefix, "KeyCount": names.len(), "IsTruncated": is_cut,
            "Contents": rows("Key", &names), "CommonPrefixes": rows("Prefix", &folders),
        });
        if let Some(next) = next {
            list["NextContinuationToken"] = next.into();
        }
        json!({"ListBucketResult": list})
    }

    /// Values as XML.
    pub(super) fn xml(&self, status: u16, value: &Value) -> Response<Body> {
        text(status, "application/xml", &xml::write(value))
    }
}

/// Whether a request is signed with the key: it is signed again, and compared. Clients write the header with and without spaces.
fn is_signed(head: &Parts, body: &Bytes) -> bool {
    let signature = |value: &HeaderValue| {
        let text = value.to_str().ok()?;
        Some(text.split_once("Signature=")?.1.to_owned())
    };
    let own = head.headers.get(header::AUTHORIZATION).and_then(signature);
    own.is_some() && own == signed_again(head, body).as_ref().and_then(signature)
}

fn signed_again(head: &Parts, body: &Bytes) -> Option<HeaderValue> {
    let text = |name: &str| head.headers.get(name)?.to_str().ok();
    let own = text("authorization")?;
    let field = |name: &str| {
        let rest = own.split_once(name)?.1;
        rest.split(',').next()
    };
    let scope: Vec<&str> = field("Credential=")?.split('/').collect();
    let signer = Signer {
        id: (*scope.first()?).to_owned(),
        region: (*scope.get(2)?).to_owned(),
        session: None,
    };
    let names: Vec<&str> = field("SignedHeaders=")?.split(';').collect();
    let mut headers = head.headers.clone();
    let strange: Vec<_> = headers
        .keys()
        .filter(|name| !names.contains(&name.as_str()) || name.as_str() == "host")
        .cloned()
        .collect();
    for name in strange {
        headers.remove(name);
    }
    let path = head.uri.path_and_query()?;
    let uri: Uri = format!("http://{}{path}", text("host")?).parse().ok()?;
    let mut outgoing = Outgoing {
        method: head.method.clone(),
        uri,
        headers,
        body: body.clone(),
    };
    let at =
        jiff::fmt::strtime::parse("%Y%m%dT%H%M%S%z", text("x-amz-date")?.replace('Z', "+0000"));
    sign(&mut outgoing, KEY, &signer, at.ok()?.to_timestamp().ok()?).ok()?;
    outgoing.headers.remove(header::AUTHORIZATION)
}

fn refused(status: u16, code: &'static str, words: &str) -> Refused {
    Refused {
        status,
        kind: code,
        words: words.into(),
    }
}

fn tagged(mut response: Response<Body>, tag: &str) -> Response<Body> {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The first and the last place of `bytes=2-5`.
fn range(text: &str) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// A name in a path or a query as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
