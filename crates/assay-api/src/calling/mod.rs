//! What stands between a caller and an endpoint: how often it is tried, with which key, how many at a time, and when nobody asks any more.
//! Time is tokio's, so that a test can turn its clock.

mod breaker;
mod client;
mod keys;
mod queue;
mod retry;

pub use breaker::{Breaker, BreakerSettings, Permit};
pub use client::{Called, Client, Failure, Held};
pub use keys::{KeyPool, Leased, NoKey, Rotation};
pub use queue::{Full, Place, Priority, Queue};
pub use retry::{Retry, Verdict};
