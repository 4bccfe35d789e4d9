//! Rows that cannot be read are left out of lists.
//!
//! A row is unreadable if a value is not one of its column: text that is not UTF-8, a number that is too large, a state
//! that does not exist. It is left out, counted, and logged once. A list goes on after it, so that a page has as many rows
//! as were asked for and ends only where the table ends. A statement that asks for that one row fails.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Row, Rows};

use crate::StoreError;
use moothall_core::telemetry::metric::STORE_UNREADABLE_ROWS;

/// Rows that one list leaves out at most: with more, the table is damaged.
const LEFT_OUT: usize = 1_000;
/// Rows that are remembered as logged.
const LOGGED_ROWS: usize = 10_000;

/// A table's name for the log, and the column of a statement that has the row's id.
#[derive(Clone, Copy)]
pub struct Table(pub &'static str, pub usize);

/// The rows of a list.
pub struct Listed<T> {
    pub rows: Vec<T>,
    /// The ids of rows that cannot be read.
    pub unreadable: Vec<i64>,
}

/// How long a list may be.
pub struct Bound<F> {
    pub rows: usize,
    /// The list ends with the row that reaches it.
    pub bytes: usize,
    pub size: F,
}

/// The result of reading one row.
#[derive(Debug)]
pub enum Found<T> {
    Row(T),
    Nothing,
    Unreadable,
}

impl<T> Found<T> {
    pub fn row(self) -> Option<T> {
        match self {
            Self::Row(row) => Some(row),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// The `LIMIT` of a statement whose list has at most `limit` rows.
pub fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit.saturating_add(LEFT_OUT).saturating_add(1)).unwrap_or(i64::MAX)
}

/// The rows that could not be read since the start. Clones share it.
#[derive(Clone, Default)]
pub struct Unreadable(Arc<Mutex<BTreeSet<(&'static str, String)>>>);

impl Unreadable {
    /// The first `limit` rows that can be read.
    pub fn list<T>(
        &self,
        rows: Rows<'_>,
        table: Table,
        limit: usize,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Listed<T>, StoreError> {
        let bound = Bound { rows: limit, bytes: usize::MAX, size: |_: &T| 0 };
        self.list_within(rows, table, bound, read)
    }

    /// The first rows that can be read, up to the bound; and whether there may be more.
    pub fn list_bounded<T>(
        &self,
        rows: Rows<'_>,
        table: Table,
        bound: Bound<impl Fn(&T) -> usize>,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<(Vec<T>, bool), StoreError> {
        let (limit, bytes) = (bound.rows, bound.bytes);
        let size = |row: &T| (bound.size)(row);
        let list = self.list_within(rows, table, Bound { rows: limit, bytes, size }, read)?.rows;
        let is_full = list.len() == limit || list.iter().map(size).sum::<usize>() >= bytes;
        Ok((list, is_full))
    }

    /// The first rows that can be read, up to the bound.
    pub fn list_within<T>(
        &self,
        mut rows: Rows<'_>,
        table: Table,
        bound: Bound<impl Fn(&T) -> usize>,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Listed<T>, StoreError> {
        let mut listed = Listed { rows: Vec::new(), unreadable: Vec::new() };
        let (mut left_out, mut bytes) = (0, 0_usize);
        while listed.rows.len() < bound.rows
            && bytes < bound.bytes
            && let Some(row) = rows.next()?
        {
            match read(row) {
                Ok(one) => {
                    bytes = bytes.saturating_add((bound.size)(&one));
                    listed.rows.push(one);
                }
                Err(error) => {
                    let id = row.get_ref(table.1)?;
                    self.leave_out(table.0, shown(id), error.into())?;
                    listed.unreadable.extend(id.as_i64());
                    left_out += 1;
                }
            }
            if left_out > LEFT_OUT {
                let reason = format!("over {LEFT_OUT} rows of the table {}", table.0);
                return Err(StoreError::Unreadable(reason));
            }
        }
        Ok(listed)
    }

    /// The one row with that id.
    pub fn one<T>(
        &self,
        table: &'static str,
        id: i64,
        read: rusqlite::Result<T>,
    ) -> Result<Found<T>, StoreError> {
        match read {
            Ok(row) => Ok(Found::Row(row)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(Found::Nothing),
            Err(error) => {
                self.leave_out(table, id.to_string(), error.into())?;
                Ok(Found::Unreadable)
            }
        }
    }

    /// Fails if the error is not about the row.
    fn leave_out(
        &self,
        table: &'static str,
        id: String,
        error: StoreError,
    ) -> Result<(), StoreError> {
        let StoreError::Unreadable(reason) = &error else { return Err(error) };
        self.report(table, id, reason);
        Ok(())
    }

    /// Counts and logs the row, the first time.
    pub fn report(&self, table: &'static str, id: String, reason: &dyn Display) {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= LOGGED_ROWS || !logged.insert((table, id.clone())) {
            return;
        }
        drop(logged);
        STORE_UNREADABLE_ROWS.of(&[("table", table)]).increment(1);
        tracing::error!(
            "the row {id} of the table {table} cannot be read and is left out: {reason}; \
             mend or delete it with sqlite3 while the host is stopped, or restore a backup"
        );
    }
}

fn shown(id: ValueRef<'_>) -> String {
    match id {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Null => "without an id".to_owned(),
    }
}

/// A stored text of a closed set.
pub fn word<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| unknown(column, &text))
}

/// The same where there may be none.
pub fn word_or_null<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => word(row, column, parse).map(Some),
    }
}

/// The error for a stored text that is none of the known ones.
fn unknown(column: usize, text: &str) -> rusqlite::Error {
    let reason = format!("'{text}' is not known");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, reason.into())
}

/// The error for a stored text that is not the expected JSON.
pub fn not_json(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    const NUMBERS: Table = Table("number", 0);

    /// Numbers from 1 on, of which these are text that is not UTF-8.
    fn numbers(count: i64, wrong: impl Fn(i64) -> bool) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE number (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
        )
        .unwrap();
        for id in 1..=count {
            let name = if wrong(id) { "CAST(x'ff' AS TEXT)" } else { "'name'" };
            conn.execute_batch(&format!("INSERT INTO number VALUES ({id}, {name})")).unwrap();
        }
        conn
    }

    fn page(
        conn: &Connection,
        unreadable: &Unreadable,
        after: i64,
        limit: usize,
    ) -> Result<Listed<i64>, StoreError> {
        let mut statement =
            conn.prepare("SELECT id, name FROM number WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let rows = statement.query([after, sql_limit(limit)])?;
        unreadable.list(rows, NUMBERS, limit, |row| row.get::<_, String>(1).and(row.get(0)))
    }

    #[test]
    fn a_page_is_full_and_its_last_row_leads_on_whatever_cannot_be_read() {
        let conn = numbers(10, |id| [3, 4, 10].contains(&id));
        let unreadable = Unreadable::default();
        let first = page(&conn, &unreadable, 0, 4).unwrap();
        assert_eq!((first.rows, first.unreadable), (vec![1, 2, 5, 6], vec![3, 4]));
        let last = page(&conn, &unreadable, 6, 4).unwrap();
        assert_eq!((last.rows, last.unreadable), (vec![7, 8, 9], vec![10]));
        assert_eq!(unreadable.0.lock().unwrap().len(), 3, "each is logged once");
        page(&conn, &unreadable, 0, 10).unwrap();
        assert_eq!(unreadable.0.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_table_of_which_too_much_cannot_be_read_is_damaged() {
        let most = LEFT_OUT as i64;
        let conn = numbers(most + 2, |id| id <= most);
        assert_eq!(page(&conn, &Unreadable::default(), 0, 1).unwrap().rows, [most + 1]);
        let conn = numbers(most + 2, |id| id <= most + 1);
        let damaged = page(&conn, &Unreadable::default(), 0, 1);
        assert!(matches!(damaged, Err(StoreError::Unreadable(_))));
    }
}
