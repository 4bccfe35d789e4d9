//! The tables `webhook_request` and `webhook_item`.
//!
//! An item is added by the commit that makes it due and removed by the commit of its call, so that it takes effect once. A
//! request stays as long as an item refers to it.

use rusqlite::{Row, params};

use super::processes::PROCESS;
use crate::engine::rows::{Found, Table, not_json, sql_limit};
use crate::{Reader, StoreError, Tx};
use moothall_core::ids::{InstanceId, ProcessId};
use moothall_core::web::Request;

const WEBHOOK_ITEM: Table = Table("webhook_item", 0);

/// One receiver that a request waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookItem {
    pub id: i64,
    pub webhook: i64,
    pub instance: InstanceId,
    /// None: the instance's receiver itself.
    pub process: Option<ProcessId>,
    pub attempts: u32,
    pub due_at: i64,
    pub last_error: Option<String>,
}

/// An instance's receiver, or one of its processes.
pub type WebhookReceiver = (InstanceId, Option<ProcessId>);

impl WebhookItem {
    pub fn receiver(&self) -> WebhookReceiver {
        (self.instance, self.process)
    }
}

/// The items that are due, of the receivers that were read.
#[derive(Clone, Debug, Default)]
pub struct DueWebhooks {
    pub found: Vec<WebhookItem>,
    /// Items that cannot be read.
    pub unreadable: Vec<i64>,
    /// Where to go on, if there may be more.
    pub next: Option<WebhookReceiver>,
}

/// How many items wait, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookLag {
    pub waiting: i64,
    /// Of those, how many have failed before.
    pub failing: i64,
    pub dead: i64,
    /// When the one that has waited longest was received.
    pub oldest_at: Option<i64>,
}

const ITEM: &str = "id, webhook_id, instance_id, process_id, attempts, due_at, last_error";

fn receiver(row: &Row<'_>) -> rusqlite::Result<WebhookReceiver> {
    Ok((InstanceId(row.get(2)?), Some(row.get(3)?).filter(|id| *id != 0).map(ProcessId)))
}

fn item(row: &Row<'_>) -> rusqlite::Result<WebhookItem> {
    let (instance, process) = receiver(row)?;
    Ok(WebhookItem {
        id: row.get(0)?,
        webhook: row.get(1)?,
        instance,
        process,
        attempts: row.get(4)?,
        due_at: row.get(5)?,
        last_error: row.get(6)?,
    })
}

impl Reader<'_> {
    /// For each receiver after `after` its first item, if that is due at `now`: one step of the index for each receiver, at
    /// most `steps`, however much waits. And where to go on, if there may be more.
    pub fn due_webhooks(
        &self,
        after: WebhookReceiver,
        now: i64,
        steps: usize,
    ) -> Result<DueWebhooks, StoreError> {
        let mut next = self.conn.prepare_cached(&format!(
            "SELECT {ITEM} FROM webhook_item INDEXED BY webhook_item_receiver WHERE state = 'waiting' \
             AND (instance_id, process_id) > (?1, ?2) ORDER BY instance_id, process_id, due_at, id LIMIT 1"
        ))?;
        let (mut at, mut due) = (after, DueWebhooks::default());
        for _ in 0..steps {
            let process = at.1.map_or(0, |process| process.0);
            let mut rows = next.query([at.0.0, process])?;
            let Some(row) = rows.next()? else { return Ok(due) };
            at = receiver(row)?;
            let id = row.get(0)?;
            match self.unreadable.one(WEBHOOK_ITEM.0, id, item(row))? {
                Found::Row(first) if first.due_at <= now => due.found.push(first),
                Found::Row(_) | Found::Nothing => {}
                Found::Unreadable => due.unreadable.push(id),
            }
        }
        due.next = Some(at);
        Ok(due)
    }

    /// Whether any process of the instance waits for webhooks.
    pub fn has_pending(&self, instance: InstanceId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT 1 FROM process WHERE instance_id = ?1 AND status <> 'completed' LIMIT 1",
        )?;
        Ok(statement.exists([instance.0])?)
    }

    /// A request, and the request id with which it came.
    pub fn webhook(&self, id: i64) -> Result<Found<(Request, String)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT method, path, query, headers, body, request_id FROM webhook_request WHERE id = ?1",
        )?;
        let row = statement.query_row([id], |row| {
            let headers: String = row.get(3)?;
            let request = Request {
                method: row.get(0)?,
                path: row.get(1)?,
                query: row.get(2)?,
                headers: serde_json::from_str(&headers).map_err(|error| not_json(3, error))?,
                body: row.get(4)?,
            };
            Ok((request, row.get(5)?))
        });
        self.unreadable.one("webhook_request", id, row)
    }

    /// Dead letters after `after`, in ascending id.
    pub fn dead_webhooks(&self, after: i64, limit: usize) -> Result<Vec<WebhookItem>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {ITEM} FROM webhook_item WHERE id > ?1 AND state = 'dead' ORDER BY id LIMIT ?2"
        ))?;
        let rows = statement.query(params![after, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, WEBHOOK_ITEM, limit, item)?.rows)
    }

    pub fn webhook_lag(&self) -> Result<WebhookLag, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'waiting' AND attempts > 0), \
             count(*) FILTER (WHERE state = 'dead'), \
             min(CASE WHEN state = 'waiting' THEN received_at END) \
             FROM webhook_item JOIN webhook_request ON webhook_request.id = webhook_id",
        )?;
        Ok(statement.query_row([], |row| {
            Ok(WebhookLag {
                waiting: row.get(0)?,
                failing: row.get(1)?,
                dead: row.get(2)?,
                oldest_at: row.get(3)?,
            })
        })?)
    }
}

impl Tx<'_> {
    /// Adds a request, with one item for each receiver.
    pub fn add_webhook(
        &self,
        request: &Request,
        request_id: &str,
        receivers: &[(InstanceId, Option<ProcessId>)],
        now: i64,
        due_at: i64,
    ) -> Result<Vec<WebhookItem>, StoreError> {
        if receivers.is_empty() {
            return Ok(Vec::new());
        }
        let headers = serde_json::to_string(&request.headers).unwrap_or_else(|_| "[]".to_owned());
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO webhook_request (request_id, method, path, query, headers, body, received_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
        )?;
        let Request { method, path, query, body, .. } = request;
        let values = params![request_id, method, path, query, headers, body, now];
        let webhook = insert.query_row(values, |row| row.get(0))?;
        self.add_webhook_items(webhook, receivers, due_at)
    }

    /// Adds items for more receivers of a stored request.
    pub fn add_webhook_items(
        &self,
        webhook: i64,
        receivers: &[(InstanceId, Option<ProcessId>)],
        due_at: i64,
    ) -> Result<Vec<WebhookItem>, StoreError> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO webhook_item (webhook_id, instance_id, process_id, state, attempts, due_at) \
             VALUES (?1, ?2, ?3, 'waiting', 0, ?4) RETURNING id",
        )?;
        let mut items = Vec::with_capacity(receivers.len());
        for (instance, process) in receivers {
            let number = process.map_or(0, |process| process.0);
            let values = params![webhook, instance.0, number, due_at];
            items.push(WebhookItem {
                id: insert.query_row(values, |row| row.get(0))?,
                webhook,
                instance: *instance,
                process: *process,
                attempts: 0,
                due_at,
                last_error: None,
            });
        }
        self.raised.webhooks.set(true);
        Ok(items)
    }

    /// Makes items due now, whose platform has its answer.
    pub fn release_webhook_items(&self, ids: &[i64], now: i64) -> Result<(), StoreError> {
        let mut release = self.conn.prepare_cached(
            "UPDATE webhook_item SET due_at = ?2 WHERE id = ?1 AND state = 'waiting' AND attempts = 0",
        )?;
        for id in ids {
            release.execute([*id, now])?;
        }
        self.raised.webhooks.set(true);
        Ok(())
    }

    /// The processes of an instance that are not completed and of one of these types, in ascending id.
    pub fn pending_processes(
        &self,
        instance: InstanceId,
        types: &[String],
    ) -> Result<Vec<ProcessId>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, name FROM process WHERE instance_id = ?1 AND status <> 'completed' ORDER BY id",
        )?;
        let named = |row: &Row<'_>| Ok((ProcessId(row.get(0)?), row.get::<_, String>(1)?));
        let rows = statement.query([instance.0])?;
        let rows = self.unreadable.list(rows, PROCESS, usize::MAX, named)?.rows;
        Ok(rows.into_iter().filter(|(_, name)| types.contains(name)).map(|(id, _)| id).collect())
    }

    /// Removes an item that was handled; fails with `Stale` if it is gone, so that nothing of the write is stored.
    pub fn end_webhook_item(&self, item: &WebhookItem) -> Result<(), StoreError> {
        if !self.remove_webhook_item(item)? {
            return Err(StoreError::Stale);
        }
        Ok(())
    }

    /// Removes an item, and its request with the last one. Whether the item existed.
    pub fn remove_webhook_item(&self, item: &WebhookItem) -> Result<bool, StoreError> {
        let removed = self
            .conn
            .prepare_cached("DELETE FROM webhook_item WHERE id = ?1")?
            .execute([item.id])?;
        self.conn
            .prepare_cached(
                "DELETE FROM webhook_request WHERE id = ?1 AND NOT EXISTS \
                 (SELECT 1 FROM webhook_item WHERE webhook_id = ?1)",
            )?
            .execute([item.webhook])?;
        Ok(removed == 1)
    }

    /// Stores that an attempt failed: the item is due again then, or is a dead letter (`due_at` none).
    pub fn fail_webhook_item(
        &self,
        id: i64,
        attempts: u32,
        due_at: Option<i64>,
        now: i64,
        error: &str,
    ) -> Result<(), StoreError> {
        let state = if due_at.is_some() { "waiting" } else { "dead" };
        self.conn
            .prepare_cached(
                "UPDATE webhook_item SET state = ?2, attempts = ?3, due_at = ?4, last_error = ?5 WHERE id = ?1",
            )?
            .execute(params![id, state, attempts, due_at.unwrap_or(now), error])?;
        Ok(())
    }

    /// Makes dead letters of items that cannot be read, or whose request cannot, so that they hold up no others.
    pub fn bury_webhook_items(&self, ids: &[i64], now: i64) -> Result<(), StoreError> {
        let mut bury = self.conn.prepare_cached(
            "UPDATE webhook_item SET state = 'dead', attempts = 0, due_at = ?2, \
             last_error = 'its stored row or request cannot be read' WHERE id = ?1 AND state = 'waiting'",
        )?;
        ids.iter().try_for_each(|id| bury.execute([*id, now]).map(drop))?;
        self.raised.webhooks.set(true);
        Ok(())
    }

    /// Makes dead letters due again: one, or at most `limit` of them. Returns how many.
    pub fn retry_webhooks(
        &self,
        id: Option<i64>,
        now: i64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let retried = self
            .conn
            .prepare_cached(
                "UPDATE webhook_item SET state = 'waiting', attempts = 0, due_at = ?1 WHERE id IN \
                 (SELECT id FROM webhook_item WHERE state = 'dead' AND (?2 IS NULL OR id = ?2) LIMIT ?3)",
            )?
            .execute(params![now, id, limit as i64])?;
        self.raised.webhooks.set(true);
        Ok(retried)
    }

    /// Removes dead letters: one, or at most `limit` of those that died before `before`.
    pub fn skip_webhooks(
        &self,
        id: Option<i64>,
        before: i64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {ITEM} FROM webhook_item WHERE state = 'dead' AND due_at < ?1 AND (?2 IS NULL OR id = ?2) LIMIT ?3"
        ))?;
        let rows = statement.query(params![before, id, sql_limit(limit)])?;
        let items = self.unreadable.list(rows, WEBHOOK_ITEM, limit, item)?.rows;
        for item in &items {
            self.remove_webhook_item(item)?;
        }
        Ok(items.len())
    }
}
