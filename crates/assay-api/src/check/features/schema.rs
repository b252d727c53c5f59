use assay_model::Observation;

use super::{break_of, first, shapes};
use crate::Error;
use crate::chat::Chat;
use crate::check::seen::Seen;
use crate::check::{Asking, is_thought};

/// Tokens of an answer at most: one has some thirty.
const TOKENS: u32 = 256;

/// An answer in each of two schemas.
pub(in crate::check) async fn schema(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    for (number, schema) in shapes().into_iter().enumerate() {
        let chat = Chat {
            schema: Some(schema.clone()),
            ..asking.question("Which metal is it? Answer in JSON.", TOKENS)
        };
        if number == 0
            && let Err(absent) = first(asking, &asking.endpoint.chat(&chat)?).await?
        {
            return Ok(absent);
        }
        let (_, answer) = asking.endpoint.ask(&chat).await?;
        if is_thought(&answer) {
            return Ok(seen.unsupported(format!(
                "the model thinks for {TOKENS} tokens, and is cut before a word"
            )));
        }
        let broken = break_of(&schema, &answer.text);
        seen.that(
            "answers that obey the schema asked for",
            broken.is_none(),
            || {
                format!(
                    "{} ({:?})",
                    broken.clone().unwrap_or_default(),
                    answer.finish
                )
            },
        );
    }
    Ok(seen.done())
}
