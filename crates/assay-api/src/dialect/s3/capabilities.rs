use crate::dialect::Capability;

/// What the store has.
pub(super) const CAPABILITIES: &[Capability] = &[Capability::ModelChoice, Capability::Objects];
