use assay_model::Observation;

use super::{call, first, not_there};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::{Capability, Embedding};
use crate::error::Kind;

/// How far from 1 the length of a vector may be that is normed: its numbers are told with some digits each.
const NORM: f64 = 1e-3;

/// How far the vector of a text may be from that of the same text in a batch, as a share of its length: half precision has three digits, and
/// layers add to it.
const BATCH: f64 = 0.02;

/// Four texts, of which one comes twice: together, and two of them alone.
pub(in crate::check) async fn embeddings(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let Some(embedding) = asking.endpoint.dialect.embeddings else {
        return Ok(not_there("embeddings"));
    };
    let nonce = format!("({:x})", asking.nonce);
    let texts = [
        format!("The jeweller weighs a ring of gold. {nonce}"),
        format!("A ring of gold is weighed by the jeweller. {nonce}"),
        format!("def area(radius): return 3.14159 * radius ** 2 {nonce}"),
        format!("The jeweller weighs a ring of gold. {nonce}"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let body = (embedding.request)(&texts[..1], &asking.endpoint.model);
    if let Err(absent) = first(asking, &call(asking, Capability::Embeddings, &body)?).await? {
        return Ok(absent);
    }
    let batch = vectors(asking, &embedding, &texts).await?;
    let counted = batch.len() == texts.len();
    seen.that("batches with a vector a text", counted, || {
        format!("{} of {}", batch.len(), texts.len())
    });
    let mut alone = Vec::new();
    for place in [0, 2] {
        let mut one = vectors(asking, &embedding, &texts[place..=place]).await?;
        seen.that("texts with one vector", one.len() == 1, || {
            one.len().to_string()
        });
        alone.extend(one.pop().map(|vector| (place, vector)));
    }
    let all: Vec<&Vec<f64>> = batch.iter().chain(alone.iter().map(|its| &its.1)).collect();
    let numbers = all.first().map_or(0, |vector| vector.len());
    for vector in &all {
        let is_one = vector.len() == numbers && numbers > 0;
        seen.that("vectors of as many numbers", is_one, || {
            format!("{}, not {numbers}", vector.len())
        });
        let length = length(vector);
        let is_right = length.is_finite() && length > 0.0;
        seen.that("vectors with a length", is_right, || length.to_string());
        if embedding.is_normed {
            seen.that("vectors of length 1", (length - 1.0).abs() <= NORM, || {
                length.to_string()
            });
        }
    }
    seen.measure("numbers", numbers as f64);
    if !counted || all.iter().any(|vector| vector.len() != numbers) {
        return Ok(seen.done());
    }
    compared(&mut seen, &batch, &alone);
    Ok(seen.done())
}

/// What vectors have to do with each other.
fn compared(seen: &mut Seen, batch: &[Vec<f64>], alone: &[(usize, Vec<f64>)]) {
    for (place, vector) in alone {
        let share = distance(vector, &batch[*place]) / length(vector);
        seen.that(
            "vectors that are the same in a batch",
            share <= BATCH,
            || format!("text {place} is off by {share:.3} of its length"),
        );
    }
    let (same, kin, other) = (
        distance(&batch[0], &batch[3]),
        distance(&batch[0], &batch[1]),
        distance(&batch[0], &batch[2]),
    );
    seen.that("vectors that depend on the text", other > 0.0, || {
        "two texts have the same vector".into()
    });
    seen.that(
        "texts that are nearest to themselves",
        same <= kin.min(other),
        || format!("{same:.3} from itself, {kin:.3} and {other:.3} from others"),
    );
    // A model that was never trained has no sense: this is no verdict.
    seen.measure(
        "nearness_of_the_same_sense",
        1.0 - kin / other.max(f64::MIN_POSITIVE),
    );
}

async fn vectors(
    asking: &Asking<'_>,
    embedding: &Embedding,
    texts: &[&str],
) -> Result<Vec<Vec<f64>>, Error> {
    let body = (embedding.request)(texts, &asking.endpoint.model);
    let call = call(asking, Capability::Embeddings, &body)?;
    let (_, body) = asking.endpoint.answer(&call).await?;
    (embedding.response)(&body).ok_or_else(|| {
        Error::new(
            Kind::Shape,
            "the answer has no vectors, numbered in their order",
        )
    })
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|its| its * its).sum::<f64>().sqrt()
}

fn distance(one: &[f64], other: &[f64]) -> f64 {
    let pairs = one.iter().zip(other);
    pairs
        .map(|(one, other)| (one - other).powi(2))
        .sum::<f64>()
        .sqrt()
}
