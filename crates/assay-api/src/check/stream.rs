use std::time::{Duration, Instant};

use assay_model::Observation;
use serde_json::Value;

use super::response::adds_up;
use super::seen::Seen;
use super::{Asking, is_thought, validator, wrong};
use crate::chat::{Chat, Delta};
use crate::{Error, Kind, Streamed};

/// Tokens of a stream that is looked at.
const TOKENS: u32 = 32;
/// Tokens of one that is left: it would take a while.
const MANY: u32 = 4000;
/// Streams that are left at once: more than a small server has places.
const LEFT: usize = 8;
/// Tokens of one of which it is asked when each came.
const TIMED: u32 = 160;
/// What is shorter says nothing of when it was made: a tiny model behind llama.cpp's server wrote 25 tokens within a millisecond, and a
/// machine that is busy hands over together what came one by one.
const SHORTEST: Duration = Duration::from_millis(150);
/// The least share of a stream's time that lies between its first text and its last. One that is held back until all is there has none;
/// one of [`TIMED`] tokens as they are made has most of it, even behind a slow question.
const LEAST_SHARE: f64 = 0.05;

/// What the longer streams are asked for.
const STORY: &str = "Tell a long story, and count to a hundred.";

fn chat(asking: &Asking<'_>) -> Chat {
    Chat {
        stream: true,
        ..asking.question(STORY, TOKENS)
    }
}

async fn streamed(asking: &Asking<'_>) -> Result<Streamed, Error> {
    asking.endpoint.stream(&chat(asking)).await?.whole().await
}

/// No error within it, and an end of its own: short, and longer than what is held back.
pub(super) async fn completes(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    for most in [2, TOKENS, TIMED] {
        let chat = Chat {
            stream: true,
            ..asking.question(&format!("{STORY} {most}."), most)
        };
        let streamed = asking.endpoint.stream(&chat).await?.whole().await?;
        ends(&mut seen, most, &streamed);
        let said = !streamed.answer.text.is_empty() || !streamed.answer.reasoning.is_empty();
        // Of two tokens a half may be a letter that is not there yet.
        let has_to = most > 2 && !is_thought(&streamed.answer) && streamed.error.is_none();
        seen.that("streams that say something", said || !has_to, || {
            format!("{} events", streamed.frames)
        });
    }
    Ok(seen.done())
}

/// Whether a stream came to its end.
fn ends(seen: &mut Seen, most: u32, streamed: &Streamed) {
    let error = streamed.error.clone().unwrap_or_default();
    seen.that("streams without an error in them", error.is_empty(), || {
        format!("{most} tokens: {error}")
    });
    let has_end = streamed.answer.finish.is_some() || !error.is_empty();
    seen.that("streams that say why they end", has_end, || {
        format!("{most} tokens: after {} events", streamed.frames)
    });
}

/// Everything that breaks the grammar, of a long stream, of one of two tokens, and of one more; each has a question of its own, since how an
/// answer begins can break it: llama.cpp's server leaves out the first event where the first token is half a letter.
pub(super) async fn grammar(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let Some(chatting) = asking.endpoint.dialect.chat else {
        return Ok(seen.unsupported("the dialect does not chat"));
    };
    let validator = validator(&(chatting.event)())?;
    for most in [TOKENS, 2, 1] {
        let chat = Chat {
            stream: true,
            ..asking.question(&format!("{STORY} {most}."), most)
        };
        let stream = asking.endpoint.stream(&chat).await?.keeping_frames();
        let streamed = stream.whole().await?;
        let breaks = streamed.breaks.join("; ");
        seen.that(
            "streams of the dialect's grammar",
            breaks.is_empty(),
            || format!("{most} tokens: {breaks}"),
        );
        for frame in &streamed.kept {
            // What is no JSON breaks the grammar, or marks the end; what is an error is told by another check.
            let Ok(event) = serde_json::from_str::<Value>(&frame.data) else {
                continue;
            };
            if event.get("error").is_some_and(|its| !its.is_null()) {
                continue;
            }
            let wrong = wrong(&validator, &event);
            seen.that(
                "events that obey the dialect's schema",
                wrong.is_none(),
                || wrong.clone().unwrap_or_default(),
            );
        }
    }
    Ok(seen.done())
}

/// Tokens of a stream and of the whole answer.
pub(super) async fn usage(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let (_, whole) = asking
        .endpoint
        .ask(&Chat {
            stream: false,
            ..chat(asking)
        })
        .await?;
    let streamed = streamed(asking).await?;
    let (own, of_whole) = (streamed.answer.usage, whole.usage);
    seen.that("streams with their tokens", own.is_some(), || {
        "none are told".into()
    });
    if let Some(own) = own {
        adds_up(&mut seen, &own);
        let said = !streamed.answer.text.is_empty() || !streamed.answer.reasoning.is_empty();
        seen.that(
            "streams whose tokens are counted",
            own.output > 0 || !said,
            || "a stream of 0 tokens that says something".into(),
        );
    }
    if let (Some(own), Some(of_whole)) = (own, of_whole) {
        if let (Some(input), Some(of_whole)) = (own.input, of_whole.input) {
            seen.that(
                "questions that have as many tokens in a stream",
                input == of_whole,
                || format!("{input}, not {of_whole}"),
            );
        }
        if streamed.answer.text == whole.text {
            let is_same = own.output == of_whole.output;
            seen.that(
                "answers that have as many tokens in a stream",
                is_same,
                || format!("{}, not {}", own.output, of_whole.output),
            );
        }
    }
    Ok(seen.done())
}

/// The text of a stream and of the whole answer, where the same question has the same answer; in letters of several bytes, too.
pub(super) async fn equals_whole(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let mut is_same = false;
    for words in [
        STORY,
        "Répète, mot pour mot, et continue : « naïve 日本語 Ωμέγα 🙂 ».",
    ] {
        let whole = asking.question(words, TOKENS);
        let (_, first) = asking.endpoint.ask(&whole).await?;
        let stream = Chat {
            stream: true,
            ..whole.clone()
        };
        let streamed = asking.endpoint.stream(&stream).await?.whole().await?;
        let (_, again) = asking.endpoint.ask(&whole).await?;
        if (&first.text, &first.reasoning) != (&again.text, &again.reasoning) {
            continue;
        }
        is_same = true;
        let pairs = [
            ("text", &streamed.answer.text, &first.text),
            ("reasoning", &streamed.answer.reasoning, &first.reasoning),
        ];
        for (name, own, whole) in pairs {
            let (own, whole) = (without_half_letters(own), without_half_letters(whole));
            seen.that(
                "streams that say what the whole answer says",
                own == whole,
                || format!("{name}: {own:?}, not {whole:?}"),
            );
        }
        let (own, whole) = (&streamed.answer.finish, &first.finish);
        seen.that(
            "streams that end as the whole answer does",
            own == whole,
            || format!("{own:?}, not {whole:?}"),
        );
    }
    if !is_same {
        let words = "the same question has another answer each time, at temperature 0";
        return Ok(seen.unsupported(words));
    }
    Ok(seen.done())
}

/// A text without what is left of a letter at its end, where a limit cut it or the model ended: a whole answer has a sign for each byte of it, a
/// stream that waits for the rest nothing.
pub(super) fn without_half_letters(text: &str) -> &str {
    text.trim_end_matches(char::REPLACEMENT_CHARACTER)
}

/// When the pieces came.
pub(super) async fn incremental(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let chat = Chat {
        max_tokens: Some(TIMED),
        ..chat(asking)
    };
    let streamed = asking.endpoint.stream(&chat).await?.whole().await?;
    ends(&mut seen, TIMED, &streamed);
    let times: Vec<_> = streamed
        .deltas
        .iter()
        .filter(|(_, delta)| matches!(delta, Delta::Text(_) | Delta::Reasoning(_)))
        .map(|(at, _)| *at)
        .collect();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Ok(seen.unsupported("the stream says nothing"));
    };
    let (took, between) = (
        last.duration_since(streamed.sent),
        last.duration_since(*first),
    );
    if took < SHORTEST || times.len() < 4 {
        return Ok(seen.unsupported(format!(
            "{} pieces in {:.1} ms: too little to tell",
            times.len(),
            1e3 * took.as_secs_f64()
        )));
    }
    let share = between.as_secs_f64() / took.as_secs_f64();
    seen.measure("share_of_time_after_the_first_text", share);
    seen.that(
        "streams that come as they are made",
        share >= LEAST_SHARE || between >= SHORTEST,
        || {
            format!(
                "{} pieces within {:.1} ms, after {:.1} ms",
                times.len(),
                1e3 * between.as_secs_f64(),
                1e3 * took.as_secs_f64()
            )
        },
    );
    Ok(seen.done())
}

/// Streams that are left after their first words: those who come next do not wait for the rest.
pub(super) async fn cancel(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let short = asking.question("Say something.", 1);
    let (alone, _) = asking.endpoint.ask(&short).await?;
    let long = Chat {
        max_tokens: Some(MANY),
        ..chat(asking)
    };
    let mut longest = Duration::ZERO;
    for _ in 0..LEFT {
        let (rest, has_end) = left(asking, &long).await?;
        let Some(rest) = rest else {
            return Ok(if has_end {
                seen.unsupported("the model ends by itself before it can be left")
            } else {
                seen.that("streams that say why they end", false, || {
                    format!("{MANY} tokens")
                });
                seen.done()
            });
        };
        if rest < Duration::from_secs(1) {
            return Ok(seen.unsupported(format!(
                "the rest of {MANY} tokens takes {:.0} ms: too little to tell",
                1e3 * rest.as_secs_f64()
            )));
        }
        let asked = Instant::now();
        let (took, is_answered) = match asking.endpoint.ask(&short).await {
            Ok((after, _)) => (after.took, true),
            // Who waits in vain waits, too.
            Err(error) if error.kind == Kind::Timeout => (asked.elapsed(), false),
            Err(error) => return Err(error),
        };
        let waited = took.saturating_sub(alone.took);
        longest = longest.max(waited);
        let is_free = is_answered && waited < rest / 4;
        seen.that(
            "places that are free once a client has left",
            is_free,
            || {
                format!(
                    "who came next waited {:.1} s, of the {:.1} s that the rest would take",
                    waited.as_secs_f64(),
                    rest.as_secs_f64()
                )
            },
        );
        if !is_free {
            break;
        }
    }
    seen.measure("waited_milliseconds", 1e3 * longest.as_secs_f64());
    Ok(seen.done())
}

/// Leaves a stream after its first words; how long the rest of it would take, or none of one that ended, and whether it said why. A few pieces that came together say nothing of that.
async fn left(asking: &Asking<'_>, long: &Chat) -> Result<(Option<Duration>, bool), Error> {
    const FIRST: u32 = 8;
    const WATCHED: Duration = Duration::from_millis(200);
    let mut stream = asking.endpoint.stream(long).await?;
    let mut began = None;
    let (mut pieces, mut has_end) = (0, false);
    loop {
        match stream.next().await? {
            Some((at, Delta::Text(_) | Delta::Reasoning(_))) => {
                let since = at.duration_since(*began.get_or_insert(at));
                if pieces >= FIRST && (since >= WATCHED || pieces >= MANY / 2) {
                    return Ok((Some(since / pieces * (MANY - pieces)), true));
                }
                pieces += 1;
            }
            Some((_, delta)) => has_end |= matches!(delta, Delta::Finish(_)),
            None => return Ok((None, has_end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_half_letters;

    #[test]
    fn only_what_is_left_of_a_letter_at_the_end_is_left_out() {
        assert_eq!(without_half_letters("gold\u{fffd}\u{fffd}"), "gold");
        assert_eq!(without_half_letters("g\u{fffd}ld"), "g\u{fffd}ld");
    }
}
