use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// An empty folder for one worker, removed when this is dropped, whatever is in it.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(crate) fn create(parent: &Path, name: &str) -> io::Result<Self> {
        let path = parent.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.path).is_err() {
            make_writable(&self.path);
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// What the files in a folder take on the disk, in bytes. Links are not followed; what can't be read counts nothing.
pub(crate) fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, its)| {
            if its.is_dir() {
                bytes_in(&path)
            } else {
                512 * its.blocks()
            }
        })
        .sum()
}

/// A worker may have taken the permissions of its own folders away.
fn make_writable(folder: &Path) {
    let _ = std::fs::set_permissions(folder, Permissions::from_mode(0o700));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_in_every_folder_and_behind_no_link() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(parent.path(), "unit-0").unwrap();
        assert_eq!(bytes_in(scratch.path()), 0);
        std::fs::write(parent.path().join("elsewhere"), vec![1; 1 << 20]).unwrap();
        std::os::unix::fs::symlink(parent.path(), scratch.path().join("link")).unwrap();
        std::fs::create_dir(scratch.path().join("inner")).unwrap();
        for name in ["one", "inner/two"] {
            std::fs::write(scratch.path().join(name), vec![1; 1 << 16]).unwrap();
        }
        let counted = bytes_in(scratch.path());
        assert!((1 << 17..1 << 18).contains(&counted), "{counted}");
    }

    #[test]
    fn it_goes_even_if_something_in_it_is_read_only() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(parent.path(), "unit-0").unwrap();
        let inner = scratch.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("file"), "x").unwrap();
        std::fs::set_permissions(&inner, Permissions::from_mode(0o500)).unwrap();
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
    }
}
