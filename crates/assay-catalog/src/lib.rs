//! What can be tested, and the plan of what will be.
//!
//! - [`battery`]: every built-in check, what it asserts, to what it applies and how it is judged
//! - [`Catalog`]: the architectures of the installed `transformers` and the checks, with selection by name, family and profile
//! - [`filter`]: the filter language
//! - [`plan()`]: subjects × platforms × the checks that apply
//! - [`Cache`]: what discovery and probes found, kept per environment
//!
//! Nothing here runs anything: discovery and probes are jobs of a worker, and reach this crate as data.

pub mod battery;
mod cache;
pub mod filter;
mod partition;
mod plan;
mod selection;

pub use cache::Cache;
pub use partition::{Partition, plan_digest};
pub use plan::{
    Candidate, NotApplicable, Override, Planned, ProbeOutcome, Selection, UnitJob, plan,
    recipe_digest,
};
pub use selection::{Catalog, SAMPLER, SelectionError, Wanted, nearest, wanted};
