use assay_model::Observation;

use super::{break_of, first, obeys, shapes};
use crate::Error;
use crate::chat::{Chat, Finish, Tool};
use crate::check::seen::Seen;
use crate::check::{Asking, schema_of};
use crate::dialect::Capability;

/// Tokens of a call at most: its arguments have some thirty.
const TOKENS: u32 = 256;

/// A tool that has to be called, with two kinds of arguments.
pub(in crate::check) async fn tools(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    for (number, parameters) in shapes().into_iter().enumerate() {
        let tool = Tool {
            name: format!("weigh_{number}"),
            description: "Weighs a piece of metal.".into(),
            parameters,
        };
        let chat = Chat {
            tool: Some(tool.clone()),
            ..asking.question("Weigh this piece of gold, please.", TOKENS)
        };
        if number == 0
            && let Err(absent) = first(asking, &asking.endpoint.chat(&chat)?).await?
        {
            return Ok(absent);
        }
        let (whole, answer) = asking.endpoint.ask(&chat).await?;
        let is_called = !answer.calls.is_empty();
        if !is_called && !asking.endpoint.dialect.can(Capability::ToolChoice) {
            return Ok(seen.unsupported("the model calls no tool, and can't be made to"));
        }
        // Words may stand before a call: one that is made to talk has none yet.
        if !is_called && answer.finish == Some(Finish::Length) {
            return Ok(seen.unsupported(format!(
                "the model talks for {TOKENS} tokens, and is cut before a call"
            )));
        }
        if let Some(schema) = schema_of(asking.endpoint.dialect) {
            obeys(&mut seen, &schema, &whole.json().unwrap_or_default())?;
        }
        seen.that("answers that call the tool they have to", is_called, || {
            format!("{:?}: {:.80}", answer.finish, answer.text)
        });
        for call in &answer.calls {
            let is_it = call.name == tool.name;
            seen.that("calls of the tool that is offered", is_it, || {
                format!("`{}`, not `{}`", call.name, tool.name)
            });
            let broken = break_of(&tool.parameters, &call.arguments);
            seen.that(
                "arguments that obey the tool's schema",
                broken.is_none(),
                || broken.clone().unwrap_or_default(),
            );
        }
        if is_called {
            let is_said = answer.finish == Some(Finish::Tool);
            seen.that("answers that end for their call", is_said, || {
                format!("{:?}", answer.finish)
            });
        }
    }
    Ok(seen.done())
}
