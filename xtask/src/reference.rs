//! A page for each check, and what the checks cost: the battery's own words beside what was measured.

mod measured;
mod pages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use assay_catalog::battery::battery;

use crate::setup::{ready, root};
use crate::step::Failed;
use measured::Measured;

/// The pages and the measurements that they are made of.
const FOLDER: &str = "docs/reference/checks";
const MEASURED: &str = "docs/reference/checks/measured.json";

/// `cargo xtask reference [--from FILE…]`: makes the pages anew; before that, takes over what was measured, from summaries of runs and
/// from what `cargo xtask mutants` wrote.
pub(crate) fn reference(files: &[&str]) -> Result<ExitCode, Failed> {
    let kept = root().join(MEASURED);
    let mut measured = if kept.exists() {
        Measured::read(&kept)?
    } else {
        Measured::default()
    };
    if !files.is_empty() {
        measured.take(&ready()?, files)?;
        write(&kept, &measured.text()?)?;
    }
    let pages = pages::pages(&battery(), &measured)?;
    for path in there()? {
        if !pages.contains_key(&path) {
            std::fs::remove_file(root().join(&path)).map_err(|error| error.to_string())?;
        }
    }
    for (path, text) in &pages {
        write(&root().join(path), text)?;
    }
    println!("{} pages in {FOLDER}", pages.len());
    Ok(ExitCode::SUCCESS)
}

/// The pages that there are, by their path in the repository.
fn there() -> Result<Vec<PathBuf>, Failed> {
    let folder = root().join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let entries = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
    let names = entries
        .flatten()
        .map(|entry| Path::new(FOLDER).join(entry.file_name()));
    Ok(names
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect())
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Texts by their path in the repository.
type Pages = BTreeMap<PathBuf, String>;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_pages_are_those_of_the_battery() {
        let measured = Measured::read(&root().join(MEASURED)).unwrap();
        let pages = pages::pages(&battery(), &measured).unwrap();
        let stale: BTreeSet<&PathBuf> = pages
            .iter()
            .filter(|(path, text)| {
                std::fs::read_to_string(root().join(path)).ok().as_ref() != Some(*text)
            })
            .map(|(path, _)| path)
            .collect();
        assert!(stale.is_empty(), "`cargo xtask reference` makes {stale:?}");
        let there = there().unwrap();
        let left: Vec<_> = there
            .iter()
            .filter(|path| !pages.contains_key(*path))
            .collect();
        assert!(left.is_empty(), "`cargo xtask reference` removes {left:?}");
    }

    #[test]
    fn every_link_leads_somewhere() {
        let measured = Measured::read(&root().join(MEASURED)).unwrap();
        for (path, text) in pages::pages(&battery(), &measured).unwrap() {
            let folder = root().join(&path).parent().unwrap().to_owned();
            let links = text.split("](").skip(1);
            for link in links.filter_map(|rest| rest.split(')').next()) {
                let target = folder.join(link);
                assert!(target.exists(), "{link} in {}", path.display());
            }
        }
    }

    #[test]
    fn every_fact_that_a_check_needs_is_explained() {
        let facts = include_str!("../../docs/reference/facts.md");
        for check in battery() {
            for fact in check.needs {
                let is_explained = facts.lines().any(|line| {
                    line.split('|')
                        .nth(1)
                        .is_some_and(|cell| cell.contains(&format!("`{fact}`")))
                });
                assert!(is_explained, "{fact}, which {} needs", check.id);
            }
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let kept = root().join(MEASURED);
        let text = std::fs::read_to_string(&kept).unwrap();
        assert_eq!(Measured::read(&kept).unwrap().text().unwrap(), text);
    }
}
