//! Errors of the store.

use std::sync::Arc;

use rusqlite::ErrorCode;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The instance was reconfigured or removed since the call began: nothing was stored.
    #[error("the instance was reconfigured or disabled meanwhile")]
    Stale,
    /// A unique constraint failed: somebody else has the value already.
    #[error("{0} is already taken")]
    Taken(Taken),
    /// Too many writes wait for the writer.
    #[error("too many writes are waiting")]
    Busy,
    /// Somebody would have more stored than allowed: nothing was stored.
    #[error("{0}")]
    NoRoom(&'static str),
    /// The file is not a sound database any more.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A row has a value that its column cannot have.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(String),
    /// The disk is full, or the database has reached its bound.
    #[error("there is no more room: {0}")]
    Full(String),
    /// The disk failed while a commit was written to it.
    #[error("the disk failed in a commit: {0}")]
    Lost(String),
    /// A write or a read did not end in time. Nothing was stored.
    #[error("the store did not answer in time")]
    Stalled,
    /// A write that had begun did not end in time: it may still be stored.
    #[error("the store did not answer in time, and what was to be stored may be yet")]
    Unsettled,
    /// The database cannot be read or written now.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    #[error(
        "the running host has another version of Moothall (schema {found}, this one knows {known}); \
         use its own binary"
    )]
    Other { found: usize, known: usize },
    #[error(
        "the database was written by a newer Moothall (schema {found}, this one knows {known}); \
         run that version, or restore a backup made before the upgrade"
    )]
    Newer { found: usize, known: usize },
}

impl StoreError {
    /// Nothing was stored, because of a write before it on which it may rest.
    pub fn before_it(reason: Arc<str>) -> Self {
        Self::Unavailable(format!("a write before it on the same instance failed: {reason}"))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sqlite;
        let said = error.to_string();
        match (error.sqlite_error_code(), error) {
            (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => Self::Damaged(said),
            (Some(ErrorCode::DiskFull), _) => Self::Full(said),
            (
                _,
                Sqlite::FromSqlConversionFailure(..)
                | Sqlite::IntegralValueOutOfRange(..)
                | Sqlite::InvalidColumnType(..)
                | Sqlite::Utf8Error(..),
            ) => Self::Unreadable(said),
            _ => Self::Unavailable(said),
        }
    }
}

/// What somebody else has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Slug,
    Instance,
    Account,
    Ticket,
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Slug => "this slug",
            Self::Instance => "this plugin and community_platform_id",
            Self::Account => "this account",
            Self::Ticket => "this ticket",
        })
    }
}
