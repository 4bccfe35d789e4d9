//! Examines a database file without changing it: a backup, or the database of a host that may be running.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::migrate::{SCHEMA_VERSION, version};
use crate::StoreError;

/// What SQLite puts beside a database that is in use.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What a file has been found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedDatabase {
    pub schema: usize,
    pub communities: u64,
    pub instances: u64,
    /// The time of the newest event, in milliseconds since 1970.
    pub last_event_at: Option<i64>,
    /// API keys that were ever made: from the first one on, every request needs one.
    pub made_keys: u64,
    pub valid_keys: u64,
    /// The constant that is sealed with the database's key.
    pub key_check: Option<Vec<u8>>,
}

/// Examines a backup: every page of it, and whether this version can use it.
pub fn examine_copy(file: &Path) -> Result<ExaminedDatabase, StoreError> {
    if let Some(log) = beside(file).into_iter().find(|log| log.exists()) {
        return Err(of_file(
            file,
            &format!(
                "{} lies beside it, so it is no backup but a database in use; copy that with `moothall backup`",
                log.display()
            ),
        ));
    }
    let mut uri =
        url::Url::from_file_path(std::path::absolute(file).map_err(|e| of_file(file, &e))?)
            .map_err(|()| of_file(file, &"its name cannot be used"))?;
    uri.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(uri.as_str(), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let found = examined(&conn, file)?;
    let sound: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match sound.as_str() {
        "ok" => Ok(found),
        damage => Err(StoreError::Damaged(format!("{}: {damage}", file.display()))),
    }
}

/// Examines the database of a data directory, also while a host uses it.
pub fn examine(file: &Path) -> Result<ExaminedDatabase, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    examined(&Connection::open_with_flags(file, flags)?, file)
}

/// The files that belong to a database in use, besides its own.
pub fn beside(file: &Path) -> [PathBuf; 2] {
    BESIDE.map(|suffix| with_suffix(file, suffix))
}

pub fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The version of the schema since which keys expire.
const KEYS_EXPIRE: usize = 26;

fn examined(conn: &Connection, file: &Path) -> Result<ExaminedDatabase, StoreError> {
    let schema = version(conn)?;
    if schema > SCHEMA_VERSION {
        return Err(StoreError::Newer { found: schema, known: SCHEMA_VERSION });
    }
    let has = |table: &str| {
        let known = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        conn.query_row(known, [table], |_| Ok(())).optional().map(|found| found.is_some())
    };
    if schema == 0 || !has("community")? {
        return Err(of_file(file, &"it is no database of Moothall"));
    }
    let number = |sql: &str| {
        conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|count| count.unsigned_abs())
    };
    let key_check = match has("key_check")? {
        true => conn.query_row("SELECT sealed FROM key_check", [], |row| row.get(0)).optional()?,
        false => None,
    };
    Ok(ExaminedDatabase {
        schema,
        communities: number("SELECT count(*) FROM community WHERE id > 0")?,
        instances: number("SELECT count(*) FROM instance")?,
        last_event_at: match has("event")? {
            true => conn
                .query_row("SELECT time FROM event ORDER BY position DESC LIMIT 1", [], |row| {
                    row.get(0)
                })
                .optional()?,
            false => None,
        },
        made_keys: number("SELECT count(*) FROM api_key")?,
        valid_keys: number(match schema {
            ..KEYS_EXPIRE => "SELECT count(*) FROM api_key WHERE revoked_at IS NULL",
            _ => {
                "SELECT count(*) FROM api_key WHERE revoked_at IS NULL
                 AND (expires_at IS NULL OR expires_at > unixepoch() * 1000)"
            }
        })?,
        key_check,
    })
}

fn of_file(file: &Path, cause: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("{}: {cause}", file.display()))
}
