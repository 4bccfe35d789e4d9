//! The tables `person` and `linked_account`.
//!
//! Everything is of one community: nobody is found from another one, nor after it was deleted. What a
//! call thought of is stored as it was thought of, or the write fails.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use super::{Reader, StoreError, Taken, Tx};
use crate::effects::{Account, AccountChange, AccountKey, Claim, LinkQuality, LinkType, Owned};
use crate::ids::{CommunityId, PersonId};

/// Accounts of one person that are answered at most.
const ACCOUNTS: usize = 10_000;
/// People who may be merged with one another: merging writes a row for each.
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

/// Which accounts are looked for; what is none is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    pub platform_type: Option<String>,
    pub platform_identifier: Option<String>,
    pub community_platform_id: Option<String>,
    pub link_type: Option<LinkType>,
    pub link_quality: Option<LinkQuality>,
}

impl AccountFilter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn accepts(&self, account: &Account) -> bool {
        let same =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|one| one == is);
        let platform_id = account.key.community_platform_id.as_deref().unwrap_or_default();
        same(&self.platform_type, &account.key.platform_type)
            && same(&self.platform_identifier, &account.key.platform_identifier)
            && same(&self.community_platform_id, platform_id)
            && self.link_type.is_none_or(|one| one == account.link_type)
            && self.link_quality.is_none_or(|one| one == account.link_quality)
    }
}

const ACCOUNT: &str = "person_id, platform_type, platform_identifier, community_platform_id, custom_data, \
                       link_type, link_quality";

fn account_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    let (platform_id, link_type): (String, String) = (row.get(3)?, row.get(5)?);
    let link_quality: String = row.get(6)?;
    Ok(Account {
        person: PersonId(row.get(0)?),
        key: AccountKey {
            platform_type: row.get(1)?,
            platform_identifier: row.get(2)?,
            community_platform_id: Some(platform_id).filter(|id| !id.is_empty()),
        },
        custom_data: row.get(4)?,
        link_type: LinkType::parse(&link_type).unwrap_or(LinkType::Unknown),
        link_quality: LinkQuality::parse(&link_quality).unwrap_or(LinkQuality::Unknown),
    })
}

impl Reader<'_> {
    pub fn person(&self, id: PersonId) -> Result<Option<PersonRow>, StoreError> {
        let mut statement = self.0.prepare_cached(
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

    /// Every account of a primary person and of everyone merged with them.
    pub fn user(&self, primary: PersonId) -> Result<User, StoreError> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {ACCOUNT} FROM person JOIN linked_account ON person_id = person.id \
             WHERE primary_id = ?1 ORDER BY platform_type, platform_identifier, community_platform_id LIMIT ?2"
        ))?;
        let accounts = statement.query_map(params![primary.0, ACCOUNTS as i64], account_row)?;
        Ok(User { primary, accounts: accounts.collect::<Result<_, _>>()? })
    }

    /// Primary people after `after` with an account that `filter` wants, at most `limit`; all of them
    /// where it wants nothing.
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
        let mut statement = self.0.prepare_cached(sql)?;
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

    /// The account, and the primary person of its owner.
    pub fn account(
        &self,
        community: CommunityId,
        key: &AccountKey,
    ) -> Result<Option<(Account, PersonId)>, StoreError> {
        read_account(self.0, community, key)
    }

    /// Accounts with that name on that platform, of all its `community_platform_id`s; at most two.
    pub fn accounts_named(
        &self,
        community: CommunityId,
        platform_type: &str,
        platform_identifier: &str,
    ) -> Result<Vec<Account>, StoreError> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {ACCOUNT} FROM linked_account WHERE community_id = ?1 AND platform_type = ?2 \
             AND platform_identifier = ?3 LIMIT 2"
        ))?;
        let rows = statement
            .query_map(params![community.0, platform_type, platform_identifier], account_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The slug that a community has now; none once it is deleted.
    pub fn slug_of(&self, community: CommunityId) -> Result<Option<String>, StoreError> {
        let mut statement = self.0.prepare_cached("SELECT slug FROM community WHERE id = ?1")?;
        Ok(statement.query_row([community.0], |row| row.get(0)).optional()?)
    }
}

fn read_account(
    conn: &Connection,
    community: CommunityId,
    key: &AccountKey,
) -> Result<Option<(Account, PersonId)>, StoreError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {ACCOUNT}, primary_id FROM linked_account JOIN person ON person.id = person_id \
         WHERE linked_account.community_id = ?1 AND platform_type = ?2 AND platform_identifier = ?3 \
         AND community_platform_id = ?4"
    ))?;
    let platform_id = key.community_platform_id.as_deref().unwrap_or_default();
    let row = statement.query_row(
        params![community.0, key.platform_type, key.platform_identifier, platform_id],
        |row| Ok((account_row(row)?, PersonId(row.get(7)?))),
    );
    Ok(row.optional()?)
}

impl Tx<'_> {
    /// Stores what was thought of a community's people and accounts.
    pub fn apply_accounts(
        &self,
        community: CommunityId,
        changes: &[AccountChange],
        now: i64,
    ) -> Result<(), StoreError> {
        changes.iter().try_for_each(|change| self.apply_account(community, change, now))
    }

    fn apply_account(
        &self,
        community: CommunityId,
        change: &AccountChange,
        now: i64,
    ) -> Result<(), StoreError> {
        match change {
            AccountChange::Person(id) => self.add_person(community, *id, now),
            AccountChange::Add(account) => self.add_account(community, account, now),
            AccountChange::Change { account, before } => {
                self.change_account(community, account, *before, now)
            }
            AccountChange::Remove(key) => {
                let was_there = self.unlink_account(community, key)?;
                if was_there { Ok(()) } else { Err(StoreError::Taken(Taken::Account)) }
            }
        }
    }

    /// Links an account as the claim wants it; the account as it then is.
    pub fn link_account(
        &self,
        community: CommunityId,
        claim: Claim,
        fresh: PersonId,
        now: i64,
    ) -> Result<Result<Account, Owned>, StoreError> {
        let stored = read_account(self.conn, community, &claim.key)?;
        let primary = claim.person.map(|person| Reader(self.conn).person(person)).transpose()?;
        let primary = primary.flatten().map(|person| person.primary);
        let stored = stored.map(|(account, owner)| (account, primary == Some(owner)));
        let (account, changes) = match claim.settle(stored, fresh) {
            Ok(settled) => settled,
            Err(owned) => return Ok(Err(owned)),
        };
        self.apply_accounts(community, &changes, now)?;
        Ok(Ok(account))
    }

    /// Whether there was one.
    pub fn unlink_account(
        &self,
        community: CommunityId,
        key: &AccountKey,
    ) -> Result<bool, StoreError> {
        let platform_id = key.community_platform_id.as_deref().unwrap_or_default();
        let removed = self
            .conn
            .prepare_cached(
                "DELETE FROM linked_account WHERE community_id = ?1 AND platform_type = ?2 \
                 AND platform_identifier = ?3 AND community_platform_id = ?4",
            )?
            .execute(params![
                community.0,
                key.platform_type,
                key.platform_identifier,
                platform_id
            ])?;
        Ok(removed == 1)
    }

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

    /// Fails unless the community is there: what a request found may be gone when it writes.
    pub fn require_community(&self, community: CommunityId) -> Result<(), StoreError> {
        let there = Reader(self.conn).slug_of(community)?;
        there.map(drop).ok_or(StoreError::Stale)
    }

    /// Merges a person, and everyone merged with them, with another one. The other one's primary person
    /// stays it. None: together they would be more than `MERGED`.
    pub fn merge_people(
        &self,
        into: PersonId,
        person: PersonId,
    ) -> Result<Option<PersonId>, StoreError> {
        let primary_of = |id| Ok(Reader(self.conn).person(id)?.ok_or(StoreError::Stale)?.primary);
        let (to, from): (PersonId, PersonId) = match (primary_of(into), primary_of(person)) {
            (Ok(to), Ok(from)) => (to, from),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
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

    fn add_account(
        &self,
        community: CommunityId,
        account: &Account,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "INSERT INTO linked_account ({ACCOUNT}, community_id, written_at, written_by) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?;
        let key = &account.key;
        let added = statement.execute(params![
            account.person.0,
            key.platform_type,
            key.platform_identifier,
            key.community_platform_id.as_deref().unwrap_or_default(),
            account.custom_data,
            account.link_type.as_str(),
            account.link_quality.as_str(),
            community.0,
            now,
            self.name
        ]);
        added.map(drop).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => StoreError::Taken(Taken::Account),
            _ => error.into(),
        })
    }

    fn change_account(
        &self,
        community: CommunityId,
        account: &Account,
        (person, quality): (PersonId, LinkQuality),
        now: i64,
    ) -> Result<(), StoreError> {
        let key = &account.key;
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE linked_account SET person_id = ?5, custom_data = ?6, link_type = ?7, link_quality = ?8, \
                 written_at = ?9, written_by = ?10 WHERE community_id = ?1 AND platform_type = ?2 \
                 AND platform_identifier = ?3 AND community_platform_id = ?4 AND person_id = ?11 AND link_quality = ?12",
            )?
            .execute(params![
                community.0,
                key.platform_type,
                key.platform_identifier,
                key.community_platform_id.as_deref().unwrap_or_default(),
                account.person.0,
                account.custom_data,
                account.link_type.as_str(),
                account.link_quality.as_str(),
                now,
                self.name,
                person.0,
                quality.as_str()
            ])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Taken(Taken::Account)) }
    }
}
