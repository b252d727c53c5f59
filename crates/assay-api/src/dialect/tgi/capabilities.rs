use crate::dialect::Capability;

/// What the server has. It serves one model, and does not look at the name in a request.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Chat,
    Capability::Streaming,
    Capability::Usage,
    Capability::ExactLimit,
    Capability::Seed,
    Capability::Models,
    Capability::Health,
    Capability::Metrics,
    Capability::Tools,
    Capability::ToolChoice,
    Capability::StructuredOutput,
    Capability::Images,
    Capability::Completions,
];
