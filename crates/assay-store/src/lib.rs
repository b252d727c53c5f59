//! The store: all that spans runs, in one DuckDB file, derived from the logs.
//!
//! The logs are the truth. [`Store::open`] brings the store up to them, lazily and under a lock, and answers from a connection
//! that can't write. Nothing else in Assay knows DuckDB. `docs/reference/store.md` documents the tables.

mod error;
mod ingest;
mod numbers;
mod open;
mod queries;
mod sql;

pub use error::StoreError;
pub use open::{Notice, STORE_FILE, Status, Store, archive, prune, rebuild, status};
pub use queries::{Changed, Difference, Ran};
pub use sql::{SqlFormat, query};
