use assay_model::Observation;
use http::Method;

use super::bucket::{Bucket, etag, header};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;

/// Nothing, a name that has to be encoded, and bytes of every value.
pub(in crate::check) async fn keep(asking: &Asking<'_>) -> Result<Observation, Error> {
    let bucket = Bucket::new(asking, "keep");
    let seen = kept(&bucket).await;
    bucket.clean().await;
    seen
}

async fn kept(bucket: &Bucket<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let bytes: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    for (name, body) in [
        ("nothing", Vec::new()),
        ("a b+ü&=(1)~.txt", "Gold.".as_bytes().to_vec()),
        ("bytes.bin", bytes),
    ] {
        let put = bucket.put(name, body.clone()).await?;
        let own = etag(&body);
        seen.that(
            "objects with the MD5 of what was put",
            header(&put, "etag") == own,
            || format!("{name}: {}, not {own}", header(&put, "etag")),
        );
        let got = bucket.done(&bucket.object(Method::GET, name, "")).await?;
        seen.that("objects that come back whole", got.body == body, || {
            format!("{name}: {} bytes of {}", got.body.len(), body.len())
        });
        let kind = header(&got, "content-type");
        seen.that(
            "objects that have the type they were put with",
            kind == "text/plain",
            || format!("{name}: {kind}"),
        );
        let head = bucket.done(&bucket.object(Method::HEAD, name, "")).await?;
        let length = header(&head, "content-length");
        let is_same = length == body.len().to_string() && header(&head, "etag") == own;
        seen.that("heads that say what there is", is_same, || {
            format!("{name}: {length} bytes, {}", header(&head, "etag"))
        });
        bucket
            .done(&bucket.object(Method::DELETE, name, ""))
            .await?;
        let gone = bucket.make(&bucket.object(Method::GET, name, "")).await?;
        seen.that(
            "objects that are gone once deleted",
            gone.status == 404,
            || format!("{name}: {}", gone.status),
        );
    }
    Ok(seen.done())
}
