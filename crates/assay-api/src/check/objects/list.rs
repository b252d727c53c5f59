use assay_model::Observation;

use super::bucket::Bucket;
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::s3::encoded;
use crate::error::Kind;
use crate::xml;

/// Names, in the order of their bytes.
const NAMES: [&str; 5] = ["a.txt", "b/1.txt", "b/2.txt", "c&d.txt", "é.txt"];

/// Names a page.
const PAGE: usize = 2;

/// Five names: all of them, page by page, and by folder.
pub(in crate::check) async fn listed(asking: &Asking<'_>) -> Result<Observation, Error> {
    let bucket = Bucket::new(asking, "list");
    let seen = lists(&bucket).await;
    bucket.clean().await;
    seen
}

async fn lists(bucket: &Bucket<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    for name in NAMES {
        bucket.put(name, name.into()).await?;
    }
    let prefix = encoded(&bucket.prefix, false);
    let expected: Vec<String> = NAMES.map(|name| format!("{}{name}", bucket.prefix)).into();
    let all = page(bucket, &format!("list-type=2&prefix={prefix}")).await?;
    seen.that(
        "lists of every name, in order",
        all.names == expected,
        || all.names.join(", "),
    );
    let mut names = Vec::new();
    let mut next = String::new();
    // A list that never ends is no reason to ask for ever.
    for _ in 0..=NAMES.len() {
        let query = format!("list-type=2&prefix={prefix}&max-keys={PAGE}{next}");
        let part = page(bucket, &query).await?;
        let is_short = part.names.len() <= PAGE;
        seen.that("pages of as many names as are asked for", is_short, || {
            part.names.len().to_string()
        });
        names.extend(part.names);
        match part.next {
            Some(token) => next = format!("&continuation-token={}", encoded(&token, false)),
            None => break,
        }
    }
    seen.that(
        "pages with every name once, in order",
        names == expected,
        || names.join(", "),
    );
    let query = format!("list-type=2&prefix={prefix}&delimiter=%2F");
    let folders = page(bucket, &query).await?.folders;
    let own = format!("{}b/", bucket.prefix);
    seen.that(
        "folders that are listed by themselves",
        folders == [own],
        || folders.join(", "),
    );
    Ok(seen.done())
}

struct Page {
    names: Vec<String>,
    folders: Vec<String>,
    next: Option<String>,
}

async fn page(bucket: &Bucket<'_>, query: &str) -> Result<Page, Error> {
    let whole = bucket.done(&bucket.call(query)).await?;
    let body = xml::read(&whole.body);
    let body = body.ok_or_else(|| Error::new(Kind::Shape, "the list is no XML"))?;
    let list = &body["ListBucketResult"];
    let texts = |rows: &str, name: &str| {
        let rows = xml::rows(list, rows).into_iter();
        rows.filter_map(|row| row[name].as_str().map(str::to_owned))
            .collect()
    };
    let is_cut = list["IsTruncated"] == "true";
    let next = list["NextContinuationToken"].as_str().filter(|_| is_cut);
    Ok(Page {
        names: texts("Contents", "Key"),
        folders: texts("CommonPrefixes", "Prefix"),
        next: next.map(str::to_owned),
    })
}
