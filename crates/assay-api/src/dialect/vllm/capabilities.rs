use crate::dialect::Capability;

/// What the server has.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Chat,
    Capability::Streaming,
    Capability::Usage,
    Capability::ExactLimit,
    Capability::DefaultModel,
    Capability::Seed,
    Capability::Models,
    Capability::ModelChoice,
    Capability::Health,
    Capability::Metrics,
    Capability::Tools,
    Capability::ToolChoice,
    Capability::StructuredOutput,
    Capability::Embeddings,
    Capability::Rerank,
    Capability::Images,
    Capability::Audio,
    Capability::Completions,
    Capability::Responses,
    Capability::Transcription,
];
