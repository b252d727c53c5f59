//! The judge: the only place where an outcome is decided.
//!
//! [`judge`] turns one case's [`Ending`] into a [`Verdict`] by the check's [`Rule`]; [`prove`] turns a worker's [`Evidence`] into
//! a [`Proof`] by computing layers of its forward again. Both are pure functions of what was recorded, so a stored run can
//! be judged again.
//!
//! Order of precedence for a case (each line beats those below it):
//!
//! 1. the worker did not report: crashed, timed out, out of memory, not run, broken protocol
//! 2. it reports a device that the platform doesn't have: errored
//! 3. the unit is proven a mock: failed, whatever the check saw
//! 4. an exception ended the check: out of memory, skipped (a package is missing), failed (the subject's), errored (Assay's)
//! 5. the rule
//! 6. the rule holds but no evidence came: failed, unproven
//!
//! [`Ending`]: assay_model::Ending
//! [`Evidence`]: assay_model::Evidence
//! [`Rule`]: assay_model::Rule
//! [`Verdict`]: assay_model::Verdict

mod generator;
mod golden;
mod layer;
mod measured;
mod proof;
mod row;
mod rules;
mod verdict;
mod weights;

pub use generator::Generator;
pub use golden::{GoldenDifference, GoldenKind, differences};
pub use measured::measured;
pub use proof::{Proof, prove, prove_endpoint, prove_links};
pub use verdict::judge;
pub use weights::{WeightError, Weights};
