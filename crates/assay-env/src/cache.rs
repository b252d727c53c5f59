use std::env::var_os;
use std::path::PathBuf;

use crate::variables::CACHE_DIR;

/// The cache folder; none if neither it nor a home is known. Nothing depends on what is in it.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    let set = |name| {
        var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set(CACHE_DIR)
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("assay")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/assay")))
}
