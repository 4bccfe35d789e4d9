//! API keys: checks them and makes new ones. The store keeps only a hash of a key's secret.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use moothall_core::ids::random_bytes;
use moothall_store::ApiKeyRow;

/// The form of a key: `mh_<id>_<secret>`.
pub const PREFIX: &str = "mh_";

/// The API keys as they are now.
#[derive(Default)]
pub struct Keys {
    /// Whether a key was ever created, even if it was revoked.
    any: bool,
    /// The hashes of keys that are not revoked, by id.
    valid: HashMap<String, Vec<u8>>,
    names: HashMap<String, String>,
}

impl Keys {
    pub fn new(rows: Vec<ApiKeyRow>) -> Self {
        let any = !rows.is_empty();
        let names = rows.iter().map(|row| (row.id.clone(), row.name.clone())).collect();
        let valid = rows.into_iter().filter(|row| row.revoked_at.is_none());
        Self { any, valid: valid.map(|row| (row.id, row.hash)).collect(), names }
    }

    /// The operator's name for a key.
    pub fn name_of(&self, key: &KeyId) -> Option<String> {
        self.names.get(&key.0).cloned()
    }

    /// Whether a request with this key, or without one, would still be admitted.
    pub fn still_admit(&self, key: Option<&KeyId>) -> bool {
        match key {
            Some(key) => self.valid.contains_key(&key.0),
            None => !self.any,
        }
    }

    /// Whether requests need a key.
    pub fn are_required(&self) -> bool {
        self.any
    }

    pub fn accept(&self, key: &str) -> Option<KeyId> {
        let (id, secret) = key.strip_prefix(PREFIX).and_then(|key| key.split_once('_'))?;
        let hash = Sha256::digest(secret);
        let valid = self.valid.get(id)?;
        bool::from(valid.as_slice().ct_eq(hash.as_slice())).then(|| KeyId(id.to_owned()))
    }
}

/// Makes a key: the text that the user gets once, and the row that is stored.
pub fn new_key(name: &str, now: i64) -> Result<(String, ApiKeyRow), getrandom::Error> {
    let id = random_bytes::<6>()?.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // `_` separates the parts of a key; the id does not contain it, and the rest is the secret.
    let secret = BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>()?);
    let hash = Sha256::digest(&secret).to_vec();
    let row = ApiKeyRow {
        id: id.clone(),
        name: name.to_owned(),
        hash,
        created_at: now,
        revoked_at: None,
    };
    Ok((format!("{PREFIX}{id}_{secret}"), row))
}

/// The API key of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_accepted_until_it_is_revoked() {
        let (key, mut row) = new_key("driver", 0).unwrap();
        assert!(Keys::new(vec![row.clone()]).accept(&key).is_some());
        assert!(Keys::new(vec![row.clone()]).accept(&format!("{key}x")).is_none());
        row.revoked_at = Some(1);
        let keys = Keys::new(vec![row]);
        assert!(keys.accept(&key).is_none());
        assert!(keys.are_required());
    }
}
