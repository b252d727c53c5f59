//! The store is what the logs say, whatever happens to its file.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

mod archive;
mod damage;
mod identity;
mod ingest;
mod queries;
mod runs;
mod sharing;
mod sql;
