use assay_model::Observation;
use http::Method;

use super::bucket::{Bucket, etag, header, with};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;

/// A part of an object, one behind its end, and conditions by its ETag.
pub(in crate::check) async fn conditions(asking: &Asking<'_>) -> Result<Observation, Error> {
    let bucket = Bucket::new(asking, "conditions");
    let seen = asked(&bucket).await;
    bucket.clean().await;
    seen
}

async fn asked(bucket: &Bucket<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let body = b"0123456789";
    bucket.put("digits", body.to_vec()).await?;
    let own = etag(body);
    let get = |name: &'static str, value: &str| {
        with(bucket.object(Method::GET, "digits", ""), name, value)
    };
    let part = bucket.make(&get("range", "bytes=2-5")).await?;
    let is_part = part.status == 206 && part.body == b"2345";
    seen.that(
        "parts of an object that are given with 206",
        is_part,
        || format!("{}: {}", part.status, String::from_utf8_lossy(&part.body)),
    );
    let place = header(&part, "content-range");
    seen.that(
        "parts that say where they stand",
        place == "bytes 2-5/10",
        || place.clone(),
    );
    for (name, value, status) in [
        ("range", "bytes=20-25", 416),
        ("if-none-match", own.as_str(), 304),
        ("if-match", "\"0\"", 412),
        ("if-match", own.as_str(), 200),
    ] {
        let whole = bucket.make(&get(name, value)).await?;
        seen.that("conditions that are told", whole.status == status, || {
            format!("{name}: {value}: {}, not {status}", whole.status)
        });
    }
    Ok(seen.done())
}
