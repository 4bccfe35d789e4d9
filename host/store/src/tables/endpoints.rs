//! The table `endpoint`: URLs that subscribe to events, and the callback URLs of processes.
//!
//! Secrets and headers are sealed before they come here, and leave sealed.

use rusqlite::{OptionalExtension, Row, params};

use crate::engine::rows::{Table, sql_limit, word};
use crate::{Reader, StoreError, Tx};
use moothall_core::endpoint::{BodyFormat, EndpointKind, EndpointOrdering, UrlBy};
use moothall_core::ids::EndpointId;

pub(super) const ENDPOINT: Table = Table("endpoint", 0);

/// The public id of the endpoint that always exists.
pub const DRIVER: &str = "driver";
/// How long a callback waits for an answer, in milliseconds.
const CALLBACK_TIMEOUT_MS: i64 = 15_000;

/// An endpoint's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRow {
    /// 0 in a row that is to be added.
    pub id: EndpointId,
    pub public_id: String,
    pub kind: EndpointKind,
    /// Empty: nowhere to send to.
    pub url: String,
    pub url_by: UrlBy,
    pub description: String,
    /// 0: all.
    pub community: i64,
    /// JSON list of patterns.
    pub event_types: String,
    pub format: BodyFormat,
    pub form: bool,
    /// Sealed JSON object.
    pub headers: Vec<u8>,
    pub ordering: EndpointOrdering,
    pub timeout_ms: i64,
    pub enabled: bool,
    pub disabled_reason: Option<String>,
    /// Sealed.
    pub secret: Vec<u8>,
    /// The latest time until which a secret that was replaced signs too.
    pub old_secret_until: Option<i64>,
    pub created_at: i64,
}

/// What becomes of the headers that the driver's endpoint has when its URL is set at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverHeaders {
    Keep,
    Remove,
}

/// The result of a rotation of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    Done,
    Gone,
    /// As many secrets sign as are allowed.
    TooMany,
}

const COLUMNS: &str = "id, public_id, kind, url, url_by, description, community_id, event_types, format, form, headers, \
                       ordering, timeout_ms, enabled, disabled_reason, secret, old_secret_until, created_at";

fn endpoint(row: &Row<'_>) -> rusqlite::Result<EndpointRow> {
    Ok(EndpointRow {
        id: EndpointId(row.get(0)?),
        public_id: row.get(1)?,
        kind: word(row, 2, EndpointKind::parse)?,
        url: row.get(3)?,
        url_by: word(row, 4, UrlBy::parse)?,
        description: row.get(5)?,
        community: row.get(6)?,
        event_types: row.get(7)?,
        format: word(row, 8, BodyFormat::parse)?,
        form: row.get(9)?,
        headers: row.get(10)?,
        ordering: word(row, 11, EndpointOrdering::parse)?,
        timeout_ms: row.get(12)?,
        enabled: row.get(13)?,
        disabled_reason: row.get(14)?,
        secret: row.get(15)?,
        old_secret_until: row.get(16)?,
        created_at: row.get(17)?,
    })
}

impl Reader<'_> {
    /// Endpoints that subscribe, after the row `after`, at most `limit`, by their rows.
    pub fn endpoints(
        &self,
        after: EndpointId,
        limit: usize,
    ) -> Result<Vec<EndpointRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM endpoint WHERE kind IN ('driver', 'endpoint') AND id > ?1 ORDER BY id LIMIT ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![after.0, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, ENDPOINT, limit, endpoint)?.rows)
    }

    /// The endpoint with that public id, whatever its kind.
    pub fn endpoint(&self, public_id: &str) -> Result<Option<EndpointRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM endpoint WHERE public_id = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([public_id], endpoint).optional()?)
    }

    pub fn endpoint_row(&self, id: EndpointId) -> Result<Option<EndpointRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM endpoint WHERE id = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([id.0], endpoint).optional()?)
    }

    /// The replaced secrets of an endpoint, sealed, and until when each signs; the newest first.
    pub fn old_secrets(&self, id: EndpointId) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT sealed, until FROM endpoint_old_secret WHERE endpoint_id = ?1 ORDER BY until DESC, rowid DESC",
        )?;
        let rows = statement.query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The slug of the community that an endpoint is for, if that still exists.
    pub fn community_slug(&self, id: i64) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT slug FROM community WHERE id = ?1")?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?)
    }

    /// Endpoints that are not listed and have no delivery: old callbacks, and deleted ones.
    pub fn unused_endpoints(&self, limit: usize) -> Result<Vec<EndpointId>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id FROM endpoint p WHERE kind IN ('callback', 'deleted') AND NOT EXISTS \
             (SELECT 1 FROM delivery d WHERE d.endpoint_id = p.id) LIMIT ?1",
        )?;
        let rows = statement.query_map([limit as i64], |row| row.get(0).map(EndpointId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Adds an endpoint, unless `limit` of them exist already. Returns its row.
    pub fn add_endpoint(
        &self,
        row: &EndpointRow,
        limit: usize,
    ) -> Result<Option<EndpointId>, StoreError> {
        let mut count = self
            .conn
            .prepare_cached("SELECT count(*) FROM endpoint WHERE kind IN ('driver', 'endpoint')")?;
        if count.query_row([], |row| row.get::<_, i64>(0))? >= limit as i64 {
            return Ok(None);
        }
        self.insert_endpoint(row).map(Some)
    }

    fn insert_endpoint(&self, row: &EndpointRow) -> Result<EndpointId, StoreError> {
        let id = self
            .conn
            .prepare_cached(
                "INSERT INTO endpoint (public_id, kind, url, url_by, description, community_id, event_types, format, \
                 form, headers, ordering, timeout_ms, enabled, disabled_reason, secret, \
                 old_secret_until, created_at, written_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
                 ?12, ?13, ?14, ?15, ?16, ?17, ?18) RETURNING id",
            )?
            .query_row(params![
                row.public_id,
                row.kind.as_str(),
                row.url,
                row.url_by.as_str(),
                row.description,
                row.community,
                row.event_types,
                row.format.as_str(),
                row.form,
                row.headers,
                row.ordering.as_str(),
                row.timeout_ms,
                row.enabled,
                row.disabled_reason,
                row.secret,
                row.old_secret_until,
                row.created_at,
                self.name,
            ], |row| row.get(0).map(EndpointId))?;
        self.subscriptions.forget();
        Ok(id)
    }

    /// Whether an endpoint was not changed since it was read.
    pub fn is_still(&self, row: &EndpointRow) -> Result<bool, StoreError> {
        Ok(self.reader().endpoint_row(row.id)?.is_some_and(|now| now == *row))
    }

    /// Stores an endpoint without its secrets. False: it is gone.
    pub fn put_endpoint(&self, row: &EndpointRow) -> Result<bool, StoreError> {
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE endpoint SET url = ?2, url_by = ?3, description = ?4, community_id = ?5, event_types = ?6, \
                 format = ?7, form = ?8, headers = ?9, ordering = ?10, timeout_ms = ?11, enabled = ?12, \
                 disabled_reason = CASE WHEN ?12 THEN NULL ELSE disabled_reason END, written_by = ?13 WHERE id = ?1 AND kind IN ('driver', 'endpoint')",
            )?
            .execute(params![
                row.id.0,
                row.url,
                row.url_by.as_str(),
                row.description,
                row.community,
                row.event_types,
                row.format.as_str(),
                row.form,
                row.headers,
                row.ordering.as_str(),
                row.timeout_ms,
                row.enabled,
                self.name,
            ])?;
        self.subscriptions.forget();
        self.raised.deliveries.set(true);
        Ok(changed > 0)
    }

    /// Replaces the secret; the old one signs too until `until`, like those before it.
    pub fn rotate_secret(
        &self,
        id: EndpointId,
        sealed: &[u8],
        (now, until): (i64, i64),
        most: usize,
    ) -> Result<Rotated, StoreError> {
        let mut count = self.conn.prepare_cached(
            "SELECT count(*) FROM endpoint_old_secret WHERE endpoint_id = ?1 AND until > ?2",
        )?;
        if count.query_row([id.0, now], |row| row.get::<_, i64>(0))? + 1 >= most as i64 {
            return Ok(Rotated::TooMany);
        }
        self.conn
            .prepare_cached(
                "INSERT INTO endpoint_old_secret (endpoint_id, sealed, until) SELECT id, secret, ?2 FROM endpoint \
                 WHERE id = ?1 AND kind IN ('driver', 'endpoint')",
            )?
            .execute(params![id.0, until])?;
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE endpoint SET old_secret_until = max(coalesce(old_secret_until, 0), ?3), secret = ?2, \
                 written_by = ?4 WHERE id = ?1 AND kind IN ('driver', 'endpoint')",
            )?
            .execute(params![id.0, sealed, until, self.name])?;
        self.raised.deliveries.set(true);
        Ok(if changed > 0 { Rotated::Done } else { Rotated::Gone })
    }

    /// Hides an endpoint and wipes its secrets; its deliveries are cancelled afterwards, in chunks.
    pub fn delete_endpoint(&self, id: EndpointId) -> Result<bool, StoreError> {
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE endpoint SET kind = 'deleted', enabled = 0, url = '', secret = x'', headers = x'', \
                 old_secret_until = NULL, written_by = ?2 WHERE id = ?1 AND kind = 'endpoint'",
            )?
            .execute(params![id.0, self.name])?;
        if changed > 0 {
            self.conn
                .prepare_cached("DELETE FROM endpoint_old_secret WHERE endpoint_id = ?1")?
                .execute([id.0])?;
        }
        self.subscriptions.forget();
        self.raised.deliveries.set(true);
        Ok(changed > 0)
    }

    /// Disables an endpoint whose receiver answered 410 Gone.
    pub fn disable_endpoint(&self, id: EndpointId, reason: &str) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "UPDATE endpoint SET enabled = 0, disabled_reason = ?2, written_by = ?3 \
                 WHERE id = ?1 AND kind IN ('driver', 'endpoint')",
            )?
            .execute(params![id.0, reason, self.name])?;
        Ok(())
    }

    /// At start: adds the driver's endpoint, or gives it the URL from the environment. If the environment has none any more
    /// the URL is removed, and so are headers that were given for another URL.
    pub fn put_driver(
        &self,
        first: &EndpointRow,
        url: Option<&str>,
        headers: DriverHeaders,
    ) -> Result<(), StoreError> {
        let known = self.reader().endpoint(DRIVER)?;
        let Some(mut known) = known else {
            self.insert_endpoint(first)?;
            return Ok(());
        };
        match url {
            Some(url) => (known.url, known.url_by) = (url.to_owned(), UrlBy::Environment),
            None if known.url_by == UrlBy::Environment => known.url.clear(),
            None => {}
        }
        if headers == DriverHeaders::Remove {
            known.headers.clone_from(&first.headers);
        }
        self.put_endpoint(&known).map(drop)
    }

    /// The endpoint of a callback URL, added if it does not exist.
    pub(super) fn callback_endpoint(&self, url: &str, now: i64) -> Result<EndpointId, StoreError> {
        let mut known = self
            .conn
            .prepare_cached("SELECT id FROM endpoint WHERE kind = 'callback' AND url = ?1")?;
        if let Some(id) = known.query_row([url], |row| row.get(0).map(EndpointId)).optional()? {
            return Ok(id);
        }
        let mut last = self.conn.prepare_cached("SELECT max(id) FROM endpoint")?;
        let last: Option<i64> = last.query_row([], |row| row.get(0))?;
        self.insert_endpoint(&EndpointRow {
            id: EndpointId(0),
            // It has no public name: no request names it.
            public_id: format!("callback_{now}_{}", last.unwrap_or(0) + 1),
            kind: EndpointKind::Callback,
            url: url.to_owned(),
            url_by: UrlBy::Api,
            description: String::new(),
            community: 0,
            event_types: "[]".into(),
            format: BodyFormat::Process,
            form: false,
            headers: Vec::new(),
            ordering: EndpointOrdering::Fifo,
            timeout_ms: CALLBACK_TIMEOUT_MS,
            enabled: true,
            disabled_reason: None,
            secret: Vec::new(),
            old_secret_until: None,
            created_at: now,
        })
    }

    /// Removes endpoints that still have no delivery.
    pub fn purge_endpoints(&self, ids: &[EndpointId]) -> Result<(), StoreError> {
        for id in ids {
            self.conn
                .prepare_cached(
                    "DELETE FROM endpoint WHERE id = ?1 AND kind IN ('callback', 'deleted') \
                     AND NOT EXISTS (SELECT 1 FROM delivery WHERE endpoint_id = ?1)",
                )?
                .execute([id.0])?;
        }
        Ok(())
    }

    /// Wipes replaced secrets that sign no more.
    pub fn purge_old_secrets(&self, now: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM endpoint_old_secret WHERE until <= ?1")?
            .execute([now])?;
        self.conn
            .prepare_cached(
                "UPDATE endpoint SET old_secret_until = NULL WHERE kind IN ('driver', 'endpoint') AND old_secret_until <= ?1",
            )?
            .execute([now])?;
        Ok(())
    }
}
