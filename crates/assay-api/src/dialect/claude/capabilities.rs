use crate::dialect::Capability;

/// What the API has. It takes no seed.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Chat,
    Capability::Streaming,
    Capability::Usage,
    Capability::ExactLimit,
    Capability::Models,
    Capability::ModelChoice,
    Capability::Tools,
    Capability::ToolChoice,
    Capability::Images,
];
