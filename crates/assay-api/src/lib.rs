//! API backends: how each dialect asks and answers ([`dialect`]), a client for all of them ([`Endpoint`]), what is checked of a server
//! ([`check`]) and measured ([`bench`](mod@bench)), and a server with faults to try both ([`server`]).
//!
//! A call goes down: [`chat::Chat`] → [`dialect::Dialect`] → [`Call`] → [`wire::Wire`]; its answer comes up the same way. Nothing here judges: checks
//! make observations, as those of models do.

pub mod bench;
mod call;
pub mod calling;
pub mod chat;
pub mod check;
pub mod client;
pub mod dialect;
mod endpoint;
mod error;
mod key;
pub mod ndjson;
pub mod server;
pub mod sse;
mod streaming;
pub mod wire;
pub mod xml;

pub use call::Call;
pub use endpoint::{Endpoint, Signer};
pub use error::{Error, Kind};
pub use key::Key;
pub use streaming::{Streamed, Streaming};
