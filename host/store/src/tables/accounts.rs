//! The table `linked_account`.
//!
//! A call's changes were computed from what it read. They are stored as computed, or the write fails because somebody else
//! was quicker.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use crate::{Reader, StoreError, Taken, Tx};
use moothall_core::effects::{
    Account, AccountChange, AccountKey, Claim, LinkQuality, LinkType, Owned,
};
use moothall_core::ids::{CommunityId, PersonId};

/// Which accounts are listed; a field that is none matches any.
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

pub(super) const ACCOUNT: &str = "person_id, platform_type, platform_identifier, community_platform_id, custom_data, \
                       link_type, link_quality, linked_by";

pub(super) fn account_row(row: &Row<'_>) -> rusqlite::Result<Account> {
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
        linked_by: row.get(7)?,
    })
}

impl Reader<'_> {
    /// The account, and the primary person of its owner.
    pub fn account(
        &self,
        community: CommunityId,
        key: &AccountKey,
    ) -> Result<Option<(Account, PersonId)>, StoreError> {
        read_account(self.conn, community, key)
    }

    /// Accounts with that name on that platform, of all its `community_platform_id`s; at most two.
    pub fn accounts_named(
        &self,
        community: CommunityId,
        platform_type: &str,
        platform_identifier: &str,
    ) -> Result<Vec<Account>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {ACCOUNT} FROM linked_account WHERE community_id = ?1 AND platform_type = ?2 \
             AND platform_identifier = ?3 LIMIT 2"
        ))?;
        let rows = statement
            .query_map(params![community.0, platform_type, platform_identifier], account_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
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
        |row| Ok((account_row(row)?, PersonId(row.get(8)?))),
    );
    Ok(row.optional()?)
}

impl Tx<'_> {
    /// Stores a call's changes of a community's people and accounts.
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
            AccountChange::Remove(account) => {
                let is_now = read_account(self.conn, community, &account.key)?;
                let is_same = is_now.is_some_and(|(now, _)| now == *account);
                if is_same && self.unlink_account(community, &account.key)? {
                    return Ok(());
                }
                Err(StoreError::Taken(Taken::Account))
            }
        }
    }

    /// Links an account as the claim asks. Returns the account as it is then.
    pub fn link_account(
        &self,
        community: CommunityId,
        claim: Claim,
        fresh: PersonId,
        now: i64,
    ) -> Result<Result<Account, Owned>, StoreError> {
        let stored = read_account(self.conn, community, &claim.key)?;
        let primary = claim.person.map(|person| self.reader().person(person)).transpose()?;
        let primary = primary.flatten().map(|person| person.primary);
        let stored = stored.map(|(account, owner)| (account, primary == Some(owner)));
        let (account, changes) = match claim.settle(stored, fresh) {
            Ok(settled) => settled,
            Err(owned) => return Ok(Err(owned)),
        };
        self.apply_accounts(community, &changes, now)?;
        Ok(Ok(account))
    }

    /// Whether it existed.
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

    fn add_account(
        &self,
        community: CommunityId,
        account: &Account,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "INSERT INTO linked_account ({ACCOUNT}, community_id, written_at, written_by) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
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
            account.linked_by,
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
                 written_at = ?9, written_by = ?10, linked_by = ?13 WHERE community_id = ?1 AND platform_type = ?2 \
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
                quality.as_str(),
                account.linked_by
            ])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Taken(Taken::Account)) }
    }
}
