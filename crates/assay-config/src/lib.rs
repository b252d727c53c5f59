//! `assay.toml`: profiles, overrides and known issues.
//!
//! - [`File`] is what the file holds, key by key; [`read`] reads it, and names file, line and key of what is wrong
//! - [`Settings`] is what holds in the end: defaults, then the profile and those it inherits from, then the command line,
//!   each value with its [`Source`]
//! - [`TEMPLATE`] is the commented default that `assay init` writes; [`schema`] is for editors

mod file;
mod quantity;
mod read;
mod settings;
mod variable;

pub use file::{EndpointTable, File, KnownIssue, NoTests, Override, ProfileTable};
pub use quantity::{bytes, duration_text, seconds, size_text};
pub use read::{ConfigError, Loaded, Named, find, read};
pub use settings::{CommandLine, Effective, Row, Rule, Setting, Settings, Source};
pub use variable::{VARIABLE_HINT, variable};

/// Name of the file, looked for in the folder in which a command is given and in each above it.
pub const FILE_NAME: &str = "assay.toml";

/// The commented default. Every key stands in it, with its default as a comment.
pub const TEMPLATE: &str = include_str!("template.toml");

/// JSON Schema of the file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(File).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), "assay.toml".into());
    }
    schema
}
