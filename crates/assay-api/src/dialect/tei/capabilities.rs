use crate::dialect::Capability;

/// What the server has. It serves one model, which no request names.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Health,
    Capability::Metrics,
    Capability::Embeddings,
    Capability::Rerank,
    Capability::Similarity,
    Capability::Classification,
];
