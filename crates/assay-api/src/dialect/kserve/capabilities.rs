use crate::dialect::Capability;

/// What every server has. A list of models is an extension.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::ModelChoice,
    Capability::Health,
    Capability::Tensors,
];
