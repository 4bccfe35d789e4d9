//! API keys: checks them and makes new ones. The store keeps only a hash of a key's secret, and a request reads nothing
//! of the store to be let in.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use moothall_core::ids::random_bytes;
use moothall_core::scope::{Scope, Scopes};
use moothall_store::ApiKeyRow;

/// The form of a key: `mh_<id>_<secret>`.
pub const PREFIX: &str = "mh_";
/// The longest name of a key, in characters.
pub const NAME_CHARS: usize = 100;
/// How long a replaced secret counts unless the operator says otherwise, and the most that may be said, in hours.
pub const KEPT_HOURS: u32 = 24;
pub const MOST_KEPT_HOURS: u32 = 30 * 24;
/// How often the use of a key is noted in memory, in milliseconds.
const NOTED_MS: i64 = 1_000;

/// The API keys as they are now.
#[derive(Default)]
pub struct Keys {
    /// Whether a key was ever created, even if it was revoked.
    any: bool,
    /// Those that are not revoked, by id.
    valid: HashMap<String, Arc<KnownKey>>,
}

impl Keys {
    pub fn new(rows: &[ApiKeyRow]) -> Self {
        Self::default().replaced_by(rows)
    }

    /// The keys of these rows; it still knows when each was last used.
    pub fn replaced_by(&self, rows: &[ApiKeyRow]) -> Self {
        let valid = rows.iter().filter(|row| row.revoked_at.is_none()).map(|row| {
            let stored = row.last_used_at.unwrap_or(0);
            let used = self.valid.get(&row.id).map_or(0, |key| key.last_used());
            (row.id.clone(), Arc::new(KnownKey::new(row, stored.max(used))))
        });
        Self { any: !rows.is_empty(), valid: valid.collect() }
    }

    /// Whether a request with this caller's secret, or without a key, would still be admitted.
    pub fn still_admit(&self, caller: Option<&Caller>, now: i64) -> bool {
        match caller {
            Some(caller) => self.valid(caller.id(), &caller.hash, now).is_some(),
            None => !self.any,
        }
    }

    /// The key with this id, if it is valid and this is the hash of a secret of it.
    fn valid(&self, id: &str, hash: &[u8], now: i64) -> Option<&Arc<KnownKey>> {
        self.valid.get(id).filter(|key| key.has_secret(hash, now) && !key.has_expired(now))
    }

    /// Whether requests need a key.
    pub fn are_required(&self) -> bool {
        self.any
    }

    /// Who sends a request with this key.
    pub fn accept(&self, key: &str, now: i64) -> Option<Caller> {
        let (id, secret) = key.strip_prefix(PREFIX).and_then(|key| key.split_once('_'))?;
        let hash: [u8; 32] = Sha256::digest(secret).into();
        let key = self.valid(id, &hash, now)?;
        key.note_use(now);
        Some(Caller { key: key.clone(), hash })
    }

    /// When a key was last used, if it was since it is known.
    pub fn last_used(&self, id: &str) -> Option<i64> {
        self.valid.get(id).map(|key| key.last_used()).filter(|at| *at > 0)
    }

    /// The keys, and when each was last used.
    pub fn uses(&self) -> HashMap<String, i64> {
        let used = self.valid.iter().filter(|(_, key)| key.last_used() > 0);
        used.map(|(id, key)| (id.clone(), key.last_used())).collect()
    }
}

/// Who sends a request: the API key, and the hash of the secret that came with it, because a replaced secret ends before
/// its key does.
#[derive(Clone)]
pub struct Caller {
    key: Arc<KnownKey>,
    hash: [u8; 32],
}

/// An API key in memory.
struct KnownKey {
    id: String,
    name: String,
    hash: Vec<u8>,
    replaced: Option<(Vec<u8>, i64)>,
    scopes: Scopes,
    expires_at: Option<i64>,
    last_used: AtomicI64,
}

impl Caller {
    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// The operator's name for the key.
    pub fn name(&self) -> &str {
        &self.key.name
    }

    pub fn scopes(&self) -> &Scopes {
        &self.key.scopes
    }
}

impl KnownKey {
    fn new(row: &ApiKeyRow, last_used: i64) -> Self {
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            hash: row.hash.clone(),
            replaced: row.replaced.clone(),
            scopes: row.scopes.clone(),
            expires_at: row.expires_at,
            last_used: AtomicI64::new(last_used),
        }
    }

    fn has_secret(&self, hash: &[u8], now: i64) -> bool {
        let is = |known: &[u8]| bool::from(known.ct_eq(hash));
        let replaced = self.replaced.as_ref();
        is(&self.hash) || replaced.is_some_and(|(known, until)| is(known) && now < *until)
    }

    fn has_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    fn last_used(&self) -> i64 {
        self.last_used.load(Ordering::Relaxed)
    }

    /// Requests at the same time would write to one place in memory, so one in a second does.
    fn note_use(&self, now: i64) {
        if now.saturating_sub(self.last_used()) >= NOTED_MS {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.id())
    }
}

/// An API key that an operator asks for.
pub struct Purpose {
    pub name: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<i64>,
}

impl Purpose {
    /// Why no such key can be made, in a message for the operator; none if it can.
    pub fn fault(&self, now: i64) -> Option<String> {
        if self.name.trim().is_empty() || self.name.chars().count() > NAME_CHARS {
            return Some(format!("a key's name has 1 to {NAME_CHARS} characters"));
        }
        if self.name.chars().any(char::is_control) {
            return Some("a key's name is one line without tabs".to_owned());
        }
        if self.scopes.is_empty() {
            return Some("a key has at least one scope".to_owned());
        }
        let is_past = self.expires_at.is_some_and(|at| at <= now);
        is_past.then(|| "that key would have expired already".to_owned())
    }

    /// Makes a key: the text that the user gets once, and the row that is stored.
    pub fn key(self, now: i64) -> Result<(String, ApiKeyRow), getrandom::Error> {
        let id = random_bytes::<6>()?.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (key, hash) = new_secret(&id)?;
        let row = ApiKeyRow {
            id,
            name: self.name,
            hash,
            replaced: None,
            scopes: Scopes::new(self.scopes),
            created_at: now,
            expires_at: self.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        Ok((key, row))
    }
}

/// A new secret for the key with this id: the text that the user gets once, and the hash that is stored.
pub fn new_secret(id: &str) -> Result<(String, Vec<u8>), getrandom::Error> {
    // `_` separates the parts of a key; the id does not contain it, and the rest is the secret.
    let secret = BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>()?);
    let hash = Sha256::digest(&secret).to_vec();
    Ok((format!("{PREFIX}{id}_{secret}"), hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(expires_at: Option<i64>) -> (String, ApiKeyRow) {
        let (name, scopes) = ("driver".to_owned(), vec![Scope::Drive]);
        Purpose { name, scopes, expires_at }.key(0).unwrap()
    }

    #[test]
    fn a_key_is_accepted_until_it_is_revoked() {
        let (key, mut row) = key(None);
        let keys = Keys::new(std::slice::from_ref(&row));
        assert!(keys.accept(&key, 0).is_some());
        assert!(keys.accept(&format!("{key}x"), 0).is_none());
        row.revoked_at = Some(1);
        let keys = Keys::new(&[row]);
        assert!(keys.accept(&key, 0).is_none());
        assert!(keys.are_required());
    }

    #[test]
    fn a_key_is_accepted_until_it_expires() {
        let (key, row) = key(Some(1_000));
        let keys = Keys::new(&[row]);
        let caller = keys.accept(&key, 999).expect("a valid key");
        assert!(keys.still_admit(Some(&caller), 999));
        assert!(keys.accept(&key, 1_000).is_none());
        assert!(!keys.still_admit(Some(&caller), 1_000));
    }

    #[test]
    fn a_replaced_secret_counts_for_its_time_and_what_was_used_is_remembered() {
        let (old, mut row) = key(None);
        let keys = Keys::new(std::slice::from_ref(&row));
        let caller = keys.accept(&old, 5_000).expect("a valid key");
        let (new, hash) = new_secret(&row.id).unwrap();
        row.replaced = Some((std::mem::replace(&mut row.hash, hash), 10_000));
        let keys = keys.replaced_by(std::slice::from_ref(&row));
        assert_eq!(keys.last_used(&row.id), Some(5_000));
        assert!(keys.accept(&old, 9_999).is_some() && keys.accept(&new, 9_999).is_some());
        assert!(keys.accept(&old, 10_000).is_none() && keys.accept(&new, 10_000).is_some());
        assert!(keys.still_admit(Some(&caller), 9_999));
        assert!(!keys.still_admit(Some(&caller), 10_000), "with the old secret");
    }
}
