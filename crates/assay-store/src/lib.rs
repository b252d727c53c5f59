//! The store: all that spans runs, in one DuckDB file, derived from the logs.
//!
//! The logs are the truth. [`Store::open`] brings the store up to them, lazily and under a lock, and answers from a connection
//! that can't write. Nothing else in Assay knows DuckDB. `docs/reference/store.md` documents the tables.

mod cases;
mod columns;
mod digest;
mod environment;
mod error;
mod identity;
mod ingest;
mod matrix;
mod mend;
mod names;
mod numbers;
mod open;
mod queries;
mod runs;
mod sql;
mod units;

pub use error::StoreError;
pub use open::{Notice, STORE_FILE, Status, Store, archive, prune, rebuild, status};
pub use queries::{Changed, Difference, Ran};
pub use sql::{SqlFormat, query};
