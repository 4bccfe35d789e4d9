//! `secrets`: handles on the values that the test gave.

use super::types::Error;
use crate::testing::world::now;

/// A secret that is set.
#[derive(Debug)]
pub struct Secret {
    /// What a grant calls it.
    place: String,
    value: String,
}

impl Secret {
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

pub fn get(pointer: &str) -> Result<Secret, Error> {
    now(|world| world.instance_call().map(drop))?;
    find(pointer.to_owned())
}

pub fn setting(name: &str) -> Result<Secret, Error> {
    find(format!("settings:{name}"))
}

fn find(place: String) -> Result<Secret, Error> {
    match now(|world| world.secrets.get(&place).cloned()) {
        Some(value) => Ok(Secret { place, value }),
        None => Err(crate::Error::not_found(format!("no secret is set at '{place}'")).into()),
    }
}
