//! Shares of revenue: a community keeps weighted payment pointers, and a web page picks one of them for each visit. All
//! there is, is state.

mod shares;

use moothall_sdk::{Plugin, Result, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shares::{Shares, Weight};

/// The key of whoever names none.
const DEFAULT_KEY: &str = "_DEFAULT";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AddPointer {
    /// A payment pointer: `$wallet.example/ann`.
    pointer: String,
    /// Its share, relative to the weights of the others.
    weight: Weight,
    #[serde(default = "default_key")]
    key: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemovePointer {
    pointer: String,
    #[serde(default = "default_key")]
    key: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceConfig {
    /// All pointers with their weights.
    pointers: Shares,
    #[serde(default = "default_key")]
    key: String,
}

/// Which of several sets of pointers is meant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Of {
    #[serde(default = "default_key")]
    key: String,
}

fn default_key() -> String {
    DEFAULT_KEY.to_owned()
}

#[derive(Serialize, JsonSchema)]
struct Picked {
    pointer: String,
}

struct RevShare;

#[plugin(
    name = "revshare",
    title = "Revenue Sharing",
    homepage = "https://docs.metagov.org",
    description = "Weighted payment pointers, of which one is picked at random."
)]
impl RevShare {
    #[action(
        slug = "add-pointer",
        description = "Adds a weighted pointer, or updates the weight of one that is there."
    )]
    fn add_pointer(&self, parameters: AddPointer) -> Result<Shares> {
        let AddPointer { pointer, weight, key } = parameters;
        self.change(&key, |shares| shares.add(pointer, weight))
    }

    #[action(slug = "remove-pointer", description = "Removes a pointer.")]
    fn remove_pointer(&self, RemovePointer { pointer, key }: RemovePointer) -> Result<Shares> {
        self.change(&key, |shares| shares.remove(&pointer))
    }

    #[action(slug = "replace-config", description = "Replaces all pointers by others.")]
    fn replace(&self, ReplaceConfig { pointers, key }: ReplaceConfig) -> Result<Shares> {
        self.change(&key, |shares| *shares = pointers)
    }

    #[action(
        slug = "get-config",
        description = "All pointers with their weights.",
        public,
        read_only
    )]
    fn get_config(&self, Of { key }: Of) -> Result<Shares> {
        self.shares(&key)
    }

    #[action(
        slug = "pick-pointer",
        description = "Picks a random pointer: the greater its weight, the likelier.",
        public,
        read_only
    )]
    fn pick_pointer(&self, Of { key }: Of) -> Result<Picked> {
        Ok(Picked { pointer: self.shares(&key)?.pick(&key)? })
    }
}

impl RevShare {
    fn shares(&self, key: &str) -> Result<Shares> {
        Ok(self.state().get(&place(key))?.unwrap_or_default())
    }

    /// The host lets no other call between the two, so that of two changes at the same time none is lost.
    fn change(&self, key: &str, change: impl FnOnce(&mut Shares)) -> Result<Shares> {
        let mut shares = self.shares(key)?;
        change(&mut shares);
        self.state().set(&place(key), &shares)?;
        Ok(shares)
    }
}

/// The key in the state.
fn place(key: &str) -> String {
    format!("shares/{key}")
}

#[cfg(test)]
mod tests;
