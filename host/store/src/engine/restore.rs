//! Puts a backup in the place of a database that no host uses. What was there is renamed, never removed.
//!
//! The copy is complete and on the disk before anything is renamed, so that a power failure leaves the old database or the
//! new one, and at worst an incomplete copy beside it.

use std::fs::File;
use std::io::{Error, Result as IoResult};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::examine::{beside, with_suffix};
use crate::StoreError;

/// The suffix of the copy until it is complete.
const PARTIAL: &str = ".restoring";

/// Puts a copy of `backup` in the place of `database`. What is there is renamed to `aside`, with its log.
pub fn restore(backup: &Path, database: &Path, aside: &Path) -> Result<(), StoreError> {
    let partial = with_suffix(database, PARTIAL);
    let failed =
        |at: &Path, error: Error| StoreError::Unavailable(format!("{}: {error}", at.display()));
    copy(backup, &partial).map_err(|error| failed(&partial, error))?;
    put_aside(database, aside).map_err(|error| failed(database, error))?;
    std::fs::rename(&partial, database)
        .and_then(|()| sync_folder(database))
        .map_err(|error| failed(database, error))
}

/// Readable by the owner alone, and on the disk.
fn copy(backup: &Path, partial: &Path) -> IoResult<()> {
    let mut from = File::open(backup)?;
    let mut options = File::options();
    let mut into = options.write(true).create(true).truncate(true).mode(0o600).open(partial)?;
    std::io::copy(&mut from, &mut into)?;
    into.sync_all()
}

/// The log first: a database without its log would lack what was written last.
fn put_aside(database: &Path, aside: &Path) -> IoResult<()> {
    let logs = beside(database).into_iter().zip(beside(aside));
    let all: Vec<(PathBuf, PathBuf)> =
        logs.chain([(database.to_owned(), aside.to_owned())]).collect();
    for (from, to) in all {
        if from.exists() {
            std::fs::rename(from, to)?;
        }
    }
    sync_folder(database)
}

fn sync_folder(file: &Path) -> IoResult<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_kept_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let [backup, database, aside] =
            ["copy.db", "a.db", "a.db.old"].map(|n| folder.path().join(n));
        std::fs::write(&backup, "new").unwrap();
        std::fs::write(&database, "old").unwrap();
        std::fs::write(with_suffix(&database, "-wal"), "log").unwrap();
        restore(&backup, &database, &aside).unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!((read(&database), read(&aside)), ("new".to_owned(), "old".to_owned()));
        assert_eq!(read(&with_suffix(&aside, "-wal")), "log");
        assert!(!with_suffix(&database, "-wal").exists(), "it would damage the copy");
    }

    #[test]
    fn a_copy_that_cannot_be_made_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        std::fs::write(&database, "old").unwrap();
        let missing = folder.path().join("missing.db");
        restore(&missing, &database, &folder.path().join("aside")).unwrap_err();
        assert_eq!(std::fs::read_to_string(&database).unwrap(), "old");
    }
}
