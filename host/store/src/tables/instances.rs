//! The tables `community`, `instance` and `instance_secret`.
//!
//! Read whole at start for the index in memory; written only by the mutations of a community.

use std::collections::BTreeMap;

use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::{OptionalExtension, Row, params};

use crate::engine::rows::{Table, sql_limit};
use crate::{Reader, StoreError, Taken, Tx};
use moothall_core::ids::{CommunityId, CommunitySlug, Generation, InstanceId, PluginDigestId};

const COMMUNITY: Table = Table("community", 0);
const INSTANCE: Table = Table("instance", 0);
/// Named by its instance's id.
const SECRET: Table = Table("instance_secret", 0);

/// A community's row.
#[derive(Clone, Debug)]
pub struct CommunityRow {
    pub id: CommunityId,
    pub slug: String,
    pub readable_name: String,
}

/// An instance's row, without its secrets' values.
#[derive(Clone, Debug)]
pub struct InstanceRow {
    pub id: InstanceId,
    pub community: CommunityId,
    pub plugin: String,
    pub platform_id: Option<String>,
    pub generation: Generation,
    pub config: String,
    /// The plugin file whose schema accepted the config.
    pub plugin_digest_id: PluginDigestId,
}

/// A new instance.
#[derive(Clone, Debug)]
pub struct NewInstance {
    pub id: InstanceId,
    pub community: CommunityId,
    pub plugin: String,
    pub platform_id: Option<String>,
    pub config: String,
    pub plugin_version: String,
    pub plugin_digest_id: PluginDigestId,
}

/// One sealed secret of a configuration.
#[derive(Clone, Debug)]
pub struct SecretRow {
    pub pointer: String,
    pub sealed: Vec<u8>,
}

impl Reader<'_> {
    pub fn communities(&self) -> Result<Vec<CommunityRow>, StoreError> {
        let mut statement = self.conn.prepare("SELECT id, slug, readable_name FROM community")?;
        let community = |row: &Row<'_>| {
            Ok(CommunityRow {
                id: CommunityId(row.get(0)?),
                slug: row.get(1)?,
                readable_name: row.get(2)?,
            })
        };
        let rows = statement.query([])?;
        Ok(self.unreadable.list(rows, COMMUNITY, usize::MAX, community)?.rows)
    }

    /// All instances, by their communities.
    pub fn instances(&self) -> Result<BTreeMap<CommunityId, Vec<InstanceRow>>, StoreError> {
        let mut statement = self
            .conn
            .prepare("SELECT id, community_id, plugin, platform_id, generation, config, plugin_digest_id FROM instance ORDER BY id")?;
        let mut by_community: BTreeMap<CommunityId, Vec<InstanceRow>> = BTreeMap::new();
        let rows = statement.query([])?;
        for row in self.unreadable.list(rows, INSTANCE, usize::MAX, instance_row)?.rows {
            by_community.entry(row.community).or_default().push(row);
        }
        Ok(by_community)
    }

    /// The highest ids ever given to a community and to an instance.
    pub fn last_ids(&self) -> Result<(CommunityId, InstanceId), StoreError> {
        let last = |table: &str| {
            self.conn
                .query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [table], |row| {
                    row.get(0)
                })
                .optional()
                .map(Option::unwrap_or_default)
        };
        Ok((CommunityId(last("community")?), InstanceId(last("instance")?)))
    }

    /// The slug of the community that an instance belongs to.
    pub fn community_of(&self, instance: InstanceId) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT community.slug FROM instance JOIN community ON community.id = community_id WHERE instance.id = ?1",
        )?;
        Ok(statement.query_row([instance.0], |row| row.get(0)).optional()?)
    }

    /// The `community_platform_id`s under which a community has the plugin.
    pub fn platform_ids(
        &self,
        community: CommunityId,
        plugin: &str,
    ) -> Result<Vec<String>, StoreError> {
        let mut ids = self.conn.prepare_cached(
            "SELECT platform_id FROM instance WHERE community_id = ?1 AND plugin = ?2 AND platform_id <> '' \
             ORDER BY platform_id",
        )?;
        let ids = ids.query_map(params![community.0, plugin], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The version of its plugin that an instance last ran on; none if it is gone, or has another
    /// generation.
    pub fn plugin_version(
        &self,
        instance: InstanceId,
        generation: Generation,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT plugin_version FROM instance WHERE id = ?1 AND generation = ?2",
        )?;
        let version = statement.query_row([instance.0, generation.0], |row| row.get(0));
        Ok(version.optional()?)
    }

    /// Slugs after `after`, ascending, at most `limit`.
    pub fn community_slugs(&self, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT slug FROM community WHERE slug > ?1 ORDER BY slug LIMIT ?2")?;
        let rows = statement.query(params![after, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, COMMUNITY, limit, |row| row.get(0))?.rows)
    }

    /// The sealed secret of that generation of the instance. The outer none means that the instance is gone, or has another
    /// generation.
    pub fn secret(
        &self,
        instance: InstanceId,
        generation: Generation,
        pointer: &str,
    ) -> Result<Option<Option<Vec<u8>>>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT sealed FROM instance LEFT JOIN instance_secret ON instance_id = id AND pointer = ?3 \
             WHERE id = ?1 AND generation = ?2",
        )?;
        let row = statement.query_row(params![instance.0, generation.0, pointer], |row| row.get(0));
        Ok(row.optional()?)
    }

    /// The pointers of the secrets of a community's instances, without their values.
    pub fn secret_pointers(
        &self,
        community: CommunityId,
    ) -> Result<BTreeMap<InstanceId, Vec<String>>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT instance_id, pointer FROM instance_secret JOIN instance ON instance.id = instance_id \
             WHERE community_id = ?1",
        )?;
        let mut by_instance: BTreeMap<InstanceId, Vec<String>> = BTreeMap::new();
        let pointer = |row: &Row<'_>| Ok((InstanceId(row.get(0)?), row.get(1)?));
        let rows = statement.query([community.0])?;
        for (instance, pointer) in self.unreadable.list(rows, SECRET, usize::MAX, pointer)?.rows {
            by_instance.entry(instance).or_default().push(pointer);
        }
        Ok(by_instance)
    }

    pub fn secrets(&self, instance: InstanceId) -> Result<Vec<SecretRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT pointer, sealed FROM instance_secret WHERE instance_id = ?1 ORDER BY pointer",
        )?;
        let rows = statement.query_map([instance.0], |row| {
            Ok(SecretRow { pointer: row.get(0)?, sealed: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn instance_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<InstanceRow> {
    let platform_id: String = row.get(3)?;
    Ok(InstanceRow {
        id: InstanceId(row.get(0)?),
        community: CommunityId(row.get(1)?),
        plugin: row.get(2)?,
        platform_id: Some(platform_id).filter(|id| !id.is_empty()),
        generation: Generation(row.get(4)?),
        config: row.get(5)?,
        plugin_digest_id: PluginDigestId(row.get(6)?),
    })
}

impl Tx<'_> {
    pub fn add_community(&self, community: &CommunityRow, now: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO community (id, slug, readable_name, created_at, written_by) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![community.id.0, community.slug, community.readable_name, now, self.name])
            .map_err(|error| taken(error, Taken::Slug))?;
        Ok(())
    }

    pub fn change_community(
        &self,
        id: CommunityId,
        slug: &CommunitySlug,
        readable_name: &str,
    ) -> Result<(), StoreError> {
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE community SET slug = ?2, readable_name = ?3, written_by = ?4 WHERE id = ?1",
            )?
            .execute(params![id.0, slug.as_str(), readable_name, self.name])
            .map_err(|error| taken(error, Taken::Slug))?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// Removes a community whose instances were removed before; the purge removes its other rows.
    pub fn remove_community(&self, id: CommunityId) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM hook_step WHERE community_id = ?1 AND community_id <> 0")?
            .execute([id.0])?;
        self.conn
            .prepare_cached(
                "INSERT INTO purge_community (community_id, slug) \
                 SELECT id, slug FROM community WHERE id = ?1 ON CONFLICT DO NOTHING",
            )?
            .execute([id.0])?;
        let removed =
            self.conn.prepare_cached("DELETE FROM community WHERE id = ?1")?.execute([id.0])?;
        if removed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    pub fn add_instance(&self, new: &NewInstance, now: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO instance (id, community_id, plugin, platform_id, generation, config, plugin_version, \
                 plugin_digest_id, created_at, written_by) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                new.id.0,
                new.community.0,
                new.plugin,
                new.platform_id.as_deref().unwrap_or_default(),
                new.config,
                new.plugin_version,
                new.plugin_digest_id.0,
                now,
                self.name
            ])
            .map_err(|error| taken(error, Taken::Instance))?;
        Ok(())
    }

    /// Reconfigures an instance in place: calls that began before have the old generation, and can store nothing. The version
    /// on which it ran stays: if another one's schema accepted the configuration, `upgraded` is called later.
    pub fn reconfigure_instance(
        &self,
        new: &NewInstance,
        to: Generation,
    ) -> Result<(), StoreError> {
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE instance SET generation = ?3, config = ?4, written_by = ?7, \
                 plugin_digest_id = CASE plugin_version WHEN ?5 THEN ?6 ELSE ?8 END \
                 WHERE id = ?1 AND generation = ?2",
            )?
            .execute(params![
                new.id.0,
                to.0 - 1,
                to.0,
                new.config,
                new.plugin_version,
                new.plugin_digest_id.0,
                self.name,
                PluginDigestId::NONE.0
            ])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// The instance runs on another version now; fails if somebody else changed that meanwhile. `digest_id` is
    /// the version's, if its schema accepts the configuration exactly as it is stored.
    pub fn change_version(
        &self,
        id: InstanceId,
        from: &str,
        to: &str,
        digest_id: PluginDigestId,
    ) -> Result<(), StoreError> {
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE instance SET plugin_version = ?3, plugin_digest_id = ?4, written_by = ?5 \
                 WHERE id = ?1 AND plugin_version = ?2",
            )?
            .execute(params![id.0, from, to, digest_id.0, self.name])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    pub fn replace_secrets(&self, id: InstanceId, secrets: &[SecretRow]) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM instance_secret WHERE instance_id = ?1")?
            .execute([id.0])?;
        let mut statement = self.conn.prepare_cached(
            "INSERT INTO instance_secret (instance_id, pointer, sealed) VALUES (?1, ?2, ?3)",
        )?;
        for secret in secrets {
            statement.execute(params![id.0, secret.pointer, secret.sealed])?;
        }
        Ok(())
    }

    /// Removes the instance at once and leaves its state, which nobody can reach, to the purge; and with
    /// `code` the completion of what is still pending of it.
    pub fn remove_instance(&self, id: InstanceId, code: Option<&str>) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO purge (instance_id, code) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute(params![id.0, code])?;
        let removed =
            self.conn.prepare_cached("DELETE FROM instance WHERE id = ?1")?.execute([id.0])?;
        if removed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }
}

/// What an error says: that another row has the unique value, or something else.
fn taken(error: rusqlite::Error, what: Taken) -> StoreError {
    const NOT_UNIQUE: [i32; 2] = [SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY];
    match error.sqlite_error() {
        Some(code) if NOT_UNIQUE.contains(&code.extended_code) => StoreError::Taken(what),
        _ => error.into(),
    }
}
