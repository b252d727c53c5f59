use crate::dialect::Capability;

/// What the API has.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Chat,
    Capability::Streaming,
    Capability::Usage,
    Capability::ExactLimit,
    Capability::CutsQuestions,
    Capability::Seed,
    Capability::Models,
    Capability::ModelChoice,
    Capability::Health,
    Capability::Tools,
    Capability::StructuredOutput,
    Capability::Embeddings,
    Capability::Images,
];
