//! Groq: OpenAI's chat completions.
//!
//! Errors are OpenAI's; the status 498 says that there is no flex capacity for now, and to try again with jitter
//! (`console.groq.com/docs/flex-processing`). `x-ratelimit-*` come with every answer, `retry-after` with 429 alone; requests are counted by the
//! day, tokens by the minute (`console.groq.com/docs/rate-limits`). Limits are those of an organisation: another key of it adds nothing.

mod capabilities;
mod endpoints;

use super::{Dialect, openai};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "groq",
    specification: "Groq API reference: chat completions",
    endpoints: endpoints::ENDPOINTS,
    capabilities: capabilities::CAPABILITIES,
    ..openai::DIALECT
};
