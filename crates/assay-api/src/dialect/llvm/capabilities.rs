use crate::dialect::Capability;

/// What the server has.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Models,
    Capability::ModelChoice,
    Capability::Batch,
];
