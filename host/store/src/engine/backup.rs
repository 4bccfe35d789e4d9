//! Copies the database into another file: whole and on the disk, or not at all.
//!
//! The copy is made under another name and renamed when it is complete, so that nobody takes an incomplete copy for a
//! backup.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::fs::{FlockOperation, flock};

use crate::StoreError;

/// The suffix of the name of an incomplete copy.
const PARTIAL: &str = ".partial";

/// Copies the database that `conn` reads into `file`, which does not exist yet.
pub fn copy(conn: &Connection, file: &Path) -> Result<(), StoreError> {
    let partial = partial_of(file);
    let open = begin(&partial)?;
    let copied = fill(conn, &open, &partial).and_then(|()| put(&partial, file));
    if copied.is_err() {
        // An incomplete copy is of no use.
        drop(std::fs::remove_file(&partial));
    }
    copied
}

fn partial_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
}

/// Opens the incomplete copy: readable by the owner alone, locked, and emptied if another backup left it.
fn begin(partial: &Path) -> Result<File, StoreError> {
    let failed = |error: std::io::Error| of_file(partial, &error);
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let open = options.open(partial).map_err(failed)?;
    match flock(&open, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(of_file(partial, &"another backup writes it now"));
        }
        Err(error) => return Err(failed(error.into())),
    }
    open.set_len(0).map_err(failed)?;
    Ok(open)
}

/// SQLite writes into an existing file if it is empty, but does not sync it; this does.
fn fill(conn: &Connection, open: &File, partial: &Path) -> Result<(), StoreError> {
    let Some(name) = partial.to_str() else {
        return Err(StoreError::Unavailable("the backup's file name is not UTF-8".into()));
    };
    conn.execute("VACUUM INTO ?1", [name])?;
    open.sync_all().map_err(|error| of_file(partial, &error))
}

/// Renames the copy, and syncs its folder.
fn put(partial: &Path, file: &Path) -> Result<(), StoreError> {
    if file.exists() {
        return Err(of_file(file, &"it exists already"));
    }
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    std::fs::rename(partial, file)
        .and_then(|()| File::open(directory.unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|error| of_file(file, &error))
}

fn of_file(file: &Path, cause: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("{}: {cause}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(directory: &Path) -> Connection {
        let conn = Connection::open(directory.join("a.db")).unwrap();
        conn.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7)").unwrap();
        conn
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn one_that_was_cut_off_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let conn = database(directory.path());
        let file = directory.path().join("copy.db");
        std::fs::write(partial_of(&file), "half of what it was").unwrap();
        copy(&conn, &file).unwrap();
        let copied = Connection::open(&file).unwrap();
        assert_eq!(copied.query_row("SELECT x FROM t", [], |row| row.get(0)), Ok(7));
        assert_eq!(names(directory.path()), ["a.db", "copy.db"]);
    }

    #[test]
    fn one_that_fails_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        drop(database(directory.path()));
        let file = File::options().write(true).open(directory.path().join("a.db")).unwrap();
        // The table's one page.
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 4096], 4096).unwrap();
        let conn = Connection::open(directory.path().join("a.db")).unwrap();
        copy(&conn, &directory.path().join("copy.db")).unwrap_err();
        assert_eq!(names(directory.path()), ["a.db"]);
    }

    #[test]
    fn two_at_once_do_not_write_the_same_file() {
        let directory = tempfile::tempdir().unwrap();
        let conn = database(directory.path());
        let file = directory.path().join("copy.db");
        let other = begin(&partial_of(&file)).unwrap();
        let error = copy(&conn, &file).unwrap_err();
        assert!(error.to_string().contains("another backup"), "{error}");
        assert!(partial_of(&file).exists(), "it is the other's");
        drop(other);
        copy(&conn, &file).unwrap();
    }
}
