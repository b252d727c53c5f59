use crate::dialect::Capability;

/// What the API has. Its reference has no seed; whether the list of models has a route below `compat` is not documented.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Chat,
    Capability::Streaming,
    Capability::Usage,
    Capability::ExactLimit,
    Capability::ModelChoice,
    Capability::Tools,
    Capability::ToolChoice,
    Capability::StructuredOutput,
    Capability::Images,
];
