use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_model::Observation;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{FIXED, Setup, Trial, waits};
use crate::calling::Priority::Normal;
use crate::check::Seen;
use crate::dialect::Dialect;
use crate::server::{Heard, Refusal, Step};

/// What a clock, a thread that is late and a socket may take off a wait.
const EARLY: Duration = Duration::from_millis(20);

/// Who asks for less than a wait is obeyed by one not longer than this beyond it.
const LATE: Duration = Duration::from_millis(1500);

/// How long a call is waited for, none of which is asked to wait a tenth as long or means to wait that long.
const PATIENCE: Duration = Duration::from_secs(40);

/// One call, refused in one way, the first `times` times.
async fn refused(trial: &Trial<'_>, refusal: Refusal, times: usize) -> io::Result<Option<Once>> {
    let steps = move |before: usize, _: &Heard| {
        if before < times {
            Step::Refuse(refusal.clone())
        } else {
            Step::Answer
        }
    };
    let stage = trial.stage(&Setup::default(), steps).await?;
    let Some(calls) = &stage.calls else {
        return Ok(None);
    };
    let question = trial.question("Say something.");
    let call = calls.call(0, question.clone(), Normal);
    // Who is still waiting then is left to wait.
    let answer = tokio::time::timeout(PATIENCE, call).await;
    Ok(Some(Once {
        heard: stage.heard_of(&question),
        is_waiting: answer.is_err(),
        answered: matches!(answer, Ok(Ok(_))),
    }))
}

/// What one call came to.
struct Once {
    heard: Vec<Heard>,
    answered: bool,
    /// Neither answered nor given up.
    is_waiting: bool,
}

fn fixed() -> Observation {
    Seen::default().unsupported(FIXED)
}

/// Statuses that may be another one later, with what makes them so.
fn temporaries(trial: &Trial<'_>) -> Vec<Refusal> {
    let own: &[u16] = match trial.dialect.name {
        "claude" => &[529],
        "groq" => &[498],
        _ => &[],
    };
    let statuses = [408, 409, 500, 502, 503, 504].iter().chain(own);
    let mut all: Vec<Refusal> = statuses.map(|status| Refusal::of(*status)).collect();
    all.push(Refusal::of(429).with("retry-after", "0"));
    all
}

pub(super) async fn temporary(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    for refusal in temporaries(trial) {
        let status = refusal.status;
        let Some(call) = refused(trial, refusal, 1).await? else {
            return Ok(fixed());
        };
        let is_right = call.heard.len() == 2 && call.answered;
        seen.that("failures that pass, tried again", is_right, || {
            format!("{status}: {} requests", call.heard.len())
        });
    }
    let stage = trial
        .stage(&Setup::default(), |before, _| match before {
            0 => Step::Close,
            _ => Step::Answer,
        })
        .await?;
    if let Some(calls) = &stage.calls {
        let answered = calls.call(0, trial.question("Again."), Normal).await;
        seen.that(
            "failures that pass, tried again",
            answered.is_ok() && stage.script.heard().len() == 2,
            || {
                format!(
                    "a connection that is closed: {} requests",
                    stage.script.heard().len()
                )
            },
        );
    }
    Ok(seen.done())
}

pub(super) async fn permanent(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    for status in [400, 401, 402, 403, 404, 413, 422] {
        let Some(call) = refused(trial, Refusal::of(status), 1).await? else {
            return Ok(fixed());
        };
        seen.that("refusals that are taken", call.heard.len() == 1, || {
            format!("{status}: {} requests", call.heard.len())
        });
        seen.that("refusals that are told", !call.answered, || {
            format!("{status}: taken for an answer")
        });
    }
    Ok(seen.done())
}

/// The second wait is that of two doublings less their jitter: at least half as long again. A machine that is busy only adds to a wait: of
/// several the shortest counts.
pub(super) async fn backoff(trial: &Trial<'_>) -> io::Result<Observation> {
    const CALLS: usize = 3;
    const LEAST: Duration = Duration::from_millis(100);
    const GROWS: f64 = 1.25;
    let mut seen = Seen::default();
    let (mut first, mut second) = (Duration::MAX, Duration::MAX);
    for _ in 0..CALLS {
        let Some(call) = refused(trial, Refusal::of(500), 2).await? else {
            return Ok(fixed());
        };
        let waits = waits(&call.heard);
        let Some(waits) = waits.get(..2) else {
            let words = format!("{} requests: too few to tell", call.heard.len());
            return Ok(seen.unsupported(words));
        };
        (first, second) = (first.min(waits[0]), second.min(waits[1]));
    }
    seen.measure("first_wait_milliseconds", 1e3 * first.as_secs_f64());
    seen.measure("second_wait_milliseconds", 1e3 * second.as_secs_f64());
    seen.that("first waits that are some", first >= LEAST, || {
        format!("{first:?}")
    });
    seen.that(
        "waits that grow",
        second.as_secs_f64() >= GROWS * first.as_secs_f64(),
        || format!("{first:?}, then {second:?}"),
    );
    Ok(seen.done())
}

/// Of many calls, the middle half waits for times that no thread's lateness makes so different. They are made one after the other, so that
/// they do not keep each other waiting.
pub(super) async fn jitter(trial: &Trial<'_>) -> io::Result<Observation> {
    const CALLS: usize = 16;
    const LEAST_SHARE: f64 = 0.03;
    let mut seen = Seen::default();
    // Each fails once, which in the end would open a breaker.
    let stage = trial
        .stage(&Setup::unbroken(), |before, _| match before {
            0 => Step::Refuse(Refusal::of(500)),
            _ => Step::Answer,
        })
        .await?;
    let Some(calls) = &stage.calls else {
        return Ok(fixed());
    };
    let questions: Vec<String> = (0..CALLS)
        .map(|number| trial.question(&format!("Say {number}.")))
        .collect();
    for question in &questions {
        let _ = calls.call(0, question.clone(), Normal).await;
    }
    let mut first: Vec<f64> = questions
        .iter()
        .filter_map(|question| waits(&stage.heard_of(question)).first().copied())
        .map(|wait| wait.as_secs_f64())
        .collect();
    if first.len() < CALLS {
        return Ok(seen.unsupported(format!("{} of {CALLS} calls came back", first.len())));
    }
    first.sort_by(f64::total_cmp);
    let share = (first[CALLS * 3 / 4] - first[CALLS / 4]) / first[CALLS / 2];
    seen.measure("spread", share);
    seen.that(
        "calls that do not come back together",
        share >= LEAST_SHARE,
        || {
            format!(
                "the middle half of {CALLS} waits of {:.0} ms differs by {:.1} %",
                1e3 * first[CALLS / 2],
                1e2 * share
            )
        },
    );
    Ok(seen.done())
}

pub(super) async fn bounded(trial: &Trial<'_>) -> io::Result<Observation> {
    const MOST: usize = 10;
    let mut seen = Seen::default();
    let Some(call) = refused(trial, Refusal::of(500).with("retry-after", "0"), usize::MAX).await?
    else {
        return Ok(fixed());
    };
    seen.measure("requests", call.heard.len() as f64);
    seen.that(
        "calls that end",
        !call.answered && call.heard.len() <= MOST,
        || format!("{} requests", call.heard.len()),
    );
    Ok(seen.done())
}

pub(super) async fn seconds(trial: &Trial<'_>) -> io::Result<Observation> {
    let refusal = Refusal::of(429).with("retry-after", "2");
    obeyed(trial, refusal, Duration::from_secs(2)).await
}

pub(super) async fn milliseconds(trial: &Trial<'_>) -> io::Result<Observation> {
    let refusal = Refusal::of(429).with("retry-after-ms", "1300");
    obeyed(trial, refusal, Duration::from_millis(1300)).await
}

/// A date has whole seconds: the next request is looked at by when it came, not by how long it took.
pub(super) async fn date(trial: &Trial<'_>) -> io::Result<Observation> {
    const AHEAD: i64 = 3;
    let mut seen = Seen::default();
    let due: Arc<Mutex<Option<Instant>>> = Arc::default();
    let of_script = Arc::clone(&due);
    let steps = move |before: usize, _: &Heard| {
        if before > 0 {
            return Step::Answer;
        }
        // Told when it is asked: a client may take a while to begin.
        let (now, clock) = (jiff::Timestamp::now(), Instant::now());
        let second = jiff::Timestamp::from_second(now.as_second() + AHEAD).unwrap_or(now);
        let left = Duration::try_from(second - now).unwrap_or_default();
        *of_script.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock + left);
        let text = second.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        Step::Refuse(Refusal::of(429).with("retry-after", text))
    };
    let stage = trial.stage(&Setup::default(), steps).await?;
    let Some(calls) = &stage.calls else {
        return Ok(fixed());
    };
    let question = trial.question("Say something.");
    let _ = calls.call(0, question.clone(), Normal).await;
    let heard = stage.heard_of(&question);
    let due = *due.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(due), Some(second)) = (due, heard.get(1)) else {
        seen.that("calls that are tried again", false, || {
            format!("{} requests", heard.len())
        });
        return Ok(seen.done());
    };
    let is_obeyed = second.at + EARLY >= due && second.at <= due + LATE;
    seen.that("dates that are waited for", is_obeyed, || {
        if second.at < due {
            format!("{:?} too early", due - second.at)
        } else {
            format!("{:?} too late", second.at - due)
        }
    });
    Ok(seen.done())
}

pub(super) async fn body(trial: &Trial<'_>) -> io::Result<Observation> {
    let refusal = Refusal {
        body: Some(exhausted(&json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.3s",
        }))),
        ..Refusal::of(429)
    };
    obeyed(trial, refusal, Duration::from_millis(1300)).await
}

/// Gemini's error for too many requests, with one detail.
fn exhausted(detail: &Value) -> Value {
    json!({"error": {
        "code": 429, "message": "by the script", "status": "RESOURCE_EXHAUSTED", "details": [detail],
    }})
}

/// One call that is asked to wait, and how long it does.
async fn obeyed(trial: &Trial<'_>, refusal: Refusal, asked: Duration) -> io::Result<Observation> {
    let mut seen = Seen::default();
    let Some(call) = refused(trial, refusal, 1).await? else {
        return Ok(fixed());
    };
    let wait = waits(&call.heard).first().copied();
    seen.that("calls that are tried again", wait.is_some(), || {
        format!("{} requests", call.heard.len())
    });
    if let Some(wait) = wait {
        seen.measure("waited_milliseconds", 1e3 * wait.as_secs_f64());
        let is_obeyed = wait + EARLY >= asked && wait <= asked + LATE;
        seen.that("waits that the server asked for", is_obeyed, || {
            format!("{wait:?}, not {asked:?}")
        });
    }
    Ok(seen.done())
}

pub(super) async fn too_long(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    let refusal = Refusal::of(429).with("retry-after", "3600");
    let Some(call) = refused(trial, refusal, 1).await? else {
        return Ok(fixed());
    };
    let is_refused = call.heard.len() == 1 && !call.is_waiting;
    seen.that("waits of an hour that are refused", is_refused, || {
        if call.is_waiting {
            format!("still waiting after {PATIENCE:?}")
        } else {
            format!("{} requests", call.heard.len())
        }
    });
    Ok(seen.done())
}

/// Too many requests, of which no waiting makes fewer: as each dialect says it.
fn used_up(dialect: &str) -> Option<Refusal> {
    let body = match dialect {
        "claude" => {
            // A limit of what may be spent has no `retry-after`.
            return Some(Refusal::of(429));
        }
        "gemini" => exhausted(&json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}],
        })),
        "openai" | "groq" | "xai" | "metaai" => json!({"error": {
            "message": "by the script", "type": "insufficient_quota", "param": null, "code": "insufficient_quota",
        }}),
        _ => return None,
    };
    Some(Refusal {
        body: Some(body),
        ..Refusal::of(429).with("retry-after", "0")
    })
}

pub(super) async fn quota(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    let Some(refusal) = used_up(trial.dialect.name) else {
        return Ok(fixed());
    };
    let Some(call) = refused(trial, refusal, 1).await? else {
        return Ok(fixed());
    };
    seen.that(
        "quotas that are not asked for again",
        call.heard.len() == 1 && !call.answered,
        || format!("{} requests", call.heard.len()),
    );
    Ok(seen.done())
}

pub(super) async fn should_retry(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    for (status, word, expected) in [(500, "false", 1), (400, "true", 2)] {
        let refusal = Refusal::of(status).with("x-should-retry", word);
        let Some(call) = refused(trial, refusal, 1).await? else {
            return Ok(fixed());
        };
        seen.that(
            "words that are obeyed",
            call.heard.len() == expected,
            || {
                format!(
                    "{status} with {word}: {} requests, not {expected}",
                    call.heard.len()
                )
            },
        );
    }
    Ok(seen.done())
}

/// Whether a dialect has the headers of OpenAI's beside those of HTTP.
pub(super) fn has_word(dialect: &Dialect) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert("x-should-retry", HeaderValue::from_static("true"));
    dialect.chat.is_some() && (dialect.limits)(&headers, None).should_retry.is_some()
}

pub(super) fn has_delay(dialect: &Dialect) -> bool {
    dialect.name == "gemini"
}

pub(super) fn has_quota(dialect: &Dialect) -> bool {
    dialect.chat.is_some() && used_up(dialect.name).is_some()
}

pub(super) async fn idempotency(trial: &Trial<'_>) -> io::Result<Observation> {
    let mut seen = Seen::default();
    let stage = trial
        .stage(&Setup::default(), |before, _| match before {
            0 => Step::Refuse(Refusal::of(500)),
            _ => Step::Answer,
        })
        .await?;
    let Some(calls) = &stage.calls else {
        return Ok(fixed());
    };
    let mut known = Vec::new();
    for words in ["Say one.", "Say two."] {
        let question = trial.question(words);
        let _ = calls.call(0, question.clone(), Normal).await;
        let heard = stage.heard_of(&question);
        let first = heard.first().and_then(|heard| heard.idempotency.clone());
        // It is a draft: who does without breaks nothing.
        if heard.iter().all(|its| its.idempotency.is_none()) {
            return Ok(seen.unsupported("the client sends no idempotency key"));
        }
        let is_one =
            heard.len() == 2 && first.is_some() && heard.iter().all(|its| its.idempotency == first);
        seen.that("calls whose attempts have one key", is_one, || {
            let keys: Vec<_> = heard
                .iter()
                .map(|its| its.idempotency.clone().unwrap_or_else(|| "none".into()))
                .collect();
            format!("{words}: {}", keys.join(", "))
        });
        seen.that(
            "calls with a key of their own",
            !known.contains(&first),
            || words.into(),
        );
        known.push(first);
    }
    Ok(seen.done())
}
