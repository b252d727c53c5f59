use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use assay_model::Observation;
use tokio::task::JoinSet;

use super::{FIXED, Keys, Setup, Trial};
use crate::calling::Priority::Normal;
use crate::calling::Rotation;
use crate::check::Seen;
use crate::dialect::Dialect;
use crate::server::{Heard, Refusal, Step};

const COOLDOWN: Duration = Duration::from_millis(700);
const NAMES: [&str; 3] = ["sk-assay-key-a", "sk-assay-key-b", "sk-assay-key-c"];

fn setup(weights: [u32; 3], rotation: Rotation) -> Setup {
    let keys = NAMES.iter().zip(weights);
    let keys = keys.map(|(key, weight)| ((*key).to_owned(), weight));
    Setup {
        keys: Some(Keys {
            keys: keys.collect(),
            rotation,
            cooldown: COOLDOWN,
        }),
        ..Setup::default()
    }
}

/// The letters of the keys of requests, in order.
fn letters(heard: &[Heard]) -> String {
    let letter = |heard: &Heard| {
        let key = heard.keys.first()?;
        key.strip_prefix("sk-assay-key-")?.chars().next()
    };
    heard
        .iter()
        .map(|heard| letter(heard).unwrap_or('?'))
        .collect()
}

pub(super) fn has_keys(dialect: &Dialect) -> bool {
    dialect.chat.is_some() && dialect.endpoints.key.is_some()
}

pub(super) async fn rotation(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    // nginx's smooth weighted round-robin for 3, 2, 1.
    let orders = [
        (Rotation::RoundRobin, [1, 1, 1], "abcabc"),
        (Rotation::LeastUsed, [1, 1, 1], "abcabc"),
        (Rotation::Weighted, [3, 2, 1], "abacba"),
    ];
    for (rotation, weights, expected) in orders {
        let stage = trial
            .stage(&setup(weights, rotation), |_, _| Step::Answer)
            .await?;
        let Some(client) = &stage.calls else {
            return Ok(seen.unsupported(FIXED));
        };
        for number in 0..6 {
            let _ = client.call(0, format!("Say {number}."), Normal).await;
        }
        let order = letters(&stage.script.heard());
        seen.that("orders of keys", order == expected, || {
            format!("{rotation:?}: {order}, not {expected}")
        });
    }
    Ok(seen.done())
}

/// Key `a` is limited at its first request.
pub(super) async fn rest(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    let first = std::sync::atomic::AtomicBool::new(true);
    let stage = trial
        .stage(&setup([1; 3], Rotation::RoundRobin), move |_, heard| {
            let is_a = heard.keys.first().is_some_and(|key| key == NAMES[0]);
            if is_a && first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                Step::Refuse(Refusal::of(429).with("retry-after", "1"))
            } else {
                Step::Answer
            }
        })
        .await?;
    let Some(client) = &stage.calls else {
        return Ok(seen.unsupported(FIXED));
    };
    for number in 0..5 {
        let answer = client.call(0, format!("Say {number}."), Normal).await;
        seen.that("calls that are answered", answer.is_ok(), || {
            format!("{number}: {answer:?}")
        });
    }
    let heard = stage.script.heard();
    let order = letters(&heard);
    if trial.dialect.endpoints.is_limited_as_one {
        let wait = super::waits(&heard[..heard.len().min(2)]);
        let waited = wait.first().copied().unwrap_or_default();
        let is_right = waited >= Duration::from_millis(980);
        seen.that("organisations that rest", is_right, || {
            format!("{order}: the next key was taken after {waited:?}")
        });
    } else {
        seen.that("keys that rest", order == "abcbcb", || order.clone());
        tokio::time::sleep(Duration::from_millis(1050)).await;
        for number in 5..8 {
            let _ = client.call(0, format!("Say {number}."), Normal).await;
        }
        let order = letters(&stage.script.heard()[6..]);
        seen.that("keys that come back", order.contains('a'), || order.clone());
    }
    Ok(seen.done())
}

pub(super) async fn refused(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    let refusal = Refusal::of_a_key(trial.dialect);
    let stage = trial
        .stage(
            &setup([1; 3], Rotation::RoundRobin),
            move |_, heard| match heard.keys.first() {
                Some(key) if key == NAMES[0] => Step::Refuse(refusal.clone()),
                _ => Step::Answer,
            },
        )
        .await?;
    let Some(client) = &stage.calls else {
        return Ok(seen.unsupported(FIXED));
    };
    for number in 0..5 {
        let answer = client.call(0, format!("Say {number}."), Normal).await;
        seen.that("calls that have another key", answer.is_ok(), || {
            format!("{number}: {answer:?}")
        });
    }
    let order = letters(&stage.script.heard());
    seen.that("keys that are sent no more", order == "abcbcb", || {
        order.clone()
    });
    Ok(seen.done())
}

/// Many calls at once. A right server answers each question with words of its own.
pub(super) async fn unmixed(trial: &Trial<'_>) -> io::Result<Observation> {
    const CALLS: usize = 90;
    let mut seen = Seen::default();
    let stage = trial
        .stage(&setup([1; 3], Rotation::RoundRobin), |_, _| Step::Answer)
        .await?;
    let Some(client) = &stage.calls else {
        return Ok(seen.unsupported(FIXED));
    };
    let questions: Vec<String> = (0..CALLS)
        .map(|number| trial.question(&format!("Say {}.", number % (CALLS / 2))))
        .collect();
    let mut running = JoinSet::new();
    for question in questions {
        let client = Arc::clone(client);
        running.spawn(async move {
            let answer = client.call(0, question.clone(), Normal).await;
            (question, answer)
        });
    }
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (question, answer) in running.join_all().await {
        seen.that("calls that are answered", answer.is_ok(), || {
            format!("{question}: {answer:?}")
        });
        answers.entry(question).or_default().extend(answer.ok());
    }
    // The same question twice has the same answer twice.
    for (question, both) in &answers {
        let is_own = both.windows(2).all(|pair| pair[0] == pair[1]);
        seen.that("calls that have their own answer", is_own, || {
            question.clone()
        });
    }
    let heard = stage.script.heard();
    for its in &heard {
        let is_one = matches!(its.keys.as_slice(), [key] if NAMES.contains(&key.as_str()));
        seen.that("requests with one key", is_one, || its.question.clone());
    }
    let order = letters(&heard);
    for letter in ['a', 'b', 'c'] {
        let count = order.matches(letter).count();
        seen.that("keys that are used alike", count == CALLS / 3, || {
            format!("{letter}: {count} of {CALLS}")
        });
    }
    Ok(seen.done())
}
