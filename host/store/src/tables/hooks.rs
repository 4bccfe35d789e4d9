//! The tables `hook` and `hook_step`.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use crate::engine::rows::Table;
use crate::{Reader, StoreError, Tx};
use moothall_core::ids::CommunityId;

const HOOK: Table = Table("hook", 0);
const HOOK_STEP: Table = Table("hook_step", 0);

/// A hook that a driver declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRow {
    pub name: String,
    /// JSON.
    pub definition: String,
}

/// A step that was added through the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// 0 in a row that is to be added.
    pub id: i64,
    pub public_id: String,
    pub hook: String,
    /// `HOST`: all.
    pub community: CommunityId,
    /// JSON, as it is shown.
    pub settings: String,
    /// Sealed.
    pub secret: Vec<u8>,
    pub created_at: i64,
}

/// The result of a PUT of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookPut {
    Done,
    /// The hook was changed since it was read.
    Changed,
    TooMany,
}

impl HookRow {
    pub fn shown(&self) -> Value {
        serde_json::from_str(&self.definition).unwrap_or_default()
    }
}

impl StepRow {
    pub fn shown(&self) -> Value {
        serde_json::from_str(&self.settings).unwrap_or_default()
    }
}

const STEP: &str = "id, public_id, hook, community_id, settings, secret, created_at";

fn step(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    Ok(StepRow {
        id: row.get(0)?,
        public_id: row.get(1)?,
        hook: row.get(2)?,
        community: CommunityId(row.get(3)?),
        settings: row.get(4)?,
        secret: row.get(5)?,
        created_at: row.get(6)?,
    })
}

impl Reader<'_> {
    pub fn hooks(&self) -> Result<Vec<HookRow>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT name, definition FROM hook ORDER BY name")?;
        let hook = |row: &Row<'_>| Ok(HookRow { name: row.get(0)?, definition: row.get(1)? });
        Ok(self.unreadable.list(statement.query([])?, HOOK, usize::MAX, hook)?.rows)
    }

    pub fn hook(&self, name: &str) -> Result<Option<HookRow>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT name, definition FROM hook WHERE name = ?1")?;
        let row = statement
            .query_row([name], |row| Ok(HookRow { name: row.get(0)?, definition: row.get(1)? }));
        Ok(row.optional()?)
    }

    /// The steps of all hooks.
    pub fn steps(&self) -> Result<Vec<StepRow>, StoreError> {
        let sql = format!("SELECT {STEP} FROM hook_step ORDER BY id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(self.unreadable.list(statement.query([])?, HOOK_STEP, usize::MAX, step)?.rows)
    }

    pub fn step(&self, public_id: &str) -> Result<Option<StepRow>, StoreError> {
        let sql = format!("SELECT {STEP} FROM hook_step WHERE public_id = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([public_id], step).optional()?)
    }
}

impl Tx<'_> {
    /// Stores a hook, unless it was changed since it was read.
    pub fn put_hook(
        &self,
        before: Option<&HookRow>,
        row: &HookRow,
        limit: usize,
        now: i64,
    ) -> Result<HookPut, StoreError> {
        if self.reader().hook(&row.name)?.as_ref() != before {
            return Ok(HookPut::Changed);
        }
        let mut count = self.conn.prepare_cached("SELECT count(*) FROM hook WHERE name <> ?1")?;
        if count.query_row([&row.name], |row| row.get::<_, i64>(0))? >= limit as i64 {
            return Ok(HookPut::TooMany);
        }
        self.conn
            .prepare_cached(
                "INSERT INTO hook (name, definition, created_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
            )?
            .execute(params![row.name, row.definition, now])?;
        Ok(HookPut::Done)
    }

    /// Removes a hook with its steps. Whether it existed.
    pub fn delete_hook(&self, name: &str) -> Result<bool, StoreError> {
        self.conn.prepare_cached("DELETE FROM hook_step WHERE hook = ?1")?.execute([name])?;
        let deleted =
            self.conn.prepare_cached("DELETE FROM hook WHERE name = ?1")?.execute([name])?;
        Ok(deleted == 1)
    }

    /// Adds a step; false if its hook would have more than `limit`.
    pub fn add_step(&self, row: &StepRow, limit: usize) -> Result<bool, StoreError> {
        let mut count =
            self.conn.prepare_cached("SELECT count(*) FROM hook_step WHERE hook = ?1")?;
        let others = count.query_row([&row.hook], |row| row.get::<_, i64>(0))?;
        if others >= limit as i64 {
            return Ok(false);
        }
        self.conn
            .prepare_cached(
                "INSERT INTO hook_step (public_id, hook, community_id, settings, secret, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                row.public_id,
                row.hook,
                row.community.0,
                row.settings,
                row.secret,
                row.created_at
            ])?;
        Ok(true)
    }

    /// Stores a step without its secret; false if it was changed since it was read.
    pub fn put_step(&self, before: &StepRow, after: &StepRow) -> Result<bool, StoreError> {
        if self.reader().step(&before.public_id)?.as_ref() != Some(before) {
            return Ok(false);
        }
        self.conn
            .prepare_cached("UPDATE hook_step SET community_id = ?2, settings = ?3 WHERE id = ?1")?
            .execute(params![before.id, after.community.0, after.settings])?;
        Ok(true)
    }

    /// Whether it existed.
    pub fn delete_step(&self, hook: &str, public_id: &str) -> Result<bool, StoreError> {
        let deleted = self
            .conn
            .prepare_cached("DELETE FROM hook_step WHERE hook = ?1 AND public_id = ?2")?
            .execute([hook, public_id])?;
        Ok(deleted == 1)
    }
}
