//! Reports of one run, each from the folded [`Run`] alone, and the [`matrix`] of many; nothing here runs or judges anything.
//!
//! | file | for |
//! | --- | --- |
//! | terminal ([`terminal`]) | the person who ran it |
//! | `report.md` ([`markdown`]) | a person later, or a pull request |
//! | `junit.xml` ([`junit`]) | CI |
//! | `summary.json` ([`Summary`]) | programs: `docs/reference/summary.md` |
//!
//! [`Run`]: assay_record::Run

mod junit;
mod markdown;
pub mod matrix;
mod rows;
mod summary;
mod terminal;
mod write;

pub use junit::junit;
pub use markdown::markdown;
pub use summary::Summary;
pub use terminal::{Look, terminal};
pub use write::{ReportError, point_latest, write_all};
