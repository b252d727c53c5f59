use bytes::Bytes;
use http::{Method, Response};
use serde_json::json;

use super::store::{Object, etag_of_parts};
use super::{Asked, refused, tagged};
use crate::server::answers::{Body, Call, text};
use crate::server::voice::Refused;
use crate::server::{Fault, MODEL};
use crate::xml;

/// Bytes of a part that is not the last, at least.
const LEAST: usize = 5 << 20;

impl Call {
    /// Answers what is about an upload of several parts.
    pub(super) fn parted(&self, asked: &Asked) -> Result<Response<Body>, Refused> {
        let Some(id) = asked.query("uploadId") else {
            return Ok(self.begun(asked));
        };
        let none = || refused(404, "NoSuchUpload", "there is no such upload");
        match asked.head.method {
            Method::PUT => {
                let number = asked.query("partNumber").and_then(|its| its.parse().ok());
                let number = number.ok_or_else(|| refused(400, "InvalidArgument", "no number"))?;
                let tag = self.tag(&asked.body);
                let mut kept = self.store.kept();
                let upload = kept.uploads.get_mut(&id).ok_or_else(none)?;
                upload.parts.push((number, asked.body.clone()));
                Ok(tagged(text(200, "application/xml", ""), &tag))
            }
            Method::DELETE => {
                if !self.is(Fault::AbortedUploadStays) {
                    self.store.kept().uploads.remove(&id).ok_or_else(none)?;
                }
                Ok(text(204, "application/xml", ""))
            }
            _ => self.completed_parts(asked, &id),
        }
    }

    fn begun(&self, asked: &Asked) -> Response<Body> {
        let mut kept = self.store.kept();
        kept.begun += 1;
        let id = format!("upload {}", kept.begun);
        kept.uploads.entry(id.clone()).or_default();
        let body = json!({"Bucket": MODEL, "Key": asked.name, "UploadId": id});
        self.xml(200, &json!({"InitiateMultipartUploadResult": body}))
    }

    fn completed_parts(&self, asked: &Asked, id: &str) -> Result<Response<Body>, Refused> {
        let wanted = xml::read(&asked.body).unwrap_or_default();
        let rows = xml::rows(&wanted["CompleteMultipartUpload"], "Part").into_iter();
        let mut numbers: Vec<u32> = rows
            .filter_map(|row| row["PartNumber"].as_str()?.parse().ok())
            .collect();
        let mut kept = self.store.kept();
        let upload = kept.uploads.get(id);
        let upload =
            upload.ok_or_else(|| refused(404, "NoSuchUpload", "there is no such upload"))?;
        if self.is(Fault::PartsInOrderOfArrival) {
            numbers = upload.parts.iter().map(|part| part.0).collect();
        }
        let found = |number: &u32| {
            let mut parts = upload.parts.iter().rev();
            parts
                .find(|part| part.0 == *number)
                .map(|part| part.1.clone())
        };
        let parts: Option<Vec<Bytes>> = numbers.iter().map(found).collect();
        let parts = parts.filter(|parts| !parts.is_empty());
        let parts = parts.ok_or_else(|| refused(400, "InvalidPart", "there is no such part"))?;
        let is_small = parts[..parts.len() - 1]
            .iter()
            .any(|part| part.len() < LEAST);
        if is_small && !self.is(Fault::SmallPartIsTaken) && !self.is(Fault::PartsInOrderOfArrival) {
            return Err(refused(400, "EntityTooSmall", "a part is too small"));
        }
        kept.uploads.remove(id);
        drop(kept);
        let tag = etag_of_parts(&parts);
        let object = Object {
            body: parts.concat().into(),
            kind: "binary/octet-stream".into(),
            tag: tag.clone(),
        };
        self.store.put(&asked.name, object);
        let body = json!({"Bucket": MODEL, "Key": asked.name, "ETag": tag});
        Ok(self.xml(200, &json!({"CompleteMultipartUploadResult": body})))
    }
}
