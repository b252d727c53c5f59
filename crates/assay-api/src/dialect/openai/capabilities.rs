use crate::dialect::Capability;

/// What the API has.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Chat,
    Capability::Streaming,
    Capability::Usage,
    Capability::ExactLimit,
    Capability::Seed,
    Capability::Models,
    Capability::ModelChoice,
    Capability::Tools,
    Capability::ToolChoice,
    Capability::StructuredOutput,
    Capability::Embeddings,
    Capability::Images,
    Capability::Audio,
    Capability::Completions,
    Capability::Responses,
    Capability::Moderation,
    Capability::Speech,
    Capability::Transcription,
];
