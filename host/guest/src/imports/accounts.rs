//! `accounts`: people of the community and their accounts on platforms.
//!
//! They belong to the community and are read without the instance's lock: reads see what is stored and the call's own
//! changes. If another call changed the same account first, the commit notices.

use crate::bindings::imports::moothall::plugin::accounts;
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::fault::Fault;
use crate::refusal::{carried, error};
use moothall_core::effects::{ACCOUNT_BYTES, Account, AccountChange, AccountKey, Claim};
use moothall_core::ids::{CommunityId, PersonId};
use moothall_values::json::{Object, list};

impl accounts::Host for CallState {
    fn link(&mut self, account: String) -> Result<String, Error> {
        let community = self.people_of()?;
        self.count_account()?;
        if account.len() > ACCOUNT_BYTES {
            return Err(invalid(format!("an account has at most {ACCOUNT_BYTES} bytes")));
        }
        carried(|| "the account".to_owned(), &account)?;
        let claim = Claim::parse(&account, Some(self.plugin_context.plugin.as_str()))
            .map_err(|cause| invalid(format!("the account is not valid: {cause}")))?;
        self.require_platform(&claim.key.platform_type)?;
        let claimed = claim.person.map(|person| self.primary_of(community, person)).transpose()?;
        let stored = self.linked(community, &claim.key)?;
        let stored = match stored {
            Some(stored) => {
                let owner = self.primary_of(community, stored.person)?;
                Some((stored, claimed == Some(owner)))
            }
            None => None,
        };
        if stored.is_none() {
            self.require_people_room(community)?;
        }
        let fresh = self.fresh_person()?;
        let (account, changes) = claim.settle(stored, fresh).map_err(|_| {
            let message = "the account is linked to another person with at least this link_quality";
            error(ErrorKind::Conflict, message)
        })?;
        self.require_day_room(changes.iter().map(AccountChange::stored_bytes).sum())?;
        self.keep_changes(changes, account.bytes())?;
        self.show(&account)
    }

    fn unlink(
        &mut self,
        platform_type: String,
        platform_identifier: String,
        community_platform_id: Option<String>,
    ) -> Result<bool, Error> {
        let community = self.people_of()?;
        self.count_account()?;
        let key = key(platform_type, platform_identifier, community_platform_id)?;
        self.require_platform(&key.platform_type)?;
        let Some(account) = self.linked(community, &key)? else { return Ok(false) };
        if !account.may_be_unlinked_by(self.plugin_context.plugin.as_str()) {
            let message = format!(
                "the account is linked as `{}`, and not by this plugin, which cannot unlink it; a driver can",
                account.link_quality.as_str()
            );
            return Err(error(ErrorKind::Conflict, message));
        }
        self.keep_changes(vec![AccountChange::Remove(account)], 0)?;
        Ok(true)
    }

    fn find(
        &mut self,
        platform_type: String,
        platform_identifier: String,
        community_platform_id: Option<String>,
    ) -> Result<Option<String>, Error> {
        let community = self.people_of()?;
        let key = key(platform_type, platform_identifier, community_platform_id)?;
        self.require_platform(&key.platform_type)?;
        let account = self.linked(community, &key)?;
        account.map(|account| self.show(&account)).transpose()
    }

    fn user(&mut self, external_id: String) -> Result<String, Error> {
        let community = self.people_of()?;
        let person = PersonId::parse(&external_id)
            .map_err(|cause| invalid(format!("`{external_id}` is no external_id: {cause}")))?;
        let primary = self.primary_of(community, person)?;
        let user = self.stored(|state| state.shared.store.read(|reader| reader.user(primary)))?;
        let mut accounts = user.accounts;
        for change in self.effects.accounts.clone() {
            self.see(community, primary, change, &mut accounts)?;
        }
        let slug = self.slug()?;
        accounts.retain(|account| {
            self.plugin_context.grants.is_of_platform(&account.key.platform_type)
        });
        let accounts = list(accounts.iter().map(|account| account.with_text_id(&slug)));
        let user = Object::new().with("source_ID", person.to_string());
        let user = user.with("primary_ID", primary.to_string());
        Ok(user.carrying("linked_accounts", &accounts).end())
    }
}

fn invalid(message: String) -> Error {
    error(ErrorKind::Invalid, message)
}

fn key(
    platform_type: String,
    platform_identifier: String,
    community_platform_id: Option<String>,
) -> Result<AccountKey, Error> {
    AccountKey::new(platform_type, platform_identifier, community_platform_id).map_err(invalid)
}

impl CallState {
    fn people_of(&self) -> Result<CommunityId, Error> {
        let instance = self.call_context.instance.as_ref();
        instance.map(|instance| instance.community.id).ok_or_else(|| {
            error(ErrorKind::Forbidden, "this call is of no community, and so has no accounts")
        })
    }

    /// Whether the plugin may touch accounts of that platform: its own, or one that is granted.
    fn require_platform(&self, platform: &str) -> Result<(), Error> {
        let denied = |message: String| error(ErrorKind::Forbidden, message);
        self.plugin_context.grants.may_have_accounts(platform).map_err(denied)
    }

    fn slug(&self) -> Result<String, Error> {
        let instance = self.call_context.instance.as_ref();
        let slug = instance.map(|instance| instance.community.slug.to_string());
        slug.ok_or_else(|| error(ErrorKind::Forbidden, "this call is of no community"))
    }

    fn show(&self, account: &Account) -> Result<String, Error> {
        Ok(account.with_text_id(&self.slug()?))
    }

    fn count_account(&self) -> Result<(), Error> {
        if self.function.is_read_only {
            let message = "this call is read-only and may not change accounts";
            return Err(error(ErrorKind::Forbidden, message));
        }
        let limit = self.plugin_context.limits.accounts;
        let is_person = |change: &AccountChange| matches!(change, AccountChange::Person(_));
        let changes = self.effects.accounts.iter().filter(|change| !is_person(change)).count();
        if changes >= limit {
            let message = format!("a call may change accounts {limit} times");
            return Err(error(ErrorKind::Conflict, message));
        }
        Ok(())
    }

    /// People and accounts are kept as long as their community exists, so their number is limited.
    fn require_people_room(&mut self, community: CommunityId) -> Result<(), Error> {
        let load = self
            .stored(|state| state.shared.store.read(|reader| reader.community_load(community)))?;
        let own: u64 = self.effects.accounts.iter().map(AccountChange::stored_bytes).sum();
        let (people, most) = (
            self.plugin_context.limits.people_per_community,
            self.plugin_context.limits.account_bytes_per_community,
        );
        if load.people.max(load.accounts) < people && load.bytes.saturating_add(own) < most {
            return Ok(());
        }
        let message = format!(
            "the community has {} people and {} accounts of {} bytes already; the operator's limits are \
             people_per_community = {people} and account_bytes_per_community = {most}",
            load.people, load.accounts, load.bytes
        );
        Err(error(ErrorKind::Conflict, message))
    }

    fn fresh_person(&mut self) -> Result<PersonId, Error> {
        PersonId::random()
            .map_err(|cause| self.end_with(Fault::Host(format!("there is no randomness: {cause}"))))
    }

    fn keep_changes(&mut self, changes: Vec<AccountChange>, bytes: u64) -> Result<(), Error> {
        self.keep(bytes)?;
        self.effects.accounts.extend(changes);
        Ok(())
    }

    /// The primary person of someone of this community, stored or made by this call.
    fn primary_of(&mut self, community: CommunityId, person: PersonId) -> Result<PersonId, Error> {
        if self.effects.accounts.contains(&AccountChange::Person(person)) {
            return Ok(person);
        }
        let row = self.stored(|state| state.shared.store.read(|reader| reader.person(person)))?;
        let row = row.filter(|row| row.community == community);
        row.map(|row| row.primary).ok_or_else(|| {
            let message = format!("there is no person {person} in this community");
            error(ErrorKind::NotFound, message)
        })
    }

    /// The account as this call sees it.
    fn linked(
        &mut self,
        community: CommunityId,
        key: &AccountKey,
    ) -> Result<Option<Account>, Error> {
        match self.effects.account(key) {
            Some(own) => Ok(own.cloned()),
            None => {
                let found =
                    self.stored(|state| state.shared.store.read(|r| r.account(community, key)))?;
                Ok(found.map(|(account, _)| account))
            }
        }
    }

    /// Applies one of the call's own changes to the accounts of a primary person.
    fn see(
        &mut self,
        community: CommunityId,
        primary: PersonId,
        change: AccountChange,
        accounts: &mut Vec<Account>,
    ) -> Result<(), Error> {
        let (key, account) = match change {
            AccountChange::Person(_) => return Ok(()),
            AccountChange::Remove(account) => (account.key, None),
            AccountChange::Add(account) | AccountChange::Change { account, .. } => {
                (account.key.clone(), Some(account))
            }
        };
        accounts.retain(|account| account.key != key);
        if let Some(account) = account
            && self.primary_of(community, account.person)? == primary
        {
            accounts.push(account);
        }
        Ok(())
    }
}
