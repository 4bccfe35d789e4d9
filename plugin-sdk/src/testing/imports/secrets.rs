//! `secrets`: handles of the values that the test set.

use super::types::Error;
use crate::testing::world::now;

pub use StoredSecret as Secret;

/// A secret that is set.
#[derive(Debug)]
pub struct StoredSecret {
    /// Its name in a grant.
    place: String,
    value: String,
}

impl StoredSecret {
    pub fn reveal(&self) -> Result<String, Error> {
        if now(|world| world.granted_reveal.contains(&self.place)) {
            return Ok(self.value.clone());
        }
        let message = format!(
            "the plugin may not see the secret '{}'; its manifest asks for it with `requests(reveal(…))`",
            self.place
        );
        Err(crate::Error::forbidden(message).into())
    }

    pub(super) fn value(&self) -> &str {
        &self.value
    }
}

pub fn get(pointer: &str) -> Result<StoredSecret, Error> {
    now(|world| world.instance_call().map(drop))?;
    find(pointer.to_owned())
}

pub fn setting(name: &str) -> Result<StoredSecret, Error> {
    find(format!("settings:{name}"))
}

fn find(place: String) -> Result<StoredSecret, Error> {
    match now(|world| world.secrets.get(&place).cloned()) {
        Some(value) => Ok(StoredSecret { place, value }),
        None => Err(crate::Error::not_found(format!("no secret is set at '{place}'")).into()),
    }
}
