use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use assay_model::Observation;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Calls, FIXED, Setup, Trial};
use crate::calling::{BreakerSettings, Priority::Normal};
use crate::check::Seen;
use crate::server::{Refusal, Step};

const FAILURES: u32 = 4;
const OPEN: Duration = Duration::from_millis(600);

fn setup() -> Setup {
    Setup {
        breaker: Some(BreakerSettings {
            failures: FAILURES,
            open: OPEN,
        }),
        retries: Some(0),
        ..Setup::default()
    }
}

/// So many calls one after the other; how many were answered.
async fn calls(client: &Arc<dyn Calls>, server: usize, count: u32) -> usize {
    let mut answered = 0;
    for number in 0..count {
        let answer = client.call(server, format!("Say {number}."), Normal).await;
        answered += usize::from(answer.is_ok());
    }
    answered
}

/// So many calls at once; how many were answered.
async fn at_once(client: &Arc<dyn Calls>, count: u32) -> usize {
    let mut running = JoinSet::new();
    for number in 0..count {
        let client = Arc::clone(client);
        running.spawn(async move { client.call(0, format!("At once {number}."), Normal).await });
    }
    let answers = running.join_all().await;
    answers.iter().filter(|answer| answer.is_ok()).count()
}

pub(super) async fn opens(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    // A refused request is no failure of the server's: it stays closed.
    let (stage, other) = trial
        .stages(2, &setup(), |_, heard| {
            let status = if heard.question.starts_with("Refuse") {
                422
            } else {
                500
            };
            Step::Refuse(Refusal::of(status))
        })
        .await?;
    let Some(client) = &stage.calls else {
        return Ok(seen.unsupported(FIXED));
    };
    for number in 0..2 * FAILURES {
        let _ = client.call(0, format!("Refuse {number}."), Normal).await;
    }
    let heard = stage.script.heard().len();
    seen.that(
        "refused requests that open nothing",
        heard == 2 * FAILURES as usize,
        || format!("{heard} of {} were sent", 2 * FAILURES),
    );
    calls(client, 0, 5 * FAILURES).await;
    let failed = stage.script.heard().len() - heard;
    seen.that(
        "servers that are asked no more",
        failed == FAILURES as usize,
        || format!("{failed} requests failed, not {FAILURES}"),
    );
    let answered = calls(client, 1, 3).await;
    seen.that(
        "other servers that are asked",
        answered == 3 && other.heard().len() == 3,
        || format!("{answered} of 3 were answered"),
    );
    Ok(seen.done())
}

pub(super) async fn half_open(trial: &Trial<'_>) -> io::Result<Observation> {
    const CROWD: u32 = 10;
    let mut seen = Seen::default();
    let is_back = Arc::new(AtomicBool::new(false));
    let of_script = Arc::clone(&is_back);
    let stage = trial
        .stage(&setup(), move |_, _| {
            if of_script.load(Ordering::SeqCst) {
                Step::Answer
            } else {
                Step::Refuse(Refusal::of(503))
            }
        })
        .await?;
    let Some(client) = &stage.calls else {
        return Ok(seen.unsupported(FIXED));
    };
    let heard = || stage.script.heard().len();
    calls(client, 0, FAILURES).await;
    let before = heard();
    at_once(client, CROWD).await;
    seen.that(
        "open circuits that let nobody in",
        heard() == before,
        || format!("{} requests", heard() - before),
    );
    for (back, expected) in [(false, 1), (true, 1)] {
        is_back.store(back, Ordering::SeqCst);
        sleep(OPEN + Duration::from_millis(50)).await;
        let before = heard();
        let answered = at_once(client, CROWD).await;
        let sent = heard() - before;
        let is_right = sent == expected && answered == usize::from(back);
        seen.that("half-open circuits that let one in", is_right, || {
            format!("{sent} requests, {answered} answered, the server being back: {back}")
        });
    }
    let answered = at_once(client, CROWD).await;
    seen.that(
        "circuits that are closed by a success",
        answered == CROWD as usize,
        || format!("{answered} of {CROWD} were answered"),
    );
    // What failed before is forgotten: one failure less than it takes opens nothing.
    is_back.store(false, Ordering::SeqCst);
    calls(client, 0, FAILURES - 1).await;
    is_back.store(true, Ordering::SeqCst);
    let answered = calls(client, 0, 1).await;
    seen.that("counts that begin anew", answered == 1, || {
        format!("open after {} failures", FAILURES - 1)
    });
    Ok(seen.done())
}
