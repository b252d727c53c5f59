//! Python environments: finding one, making one, saying what is in it; and what a run ran on.

mod accelerators;
mod cache;
mod checkpoint;
mod create;
mod fingerprint;
mod interpreter;
pub mod variables;
mod worker;

pub use accelerators::{Accelerator, accelerators, lacking};
pub use cache::cache_folder;
pub use checkpoint::{CheckpointError, folder_of_hub_id, inspect_checkpoint};
pub use create::{CreateError, create, created_python, lock_digest};
pub use fingerprint::{environment_key, fingerprint, physical_memory, processor};
pub use interpreter::{
    MINIMUM_PYTHON, MINIMUM_TRANSFORMERS, PythonError, base_python, find, inspect,
};
pub use worker::{Worker, WorkerError, unpack};
