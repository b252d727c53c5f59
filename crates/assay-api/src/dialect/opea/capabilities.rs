use crate::dialect::Capability;

/// What the service has. It counts no tokens (`usage` is there, and all zeros), hands no seed on, and has its own model behind it.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Chat,
    Capability::Streaming,
    Capability::Health,
    Capability::Metrics,
];
