//! API backends: how each dialect asks and answers ([`dialect`]), a client for all of them ([`Endpoint`]), what is checked of a server
//! ([`check`]), and a server with faults to try both ([`server`]).
//!
//! A call goes down: [`chat::Chat`] → [`dialect::Dialect`] → [`wire::Wire`]; its answer comes up the same way. Nothing here judges: checks
//! make observations, as those of models do.

pub mod calling;
pub mod chat;
pub mod check;
pub mod dialect;
mod endpoint;
mod error;
pub mod ndjson;
pub mod server;
pub mod sse;
mod streaming;
pub mod wire;

pub use endpoint::{Endpoint, Key};
pub use error::{Error, Kind};
pub use streaming::{Streamed, Streaming};
