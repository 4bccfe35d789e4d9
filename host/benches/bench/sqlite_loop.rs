//! The speed of the disk and SQLite without a host: one commit for each write, one after the other.
//! Must never be less durable than the host, or use another disk.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};

use super::load::{CONNECTIONS, Report};
use super::process;

/// How many keys are written in turn: as many as there are instances in the other rows.
const KEYS: i64 = CONNECTIONS as i64;
/// A table like the host's for state.
const TABLE: &str = "DROP TABLE IF EXISTS state;
    CREATE TABLE state (instance INTEGER, key TEXT, value BLOB, PRIMARY KEY (instance, key)) STRICT, WITHOUT ROWID;";
const WRITE: &str =
    "INSERT INTO state VALUES (?1, 'number', ?2) ON CONFLICT DO UPDATE SET value = excluded.value";

pub fn sqlite_loop(directory: &Path, window: Duration) -> Result<Report> {
    let mut connection = open(&directory.join("loop.db"))?;
    let mut latencies = Vec::new();
    let (begun, cpu) = (Instant::now(), process::cpu(std::process::id())?);
    for number in 0.. {
        let write_begun = Instant::now();
        write(&mut connection, number).context("cannot write")?;
        latencies.push(write_begun.elapsed().as_secs_f32() * 1e6);
        if begun.elapsed() >= window {
            break;
        }
    }
    let cpu = process::cpu(std::process::id())?.saturating_sub(cpu);
    Ok(Report::new(latencies, begun.elapsed(), cpu))
}

fn open(file: &Path) -> Result<Connection> {
    let connection =
        Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(TABLE)?;
    Ok(connection)
}

/// Another value each time, because an upsert of the same bytes writes nothing.
fn write(connection: &mut Connection, number: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction
        .prepare_cached(WRITE)?
        .execute(params![number % KEYS, number.to_string().as_bytes()])?;
    transaction.commit()
}
