//! What a call stores: collected while the guest runs, committed after.
//!
//! Pure data, with the rules for reading it; knows no store and no limits.

mod accounts;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chain::StateWrites;
use crate::day_budget::ROW_BYTES;

pub use accounts::{
    ACCOUNT_BYTES, Account, AccountChange, AccountKey, Claim, LinkQuality, LinkType, Owned,
};

/// Everything a call has written so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// New values by key; `None` is a removal.
    state: StateWrites,
    /// What earlier calls wrote, which is not stored yet.
    before: Arc<StateWrites>,
    /// In the order in which they were emitted.
    pub events: Vec<Emitted>,
    /// The changes to the call's process.
    pub process: Option<ProcessChange>,
    /// Changes to people and accounts, in order.
    pub accounts: Vec<AccountChange>,
    /// Outbound requests, for a dry run to show: method, URL without query, status.
    pub http: Vec<(String, String, u16)>,
}

/// An event as a guest emitted it, valid in form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    pub id: String,
    pub event_type: String,
    /// JSON.
    pub data: String,
    /// JSON.
    pub initiator: Option<String>,
    pub dedupe_key: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub time: i64,
}

/// A process as a call leaves it; a field that is none stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessChange {
    pub status: Option<ProcessStatus>,
    /// JSON.
    pub outcome: Option<String>,
    /// JSON.
    pub errors: Option<String>,
    pub url: Option<Option<String>>,
    /// Milliseconds since the Unix epoch.
    pub closing_at: Option<Option<i64>>,
    /// New values of its own state; `None` is a removal.
    pub state: BTreeMap<String, Option<String>>,
    /// The bytes of its whole state with these values, if any changed.
    pub state_bytes: Option<u64>,
}

impl ProcessChange {
    /// About how many bytes the call stores with it.
    pub fn bytes(&self) -> usize {
        let texts = [&self.outcome, &self.errors].into_iter().flatten().map(String::len);
        let values =
            self.state.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len));
        texts.chain(values).sum()
    }
}

impl ProcessChange {
    /// About how many bytes it adds to the store: outcome and errors are stored a second time, in the event
    /// about the change.
    pub fn stored_bytes(&self) -> u64 {
        let texts = [&self.outcome, &self.errors].into_iter().flatten().map(String::len);
        let texts: usize = texts.sum();
        let state = self.state.iter();
        let state: usize =
            state.map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len)).sum();
        (2 * texts + state) as u64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessStatus {
    Created,
    Pending,
    Completed,
}

impl ProcessStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Completed => "completed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Created, Self::Pending, Self::Completed].into_iter().find(|one| one.as_str() == text)
    }
}

/// What the effects contain for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay<'a> {
    /// Not touched by this call: the stored value counts.
    Untouched,
    Removed,
    Written(&'a str),
}

/// The stored keys of a range, in order.
pub enum StoredKeys {
    All(Vec<String>),
    /// As many as were read; there may be more.
    First(Vec<String>),
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        self.state.is_empty()
            && self.events.is_empty()
            && self.process.is_none()
            && self.accounts.is_empty()
    }

    /// For a call that reads what others of its batch wrote before it.
    pub fn after(before: Arc<StateWrites>) -> Self {
        Self { before, ..Self::default() }
    }

    /// Makes the call read what others wrote before it, which is not stored yet. It has written nothing so far.
    pub fn follow(&mut self, before: Arc<StateWrites>) {
        self.before = before;
    }

    /// How many stored keys these effects may hide.
    pub fn touched(&self) -> usize {
        self.state.len() + self.before.len()
    }

    /// About how many bytes the events, the accounts and the process add to the store.
    pub fn stored_bytes(&self) -> u64 {
        let event = |one: &Emitted| {
            ROW_BYTES + (one.data.len() + one.initiator.as_ref().map_or(0, String::len)) as u64
        };
        let events: u64 = self.events.iter().map(event).sum();
        let process = self.process.as_ref().map_or(0, ProcessChange::stored_bytes);
        let accounts: u64 = self.accounts.iter().map(AccountChange::stored_bytes).sum();
        events + process + accounts
    }

    /// Takes the writes of state out.
    pub fn take_state(&mut self) -> StateWrites {
        std::mem::take(&mut self.state)
    }

    pub fn get(&self, key: &str) -> Overlay<'_> {
        match self.state.get(key).or_else(|| self.before.get(key)) {
            None => Overlay::Untouched,
            Some(None) => Overlay::Removed,
            Some(Some(value)) => Overlay::Written(value),
        }
    }

    pub fn write(&mut self, key: String, value: Option<String>) {
        self.state.insert(key.into(), value.map(Into::into));
    }

    /// What the effects contain for an account: nothing, its removal, or the account.
    pub fn account(&self, key: &AccountKey) -> Option<Option<&Account>> {
        self.accounts.iter().rev().find_map(|change| match change {
            AccountChange::Remove(removed) if removed.key == *key => Some(None),
            AccountChange::Add(account) | AccountChange::Change { account, .. }
                if account.key == *key =>
            {
                Some(Some(account))
            }
            _ => None,
        })
    }

    /// The keys with `prefix` after `after`: those that are stored, changed by these effects. `stored` has the
    /// stored keys of that range in order.
    pub fn merge_keys(
        &self,
        stored: StoredKeys,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<String> {
        // Keys after the last stored key that was read are for the next page, unless that was the end.
        let (stored, end) = match stored {
            StoredKeys::All(keys) => (keys, None),
            StoredKeys::First(keys) => {
                let last = keys.last().cloned();
                (keys, last)
            }
        };
        let from = (std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded);
        // This call's writes come last, because later ones win.
        let own = [&*self.before, &self.state];
        let own = own
            .into_iter()
            .flat_map(|writes| {
                writes.range::<str, _>(from).take_while(|(key, _)| key.starts_with(prefix))
            })
            .filter(|(key, _)| after.is_none_or(|after| &***key > after))
            .filter(|(key, _)| end.as_ref().is_none_or(|end| ***key <= **end));
        let mut keys: BTreeMap<String, bool> = stored.into_iter().map(|key| (key, true)).collect();
        keys.extend(own.map(|(key, value)| (key.to_string(), value.is_some())));
        keys.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).take(limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_see_own_writes_and_removals() {
        let mut effects = Effects::default();
        effects.write("a2".into(), Some("1".into()));
        effects.write("a1".into(), None);
        effects.write("b".into(), Some("1".into()));
        let stored = || StoredKeys::All(vec!["a1".into(), "a3".into()]);
        assert_eq!(effects.merge_keys(stored(), "a", None, 10), ["a2", "a3"]);
        assert_eq!(
            effects.merge_keys(StoredKeys::All(vec!["a3".into()]), "a", Some("a2"), 10),
            ["a3"]
        );
        assert_eq!(effects.merge_keys(stored(), "a", None, 1), ["a2"]);
    }

    #[test]
    fn keys_beyond_what_was_read_are_left_for_the_next_page() {
        let mut effects = Effects::default();
        effects.write("z".into(), Some("1".into()));
        assert_eq!(effects.merge_keys(StoredKeys::First(vec!["a".into()]), "", None, 10), ["a"]);
    }
}
