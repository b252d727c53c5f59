use assay_model::Observation;
use http::Method;

use super::bucket::{Bucket, etag, etag_of_parts, header};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::s3::encoded;
use crate::error::Kind;
use crate::wire::Whole;
use crate::xml;

/// Bytes of a part that is not the last, at least.
const LEAST: usize = 5 << 20;

/// An upload of two parts; one whose first part is too small; one that is aborted.
pub(in crate::check) async fn parts(asking: &Asking<'_>) -> Result<Observation, Error> {
    let bucket = Bucket::new(asking, "parts");
    let seen = in_parts(&bucket).await;
    bucket.clean().await;
    seen
}

async fn in_parts(bucket: &Bucket<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let (first, last) = (vec![b'a'; LEAST], b"The end.".to_vec());
    let id = begun(bucket, "whole").await?;
    // The second one first: their numbers are their order.
    for (number, body) in [(2, &last), (1, &first)] {
        let part = sent(bucket, "whole", &id, number, body.clone()).await?;
        let own = etag(body);
        seen.that(
            "parts with the MD5 of them",
            header(&part, "etag") == own,
            || format!("{}, not {own}", header(&part, "etag")),
        );
    }
    let whole = completed(bucket, "whole", &id, &[&first, &last]).await?;
    seen.that("uploads that are completed", is_completed(&whole), || {
        format!("{}: {}", whole.status, words(&whole))
    });
    let got = bucket
        .make(&bucket.object(Method::GET, "whole", ""))
        .await?;
    let is_sum = got.status == 200 && got.body == [first, last.clone()].concat();
    seen.that("objects that are the sum of their parts", is_sum, || {
        format!("{}, {} bytes", got.status, got.body.len())
    });
    let own = etag_of_parts(&[&vec![b'a'; LEAST], &last]);
    seen.that(
        "objects with the ETag of their parts",
        header(&got, "etag") == own,
        || format!("{}, not {own}", header(&got, "etag")),
    );
    small(bucket, &mut seen).await?;
    aborted(bucket, &mut seen).await?;
    Ok(seen.done())
}

/// A first part that is too small.
async fn small(bucket: &Bucket<'_>, seen: &mut Seen) -> Result<(), Error> {
    let id = begun(bucket, "small").await?;
    for number in [1, 2] {
        sent(bucket, "small", &id, number, b"few".to_vec()).await?;
    }
    let whole = completed(bucket, "small", &id, &[b"few", b"few"]).await?;
    let is_refused = whole.status == 400 && words(&whole).contains("EntityTooSmall");
    seen.that("parts that are too small and refused", is_refused, || {
        format!("{}: {}", whole.status, words(&whole))
    });
    Ok(())
}

/// An upload that is given up.
async fn aborted(bucket: &Bucket<'_>, seen: &mut Seen) -> Result<(), Error> {
    let id = begun(bucket, "aborted").await?;
    sent(bucket, "aborted", &id, 1, b"few".to_vec()).await?;
    let query = format!("uploadId={}", encoded(&id, false));
    let abort = bucket
        .make(&bucket.object(Method::DELETE, "aborted", &query))
        .await?;
    seen.that(
        "uploads that are aborted with 204",
        abort.status == 204,
        || abort.status.to_string(),
    );
    let whole = completed(bucket, "aborted", &id, &[b"few"]).await?;
    let is_gone = whole.status == 404 && words(&whole).contains("NoSuchUpload");
    seen.that("aborted uploads that can't be completed", is_gone, || {
        format!("{}: {}", whole.status, words(&whole))
    });
    let got = bucket
        .make(&bucket.object(Method::GET, "aborted", ""))
        .await?;
    seen.that(
        "aborted uploads that are nowhere",
        got.status == 404,
        || got.status.to_string(),
    );
    Ok(())
}

async fn begun(bucket: &Bucket<'_>, name: &str) -> Result<String, Error> {
    bucket.writes(name);
    let whole = bucket
        .done(&bucket.object(Method::POST, name, "uploads="))
        .await?;
    let body = xml::read(&whole.body).unwrap_or_default();
    let id = body["InitiateMultipartUploadResult"]["UploadId"].as_str();
    let id = id.ok_or_else(|| Error::new(Kind::Shape, "an upload without an id"))?;
    bucket.uploads(name, id);
    Ok(id.to_owned())
}

async fn sent(
    bucket: &Bucket<'_>,
    name: &str,
    id: &str,
    number: u32,
    body: Vec<u8>,
) -> Result<Whole, Error> {
    let query = format!("partNumber={number}&uploadId={}", encoded(id, false));
    let call = bucket.object(Method::PUT, name, &query);
    bucket.done(&call.saying(body)).await
}

async fn completed(
    bucket: &Bucket<'_>,
    name: &str,
    id: &str,
    parts: &[&[u8]],
) -> Result<Whole, Error> {
    let rows = parts.iter().enumerate().map(|(place, part)| {
        let (number, etag) = (place + 1, etag(part).replace('"', "&quot;"));
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    });
    let rows: String = rows.collect();
    let body = format!("<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>");
    let query = format!("uploadId={}", encoded(id, false));
    let call = bucket.object(Method::POST, name, &query);
    bucket.make(&call.with(body, "application/xml")).await
}

/// 200 may come before the work is done: an error is then in the body.
fn is_completed(whole: &Whole) -> bool {
    let body = xml::read(&whole.body).unwrap_or_default();
    whole.status == 200 && body.get("CompleteMultipartUploadResult").is_some()
}

fn words(whole: &Whole) -> String {
    String::from_utf8_lossy(&whole.body[..whole.body.len().min(200)]).into_owned()
}
