use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Where runs are kept, in the folder in which the command is given.
pub(crate) const REPORTS: &str = ".assay/reports";

/// Where the store is.
pub(crate) const HOME: &str = ".assay";

/// The cache, or why there is none.
pub(crate) fn cache() -> Result<PathBuf, Failure> {
    assay_env::cache_folder().ok_or_else(|| {
        Failure::setup("there is no folder for the cache")
            .hint("set ASSAY_CACHE_DIR to a folder that can be written")
    })
}

/// The folder of a run: by its path, or by its name (or `latest`) among the reports; a log or an exported run is its own file.
pub(crate) fn run_folder(run: &str) -> Result<PathBuf, Failure> {
    let has_log = |path: &Path| path.join(assay_record::LOG_FILE).is_file() || path.is_file();
    let named = Path::new(REPORTS).join(run);
    let candidates = [named, PathBuf::from(run)];
    candidates
        .into_iter()
        .find(|folder| has_log(folder))
        .ok_or_else(|| {
            let runs: Vec<String> = std::fs::read_dir(REPORTS)
                .map(|entries| {
                    entries
                        .flatten()
                        .map(|entry| entry.file_name().to_string_lossy().into_owned())
                        .collect()
                })
                .unwrap_or_default();
            let mut runs: Vec<String> = runs.into_iter().filter(|name| name != "latest").collect();
            runs.sort();
            let newest: Vec<String> = runs.into_iter().rev().take(5).collect();
            let hint = if newest.is_empty() {
                format!("there are no runs in {REPORTS} here; name a run's folder")
            } else {
                format!("the newest runs are {}", newest.join(", "))
            };
            Failure::usage(format!("there is no run `{run}`")).hint(hint)
        })
}

/// Every run among the reports, by folder; the newest first.
pub(crate) fn runs() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(REPORTS)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_else(|_| Vec::new());
    let is_run = |path: &PathBuf| !path.is_symlink() && path.join(assay_record::LOG_FILE).is_file();
    let mut runs: Vec<PathBuf> = entries.into_iter().filter(is_run).collect();
    // A name begins with the time at which the run did.
    runs.sort_by(|a, b| b.file_name().cmp(&a.file_name()));
    runs
}
