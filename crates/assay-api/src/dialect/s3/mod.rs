//! Amazon's S3 (`docs.aws.amazon.com/AmazonS3/latest/API`), which most stores of objects speak. The bucket is what elsewhere is the model; it
//! stands in the path, since a store on a machine of one's own has no names of hosts for it.

mod capabilities;
mod endpoints;
mod errors;
mod limits;
mod sign;

pub(crate) use sign::{encoded, sign};

use super::Dialect;
use crate::server::voice;
use crate::xml;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "s3",
    specification: "Amazon S3 API reference",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    chat: None,
    infer: None,
    embeddings: None,
    rerank: None,
    error: errors::read,
    parse: xml::read,
    sign: Some(sign),
    limits: limits::read,
    voice: &voice::s3::VOICE,
};
