//! The tables `plugin_day`, `webhook_load` and `community_load`: how much of the store each plugin, instance and community
//! uses.
//!
//! `plugin_day` has drivers too, as `driver:` and the id of their API key.
//!
//! Triggers keep the loads up to date, so that no statement can forget them.

use rusqlite::{OptionalExtension, params};

use crate::engine::rows::Table;
use crate::{Reader, StoreError, Tx};
use moothall_core::day_budget::StoredDay;
use moothall_core::ids::{CommunityId, InstanceId, ProcessId};

const PLUGIN_DAY: Table = Table("plugin_day", 0);

/// Why a webhook is refused.
pub const NO_WEBHOOK_ROOM: &str = "as many webhooks of this instance wait or are dead letters as may \
                                   ([webhooks] instance_bytes, instance_items); see /api/internal/workers";

/// How many people and accounts a community has, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommunityLoad {
    pub people: u64,
    pub accounts: u64,
    pub bytes: u64,
}

/// How many items one instance may have, waiting or as dead letters, and how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookBounds {
    pub items: u64,
    pub bytes: u64,
}

impl Reader<'_> {
    pub fn stored_days(&self) -> Result<Vec<StoredDay>, StoreError> {
        let mut statement = self.conn.prepare("SELECT plugin, day, bytes FROM plugin_day")?;
        let day = |row: &rusqlite::Row<'_>| {
            Ok(StoredDay { who: row.get(0)?, day: row.get(1)?, bytes: row.get(2)? })
        };
        Ok(self.unreadable.list(statement.query([])?, PLUGIN_DAY, usize::MAX, day)?.rows)
    }

    pub fn community_load(&self, community: CommunityId) -> Result<CommunityLoad, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT people, accounts, bytes FROM community_load WHERE community_id = ?1",
        )?;
        let number = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(i64::unsigned_abs);
        let load = statement.query_row([community.0], |row| {
            let (people, accounts) = (number(row, 0)?, number(row, 1)?);
            Ok(CommunityLoad { people, accounts, bytes: number(row, 2)? })
        });
        Ok(load.optional()?.unwrap_or_default())
    }

    /// Whether the items of an instance are within the bounds.
    pub fn has_webhook_room(
        &self,
        instance: InstanceId,
        bounds: WebhookBounds,
    ) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT 1 FROM webhook_load WHERE instance_id = ?1 AND (items > ?2 OR bytes > ?3)",
        )?;
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let is_over =
            statement.exists(params![instance.0, bound(bounds.items), bound(bounds.bytes)])?;
        Ok(!is_over)
    }
}

impl Tx<'_> {
    pub fn put_stored_days(&self, days: &[StoredDay]) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "INSERT INTO plugin_day (plugin, day, bytes) VALUES (?1, ?2, ?3) \
             ON CONFLICT (plugin) DO UPDATE SET day = excluded.day, bytes = excluded.bytes",
        )?;
        days.iter().try_for_each(|one| {
            statement.execute(params![one.who, one.day, one.bytes]).map(drop)
        })?;
        Ok(())
    }

    /// After items were added: fails if the instance has more than it may.
    pub fn require_webhook_room(
        &self,
        instance: InstanceId,
        bounds: WebhookBounds,
    ) -> Result<(), StoreError> {
        if self.reader().has_webhook_room(instance, bounds)? {
            return Ok(());
        }
        Err(StoreError::NoRoom(NO_WEBHOOK_ROOM))
    }

    /// The receivers of a platform-wide request whose instances have room; fails if none has. A full instance does not
    /// affect the others.
    pub fn with_webhook_room(
        &self,
        receivers: &[(InstanceId, Option<ProcessId>)],
        bounds: WebhookBounds,
    ) -> Result<Vec<(InstanceId, Option<ProcessId>)>, StoreError> {
        let mut with_room = Vec::with_capacity(receivers.len());
        for (instance, process) in receivers {
            if self.reader().has_webhook_room(*instance, bounds)? {
                with_room.push((*instance, *process));
            } else {
                tracing::warn!(
                    instance = instance.0,
                    "a platform-wide webhook is not kept for it: {NO_WEBHOOK_ROOM}"
                );
            }
        }
        if with_room.is_empty() { Err(StoreError::NoRoom(NO_WEBHOOK_ROOM)) } else { Ok(with_room) }
    }
}
