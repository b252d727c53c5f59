use std::collections::BTreeSet;

use assay_model::Observation;
use serde_json::Value;

use super::seen::Seen;
use super::stream::without_half_letters;
use super::{Asking, json_type, schema_of, validator, wrong};
use crate::Error;
use crate::chat::{Answer, Finish, Usage};
use crate::dialect::Capability;

/// Tokens of an answer that is cut.
const FEW: u32 = 3;

/// A long question has more tokens than a short one, whatever the tokenizer: as many words more.
const LONGER: &str = " Gold is assayed by fire, and what is left of it is weighed. It is done twice, and both must agree.";

/// The dialect's schema, of an answer that ends by itself (or has room for it) and of one that is cut; and that each has an id of its own.
pub(super) async fn schema(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let dialect = endpoint.dialect;
    let Some(schema) = schema_of(dialect) else {
        return Ok(seen.unsupported("the dialect has no answer in JSON"));
    };
    let validator = validator(&schema)?;
    let mut ids = BTreeSet::new();
    for most in [64, FEW] {
        let call = match dialect.chat {
            Some(_) => endpoint.chat(&asking.question("Say something.", most))?,
            None => asking.main("Say something.").await?,
        };
        let answer = endpoint.make(&call).await?;
        if let Some(error) = endpoint.refusal(&answer) {
            return Err(error);
        }
        let label = "answers that obey the dialect's schema";
        match serde_json::from_slice::<Value>(&answer.body) {
            Err(error) => seen.that(label, false, || format!("it is no JSON: {error}")),
            Ok(body) => {
                let wrong = wrong(&validator, &body);
                seen.that(label, wrong.is_none(), || wrong.clone().unwrap_or_default());
                let read = dialect.chat.map(|chatting| (chatting.response)(&body));
                let id = read.and_then(|answer| answer.id);
                // Some have an id that is empty, or none.
                if let Some(id) = id.filter(|id| !id.is_empty()) {
                    let is_new = ids.insert(id.clone());
                    seen.that("answers with an id of their own", is_new, || id);
                }
            }
        }
    }
    Ok(seen.done())
}

/// `content-type`.
pub(super) async fn content_type(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let (whole, _) = asking.answer_to("Say something.", super::FEW).await?;
    let (is_json, kind) = json_type(&whole);
    seen.that("answers that are called application/json", is_json, || {
        kind.to_owned()
    });
    Ok(seen.done())
}

/// A short and a long question.
pub(super) async fn usage(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let mut inputs = Vec::new();
    for words in [
        "Say something.".to_owned(),
        format!("Say something.{LONGER}"),
    ] {
        let (_, answer) = asking.endpoint.ask(&asking.question(&words, 8)).await?;
        let Some(usage) = answer.usage else {
            seen.that("answers with their tokens", false, || {
                format!("to a question of {} letters", words.len())
            });
            continue;
        };
        seen.that("answers with their tokens", true, String::new);
        let said = !answer.text.is_empty() || !answer.reasoning.is_empty();
        seen.that(
            "answers whose tokens are counted",
            usage.output > 0 || !said,
            || "an answer of 0 tokens that says something".into(),
        );
        adds_up(&mut seen, &usage);
        inputs.extend(usage.input);
    }
    if let [short, long] = inputs[..] {
        seen.that(
            "longer questions that have more tokens",
            long > short,
            || format!("{long} after {short}"),
        );
    }
    Ok(seen.done())
}

/// Tokens in all, where the server says them.
pub(super) fn adds_up(seen: &mut Seen, usage: &Usage) {
    if let (Some(total), Some(input)) = (usage.total, usage.input) {
        let sum = input + usage.output;
        seen.that("totals that are the sum", total == sum, || {
            format!("{total}, not {input} + {}", usage.output)
        });
    }
}

/// An answer that may have few tokens, held against one that may have more: the server's own count is not believed.
pub(super) async fn limit(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let words = "Tell a long story, and count to a hundred.";
    let ask = async |most: u32| {
        let (_, answer) = asking.endpoint.ask(&asking.question(words, most)).await?;
        let said = answer.reasoning.clone() + &answer.text;
        Ok::<_, Error>((answer, said))
    };
    let (answer, said) = ask(FEW).await?;
    let Some(usage) = answer.usage else {
        return Ok(seen.unsupported("the server counts no tokens"));
    };
    if asking.endpoint.thoughts() > 0 {
        return Ok(seen.unsupported(
            "the model thinks before it says a word: of a few tokens there is no answer",
        ));
    }
    let few = u64::from(FEW);
    seen.that("answers within their limit", usage.output <= few, || {
        format!("{} tokens of {FEW}", usage.output)
    });
    let (longer, more) = ask(16 * FEW).await?;
    let counted = longer.usage.map_or(0, |its| its.output);
    if answer.finish == Some(Finish::Length) {
        if asking.endpoint.dialect.can(Capability::ExactLimit) {
            seen.that(
                "answers that are cut at their limit",
                usage.output >= few,
                || format!("{} tokens of {FEW}", usage.output),
            );
        }
        let is_exact = asking.endpoint.dialect.can(Capability::ExactLimit);
        if is_exact && longer.finish == Some(Finish::Length) {
            let room = u64::from(16 * FEW);
            seen.that(
                "answers that are cut at their limit",
                counted >= room,
                || format!("{counted} tokens of {room}"),
            );
        }
        let is_said = !said.is_empty() && counted > usage.output;
        seen.that(
            "answers that are longer where they have more room",
            !is_said || more.len() > said.len(),
            || {
                format!(
                    "{} letters with {FEW} tokens, {} with {counted}",
                    said.len(),
                    more.len()
                )
            },
        );
        // By chance a token is long, but not in each of three answers.
        let mut is_long = said.len() * 5 > more.len() && counted >= 15 * few;
        for words in [
            "Say something long, and count to a thousand.",
            "Write a poem of a hundred lines, and count them.",
        ] {
            if is_long {
                let (_, few) = asking.endpoint.ask(&asking.question(words, FEW)).await?;
                let (_, many) = asking
                    .endpoint
                    .ask(&asking.question(words, 16 * FEW))
                    .await?;
                let letters = |its: &Answer| its.reasoning.len() + its.text.len();
                let is_cut = [&few, &many]
                    .iter()
                    .all(|its| its.finish == Some(Finish::Length));
                is_long = is_cut && letters(&few) > 0 && letters(&few) * 5 > letters(&many);
            }
        }
        seen.that("answers as short as their count", !is_long, || {
            format!(
                "{FEW} tokens have {} letters, {counted} have {}",
                said.len(),
                more.len()
            )
        });
        return Ok(seen.done());
    }
    // It may end there by itself: then more room makes it no longer. By chance it ends otherwise each time, on some machines.
    let goes_on = more.len() > said.len() && more.starts_with(without_half_letters(&said));
    let is_cut = (usage.output >= few && counted > usage.output) || (goes_on && !said.is_empty());
    let is_cut = is_cut && ask(FEW).await?.1 == said;
    seen.that("answers that were cut and say so", !is_cut, || {
        format!(
            "{:?} after {} tokens of {FEW}, and {counted} with more room",
            answer.finish, usage.output
        )
    });
    if !is_cut {
        seen.note(format!(
            "the model ends by itself after {} tokens",
            usage.output
        ));
    }
    Ok(seen.done())
}

/// Four questions.
pub(super) async fn moves(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let mut answers = BTreeSet::new();
    for words in [
        "What is gold?",
        "Count to nine.",
        "Vier Wörter auf Deutsch.",
        "def area(radius):",
    ] {
        let (_, answer) = asking.answer_to(words, 16).await?;
        answers.insert(answer);
    }
    let is_one = answers.len() < 2;
    seen.that("answers that depend on the question", !is_one, || {
        "four questions have the same answer".into()
    });
    seen.measure("distinct_answers", answers.len() as f64);
    Ok(seen.done())
}

/// The same question three times. Services call it their best effort: two answers that differ are chance, three are draws.
pub(super) async fn repeatable(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    if !asking.endpoint.takes("temperature") {
        return Ok(seen.unsupported("the model takes no temperature: its answers are drawn"));
    }
    let call = asking
        .endpoint
        .chat(&asking.question("Say something.", 16))?;
    let mut answers = Vec::new();
    let mut machines = BTreeSet::new();
    for _ in 0..3 {
        let (_, body) = asking.endpoint.answer(&call).await?;
        machines.extend(body["system_fingerprint"].as_str().map(str::to_owned));
        let read = asking
            .endpoint
            .dialect
            .chat
            .map(|chatting| (chatting.response)(&body));
        let said = read.unwrap_or_default();
        let said = said.reasoning + &said.text;
        if answers.contains(&said) {
            seen.that("answers that are the same again", true, String::new);
            return Ok(seen.done());
        }
        answers.push(said);
    }
    if machines.len() > 1 {
        return Ok(seen.unsupported("the server changed meanwhile, by its `system_fingerprint`"));
    }
    seen.that("answers that are the same again", false, || {
        format!("{answers:?}")
    });
    Ok(seen.done())
}
