//! A store of objects. Only names below `assay-<nonce>/` are touched, and what a check wrote it deletes, whatever it saw.

mod bucket;
mod conditions;
mod errors;
mod keep;
mod list;
mod parts;

pub(super) use conditions::conditions;
pub(super) use errors::errors;
pub(super) use keep::keep;
pub(super) use list::listed;
pub(super) use parts::parts;

use http::Method;

use super::Asking;
use crate::dialect::s3::encoded;
use crate::wire::Whole;
use crate::{Call, Error};
use bucket::Bucket;

/// A list of what there is below a name that nobody has used.
pub(super) fn list(asking: &Asking<'_>, _: &str) -> Call {
    let prefix = encoded(&format!("assay-{:x}/", asking.nonce), false);
    let bucket = &asking.endpoint.model;
    let route = format!("/{bucket}?list-type=2&max-keys=1&prefix={prefix}");
    Call::of(Method::GET, route)
}

/// Keeps words for a moment; their ETag.
pub(super) async fn kept(asking: &Asking<'_>, words: &str) -> Result<(Whole, String), Error> {
    let bucket = Bucket::new(asking, "kept");
    let put = bucket.put("words.txt", words.as_bytes().to_vec()).await;
    bucket.clean().await;
    let put = put?;
    let etag = bucket::header(&put, "etag");
    Ok((put, etag))
}
