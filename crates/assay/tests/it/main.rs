//! The command as a whole: the real binary, the real Python, real models.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

mod api;
mod architectures;
mod bad_input;
mod choosing;
mod environments;
mod faults;
mod golden;
mod interruption;
mod looking_back;
mod matrix;
mod provenance;
mod resuming;
mod support;
mod workflows;
