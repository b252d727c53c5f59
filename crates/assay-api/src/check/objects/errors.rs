use assay_model::Observation;
use http::Method;

use super::bucket::{Bucket, header, with};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::xml;

/// The MD5 of nothing, in base64.
const MD5_OF_NOTHING: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

/// Calls that have to be refused.
pub(in crate::check) async fn errors(asking: &Asking<'_>) -> Result<Observation, Error> {
    let bucket = Bucket::new(asking, "errors");
    let seen = refused(asking, &bucket).await;
    bucket.clean().await;
    seen
}

async fn refused(asking: &Asking<'_>, bucket: &Bucket<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let other = asking.endpoint.with_model("assay-no-such-bucket");
    let other = Asking {
        endpoint: &other,
        ..*asking
    };
    bucket.writes("changed");
    let put = bucket.object(Method::PUT, "changed", "");
    let changed = with(
        put.with("Gold.", "text/plain"),
        "content-md5",
        MD5_OF_NOTHING,
    );
    let calls = [
        (bucket.object(Method::GET, "none", ""), 404, "NoSuchKey"),
        (super::list(&other, ""), 404, "NoSuchBucket"),
        (changed, 400, "BadDigest"),
    ];
    for (call, status, code) in calls {
        let whole = bucket.make(&call).await?;
        seen.that(
            "refusals with the status for it",
            whole.status == status,
            || format!("{code}: {}, not {status}", whole.status),
        );
        let body = xml::read(&whole.body).unwrap_or_default();
        let own = &body["Error"];
        seen.that("refusals with the code for it", own["Code"] == code, || {
            format!("{}, not {code}", own["Code"])
        });
        let is_told = own["Message"]
            .as_str()
            .is_some_and(|words| !words.is_empty());
        seen.that("refusals with words", is_told, || code.to_owned());
        let kind = header(&whole, "content-type");
        seen.that(
            "refusals that are called XML",
            kind.starts_with("application/xml"),
            || format!("{code}: {kind}"),
        );
    }
    Ok(seen.done())
}
