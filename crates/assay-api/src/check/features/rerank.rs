use assay_model::Observation;

use super::{call, first, not_there};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::{Capability, Ranks, Reranking};
use crate::error::Kind;

const QUERY: &str = "How is gold assayed?";

const DOCUMENTS: [&str; 5] = [
    "The recipe wants two eggs and a spoon of flour.",
    "Gold is assayed by fire: lead takes what is base, and what is left is weighed.",
    QUERY,
    "A train leaves at nine.",
    "Silver is parted from gold in nitric acid.",
];

/// How many of the documents are asked for alone.
const FIRST: usize = 2;

/// Five documents, one of which is the query itself; then the first two of them.
pub(in crate::check) async fn rerank(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let Some(reranking) = asking.endpoint.dialect.rerank else {
        return Ok(not_there("rerank"));
    };
    let body = (reranking.request)(QUERY, &DOCUMENTS, None, &asking.endpoint.model);
    if let Err(absent) = first(asking, &call(asking, Capability::Rerank, &body)?).await? {
        return Ok(absent);
    }
    let all = ranks(asking, &reranking, None).await?;
    let mut places: Vec<usize> = all.iter().map(|rank| rank.0).collect();
    places.sort_unstable();
    let is_each = places.iter().copied().eq(0..DOCUMENTS.len());
    seen.that("answers with every document once", is_each, || {
        format!("{places:?}")
    });
    for pair in all.windows(2) {
        seen.that("scores that fall", pair[0].1 >= pair[1].1, || {
            format!("{} after {}", pair[1].1, pair[0].1)
        });
    }
    if reranking.has_first {
        let few = ranks(asking, &reranking, Some(FIRST)).await?;
        let places = |ranks: &[(usize, f64)]| ranks.iter().map(|rank| rank.0).collect::<Vec<_>>();
        let (own, expected) = (places(&few), places(&all[..FIRST.min(all.len())]));
        seen.that(
            "first few that are the first of all",
            own == expected,
            || format!("{own:?}, not {expected:?}"),
        );
    }
    // A model that was never trained has no sense: this is no verdict.
    let place = all
        .iter()
        .position(|rank| DOCUMENTS.get(rank.0) == Some(&QUERY));
    if let Some(place) = place {
        seen.measure("place_of_the_query_itself", place as f64);
    }
    Ok(seen.done())
}

async fn ranks(
    asking: &Asking<'_>,
    reranking: &Reranking,
    first: Option<usize>,
) -> Result<Ranks, Error> {
    let body = (reranking.request)(QUERY, &DOCUMENTS, first, &asking.endpoint.model);
    let (_, body) = asking
        .endpoint
        .answer(&call(asking, Capability::Rerank, &body)?)
        .await?;
    (reranking.response)(&body)
        .ok_or_else(|| Error::new(Kind::Shape, "the answer has no ranks, each with a score"))
}
