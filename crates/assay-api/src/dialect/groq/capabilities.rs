use crate::dialect::Capability;

/// What the API has (`console.groq.com/docs/api-reference`).
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
    Capability::Images,
    Capability::Responses,
    Capability::Speech,
    Capability::Transcription,
];
