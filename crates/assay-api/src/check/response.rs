use std::collections::BTreeSet;

use assay_model::Observation;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::Asking;
use super::seen::Seen;
use crate::Error;
use crate::chat::Finish;
use crate::error::Kind;

/// Tokens of an answer that is cut.
const FEW: u32 = 3;

/// A long question has more tokens than a short one, whatever the tokenizer: as many words more.
const LONGER: &str = " Gold is assayed by fire, and what is left of it is weighed. It is done twice, and both must agree.";

/// What a schema's violations are listed as.
const NAMED: usize = 5;

/// The dialect's schema, of an answer that ends by itself (or has room for it) and of one that is cut.
pub(super) async fn schema(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let endpoint = asking.endpoint;
    let dialect = endpoint.dialect;
    let schema = match (&dialect.chat, &dialect.infer) {
        (Some(chatting), _) => (chatting.schema)(),
        (_, Some(infer)) => (infer.schema)(),
        _ => return Ok(seen.unsupported("the dialect has no answer in JSON")),
    };
    let validator = jsonschema::validator_for(&schema).map_err(|error| {
        Error::new(
            Kind::Shape,
            format!("the dialect's schema is none: {error}"),
        )
    })?;
    for most in [64, FEW] {
        let call = match dialect.chat {
            Some(_) => endpoint.chat(&asking.question("Say something.", most))?,
            None => asking.main("Say something.").await?,
        };
        let answer = endpoint.make(&call).await?;
        if let Some(error) = endpoint.dialect.error_of(&answer) {
            return Err(error);
        }
        let label = "answers that obey the dialect's schema";
        match serde_json::from_slice::<Value>(&answer.body) {
            Err(error) => seen.that(label, false, || format!("it is no JSON: {error}")),
            Ok(body) => {
                let wrong: Vec<String> = validator
                    .iter_errors(&body)
                    .take(NAMED)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                seen.that(label, wrong.is_empty(), || wrong.join("; "));
            }
        }
    }
    Ok(seen.done())
}

/// `content-type`.
pub(super) async fn content_type(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let (whole, _) = asking.answer_to("Say something.", super::FEW).await?;
    let kind = whole
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("none");
    let is_json = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim() == "application/json");
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
        if let Some(total) = usage.total {
            let sum = usage.input + usage.output;
            seen.that("totals that are the sum", total == sum, || {
                format!("{total}, not {} + {}", usage.input, usage.output)
            });
        }
        inputs.push(usage.input);
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

/// An answer that may have few tokens.
pub(super) async fn limit(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let words = "Tell a long story, and count to a hundred.";
    let (_, answer) = asking.endpoint.ask(&asking.question(words, FEW)).await?;
    let Some(usage) = answer.usage else {
        return Ok(seen.unsupported("the server counts no tokens"));
    };
    seen.that(
        "answers within their limit",
        usage.output <= u64::from(FEW),
        || format!("{} tokens of {FEW}", usage.output),
    );
    let is_full = usage.output >= u64::from(FEW);
    if is_full {
        let mut is_said = answer.finish == Some(Finish::Length);
        if !is_said {
            // It may end there by itself: then more room makes it no longer.
            let (_, again) = asking
                .endpoint
                .ask(&asking.question(words, 4 * FEW))
                .await?;
            is_said = again.usage.is_some_and(|its| its.output <= usage.output);
        }
        seen.that("answers that were cut and say so", is_said, || {
            format!("{:?}", answer.finish)
        });
    } else {
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

/// The same question twice.
pub(super) async fn repeatable(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let chat = asking.question("Say something.", 16);
    let (_, first) = asking.endpoint.ask(&chat).await?;
    let (_, again) = asking.endpoint.ask(&chat).await?;
    seen.that(
        "answers that are the same again",
        first.text == again.text,
        || format!("{:?} after {:?}", again.text, first.text),
    );
    Ok(seen.done())
}
