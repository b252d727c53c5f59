use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use assay_model::Observation;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{FIXED, Setup, Stage, Trial};
use crate::calling::Priority;
use crate::check::Seen;
use crate::server::{Heard, Refusal, Step};

/// From one call to the next, where their order is looked at: so long that no thread's lateness turns them.
const APART: Duration = Duration::from_millis(30);

fn places(places: usize, waiting: usize) -> Setup {
    Setup {
        places: Some((places, waiting)),
        ..Setup::unbroken()
    }
}

/// Makes calls one shortly after the other; what came of each.
async fn all(
    stage: &Stage,
    questions: Vec<(String, Priority)>,
    apart: Duration,
) -> Option<Vec<Result<String, String>>> {
    let calls = stage.calls.as_ref()?;
    let mut running = JoinSet::new();
    for (number, (question, priority)) in questions.into_iter().enumerate() {
        let calls = Arc::clone(calls);
        running.spawn(async move { (number, calls.call(0, question, priority).await) });
        sleep(apart).await;
    }
    let mut answers = running.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    Some(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// The most requests that were under way at a time.
pub(super) fn most_at_once(heard: &[Heard]) -> usize {
    let mut edges: Vec<_> = heard
        .iter()
        .flat_map(|heard| {
            let end = heard.until.map(|until| (until, -1_i64));
            [Some((heard.at, 1)), end].into_iter().flatten()
        })
        .collect();
    edges.sort();
    let mut now = 0;
    let most = edges
        .iter()
        .map(|(_, step)| {
            now += step;
            now
        })
        .max();
    usize::try_from(most.unwrap_or(0)).unwrap_or(0)
}

pub(super) async fn limit(trial: &Trial<'_>) -> io::Result<Observation> {
    const PLACES: usize = 4;
    const CALLS: usize = 60;
    let mut seen = Seen::default();
    let stage = trial
        .stage(&places(PLACES, CALLS), |_, _| Step::Answer)
        .await?;
    let questions = (0..CALLS)
        .map(|number| (trial.question(&format!("Say {number}.")), Priority::Normal))
        .collect();
    let Some(answers) = all(&stage, questions, Duration::ZERO).await else {
        return Ok(seen.unsupported(FIXED));
    };
    let heard = stage.script.heard();
    let most = most_at_once(&heard);
    seen.measure("requests_at_a_time", most as f64);
    seen.that("limits that are kept", most <= PLACES, || {
        format!("{most} requests at a time, not {PLACES}")
    });
    // A limit that nothing comes near to is kept by any client.
    seen.that("places that are used", most == PLACES, || {
        format!("{most} of {PLACES}")
    });
    for (number, answer) in answers.iter().enumerate() {
        seen.that("calls that are answered", answer.is_ok(), || {
            format!("{number}: {answer:?}")
        });
    }
    Ok(seen.done())
}

pub(super) async fn order(trial: &Trial<'_>) -> io::Result<Observation> {
    use Priority::{High, Low, Normal};
    let mut seen = Seen::default();
    let stage = trial
        .stage(&places(1, 20), |before, heard| {
            // The first one is asked again after half a second: the others wait for it meanwhile.
            if before == 0 && heard.question.starts_with("first") {
                Step::Refuse(Refusal::of(500))
            } else {
                Step::Answer
            }
        })
        .await?;
    let asked = [
        ("first", Normal),
        ("a", Normal),
        ("low a", Low),
        ("b", Normal),
        ("high a", High),
        ("low b", Low),
        ("c", Normal),
        ("high b", High),
    ];
    let questions = asked
        .map(|(words, priority)| (trial.question(words), priority))
        .into();
    if all(&stage, questions, APART).await.is_none() {
        return Ok(seen.unsupported(FIXED));
    }
    let expected = [
        "first", "first", "high a", "high b", "a", "b", "c", "low a", "low b",
    ]
    .map(|words| trial.question(words));
    let heard: Vec<String> = stage
        .script
        .heard()
        .into_iter()
        .map(|heard| heard.question)
        .collect();
    seen.that("orders that are kept", heard == expected, || {
        heard.join(", ")
    });
    Ok(seen.done())
}

pub(super) async fn full(trial: &Trial<'_>) -> io::Result<Observation> {
    const CALLS: usize = 12;
    const PLACES: usize = 1;
    const WAITING: usize = 3;
    let mut seen = Seen::default();
    let stage = trial
        .stage(&places(PLACES, WAITING), |before, heard| {
            if before == 0 && heard.question.starts_with("Say 0.") {
                Step::Refuse(Refusal::of(500))
            } else {
                Step::Answer
            }
        })
        .await?;
    let questions: Vec<_> = (0..CALLS)
        .map(|number| (trial.question(&format!("Say {number}.")), Priority::Normal))
        .collect();
    let Some(answers) = all(&stage, questions.clone(), Duration::from_millis(5)).await else {
        return Ok(seen.unsupported(FIXED));
    };
    for (number, (answer, (question, _))) in answers.iter().zip(&questions).enumerate() {
        let is_sent = !stage.heard_of(question).is_empty();
        let has_room = number < PLACES + WAITING;
        seen.that(
            "calls that wait, or are refused",
            answer.is_ok() == has_room,
            || format!("{number}: {answer:?}"),
        );
        seen.that(
            "calls that are sent only if they have a place",
            is_sent == has_room,
            || format!("{number}"),
        );
    }
    Ok(seen.done())
}

/// A third of all requests fails in one way or another. Each call has to have one answer, and its own.
pub(super) async fn once(trial: &Trial<'_>) -> io::Result<Observation> {
    const CALLS: usize = 60;
    let mut seen = Seen::default();
    let stage = trial
        .stage(&places(8, CALLS), |before, heard| {
            let number: usize = heard
                .question
                .split(['.', ' '])
                .find_map(|word| word.parse().ok())
                .unwrap_or(0);
            match (before, number % 6) {
                (0, 0) => Step::Close,
                (0, 1) => Step::Refuse(Refusal::of(503)),
                (1, 0) => Step::Refuse(Refusal::of(500)),
                _ => Step::Answer,
            }
        })
        .await?;
    let questions: Vec<_> = (0..CALLS)
        .map(|number| (trial.question(&format!("Say {number}.")), Priority::Normal))
        .collect();
    let Some(answers) = all(&stage, questions.clone(), Duration::ZERO).await else {
        return Ok(seen.unsupported(FIXED));
    };
    let mut answered: BTreeMap<String, usize> = BTreeMap::new();
    for heard in stage.script.heard() {
        *answered.entry(heard.question).or_default() += usize::from(heard.status == 200);
    }
    for ((question, _), answer) in questions.iter().zip(&answers) {
        seen.that("calls that are answered", answer.is_ok(), || {
            format!("{question}: {answer:?}")
        });
        let count = answered.get(question).copied().unwrap_or(0);
        seen.that("calls that are answered once", count == 1, || {
            format!("{question}: {count} times")
        });
    }
    Ok(seen.done())
}
