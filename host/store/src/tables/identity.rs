//! The table `person`: people of communities, and who is merged with whom.
//!
//! A person belongs to one community, and is found neither from another nor after the community was deleted.

use rusqlite::{OptionalExtension, params};

use super::accounts::{ACCOUNT, AccountFilter, account_row};
use crate::engine::rows::{Bound, Table, sql_limit};
use crate::{Reader, StoreError, Tx};
use moothall_core::effects::{Account, LinkQuality, LinkType};
use moothall_core::ids::{CommunityId, PersonId};

/// Accounts of one person that are read at most.
const ACCOUNTS: usize = 10_000;
/// Bytes of accounts after which no more are read of one person.
const USER_BYTES: usize = 4 << 20;
/// Named by its person's id.
const LINKED_ACCOUNT: Table = Table("linked_account", 0);
/// How many people may be merged with one another: merging writes a row for each.
pub const MERGED: usize = 1_000;

/// A person as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    pub id: PersonId,
    /// Whom they are merged with, or themselves.
    pub primary: PersonId,
    pub community: CommunityId,
    /// The community's slug now.
    pub slug: String,
}

/// A person with every account of everyone they are merged with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub primary: PersonId,
    pub accounts: Vec<Account>,
}

impl Reader<'_> {
    pub fn person(&self, id: PersonId) -> Result<Option<PersonRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT person.id, primary_id, community_id, slug FROM person \
             JOIN community ON community.id = community_id WHERE person.id = ?1",
        )?;
        let row = statement.query_row([id.0], |row| {
            Ok(PersonRow {
                id: PersonId(row.get(0)?),
                primary: PersonId(row.get(1)?),
                community: CommunityId(row.get(2)?),
                slug: row.get(3)?,
            })
        });
        Ok(row.optional()?)
    }

    /// The accounts of a primary person and of everyone merged with them, at most `ACCOUNTS` and some megabytes.
    pub fn user(&self, primary: PersonId) -> Result<User, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {ACCOUNT} FROM person JOIN linked_account ON person_id = person.id \
             WHERE primary_id = ?1 ORDER BY platform_type, platform_identifier, community_platform_id LIMIT ?2"
        ))?;
        let rows = statement.query(params![primary.0, sql_limit(ACCOUNTS)])?;
        let size = |account: &Account| usize::try_from(account.bytes()).unwrap_or(usize::MAX);
        let bound = Bound { rows: ACCOUNTS, bytes: USER_BYTES, size };
        let (accounts, _) =
            self.unreadable.list_bounded(rows, LINKED_ACCOUNT, bound, account_row)?;
        Ok(User { primary, accounts })
    }

    /// Primary people after `after` with an account that matches `filter`, at most `limit`; all if the filter is empty.
    pub fn primaries(
        &self,
        community: CommunityId,
        filter: &AccountFilter,
        after: PersonId,
        limit: usize,
    ) -> Result<Vec<PersonId>, StoreError> {
        let sql = if filter.is_empty() {
            "SELECT id FROM person WHERE community_id = ?1 AND id > ?2 AND primary_id = id AND ?4 IS NULL \
             AND ?5 IS NULL AND ?6 IS NULL AND ?7 IS NULL AND ?8 IS NULL ORDER BY id LIMIT ?3"
        } else {
            "SELECT DISTINCT primary_id FROM linked_account JOIN person ON person.id = person_id \
             WHERE linked_account.community_id = ?1 AND primary_id > ?2 AND (?4 IS NULL OR platform_type = ?4) \
             AND (?5 IS NULL OR platform_identifier = ?5) AND (?6 IS NULL OR community_platform_id = ?6) \
             AND (?7 IS NULL OR link_type = ?7) AND (?8 IS NULL OR link_quality = ?8) \
             ORDER BY primary_id LIMIT ?3"
        };
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(
            params![
                community.0,
                after.0,
                limit as i64,
                filter.platform_type,
                filter.platform_identifier,
                filter.community_platform_id,
                filter.link_type.map(LinkType::as_str),
                filter.link_quality.map(LinkQuality::as_str),
            ],
            |row| row.get(0).map(PersonId),
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The slug that a community has now; none once it is deleted.
    pub fn slug_of(&self, community: CommunityId) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT slug FROM community WHERE id = ?1")?;
        Ok(statement.query_row([community.0], |row| row.get(0)).optional()?)
    }
}

impl Tx<'_> {
    pub fn add_person(
        &self,
        community: CommunityId,
        id: PersonId,
        now: i64,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO person (id, community_id, primary_id, created_at, written_by) VALUES (?1, ?2, ?1, ?3, ?4)",
            )?
            .execute(params![id.0, community.0, now, self.name])?;
        Ok(())
    }

    /// Fails unless the community exists: it may be gone since the request found it.
    pub fn require_community(&self, community: CommunityId) -> Result<(), StoreError> {
        let there = self.reader().slug_of(community)?;
        there.map(drop).ok_or(StoreError::Stale)
    }

    /// Merges a person, and everyone merged with them, with another one, whose primary person stays the primary one. None:
    /// together they would be more than `MERGED`.
    pub fn merge_people(
        &self,
        into: PersonId,
        person: PersonId,
    ) -> Result<Option<PersonId>, StoreError> {
        let primary_of = |id| -> Result<PersonId, StoreError> {
            let person = self.reader().person(id)?;
            person.map(|person| person.primary).ok_or(StoreError::Stale)
        };
        let (to, from) = (primary_of(into)?, primary_of(person)?);
        if to == from {
            return Ok(Some(to));
        }
        let mut count =
            self.conn.prepare_cached("SELECT count(*) FROM person WHERE primary_id IN (?1, ?2)")?;
        let together: i64 = count.query_row([to.0, from.0], |row| row.get(0))?;
        if together.unsigned_abs() as usize > MERGED {
            return Ok(None);
        }
        self.conn
            .prepare_cached(
                "UPDATE person SET primary_id = ?2, written_by = ?3 WHERE primary_id = ?1",
            )?
            .execute(params![from.0, to.0, self.name])?;
        Ok(Some(to))
    }
}
