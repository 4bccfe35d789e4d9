//! People of the community and their accounts on platforms. The host commits what a call writes here with the
//! call; if it then finds a collision, the call fails with 409, whatever the function returned before.
//!
//! ```
//! use moothall_sdk::accounts::{self, Account, LinkQuality, LinkType};
//! use moothall_sdk::prelude::*;
//! # use moothall_sdk::testing::Host;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Introduce {
//!     /// Who it is on the forum.
//!     user: String,
//! }
//!
//! struct Forum;
//!
//! #[plugin(name = "forum")]
//! impl Forum {
//!     #[action(slug = "introduce")]
//!     fn introduce(&self, Introduce { user }: Introduce) -> Result<Option<String>> {
//!         let account = Account::new(&user).link_type(LinkType::ManualAdmin);
//!         accounts::link(&account.quality(LinkQuality::Weak))?;
//!         let found = accounts::find("forum", &user, None)?;
//!         Ok(found.and_then(|account| account.external_id))
//!     }
//! }
//!
//! # let mut host = Host::new(Forum);
//! # assert_ne!(host.action("introduce", json!({ "user": "ann" })), Ok(Value::Null));
//! # assert_eq!(host.accounts()[0].platform_identifier, "ann");
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bindings::host::accounts as host;
use crate::{Result, read, write};

/// An account on a platform. When an account is linked, the host fills in what is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// The person. For a new account without one the host makes a new person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The community's slug, which the host fills in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community: Option<String>,
    /// The `community_platform_id` of the instance that it belongs to, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community_platform_id: Option<String>,
    /// The platform; by default the plugin's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<String>,
    /// The platform's identifier of the account.
    pub platform_identifier: String,
    /// More data about it, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_data: Option<Value>,
    /// How it was linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_type: Option<LinkType>,
    /// How certain it is that the account belongs to the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_quality: Option<LinkQuality>,
}

/// How an account was linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkType {
    /// The person authorised it.
    #[serde(rename = "oauth")]
    Oauth,
    /// Somebody who is allowed to linked it by hand.
    #[serde(rename = "manual admin")]
    ManualAdmin,
    /// Two accounts have one email address.
    #[serde(rename = "email matching")]
    EmailMatching,
    /// Not stated.
    #[serde(rename = "unknown")]
    Unknown,
}

/// How certain a link is, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LinkQuality {
    /// Not stated.
    #[serde(rename = "unknown")]
    Unknown,
    /// Claimed and not confirmed.
    #[serde(rename = "unconfirmed")]
    Unconfirmed,
    /// Confirmed in a way that can be wrong.
    #[serde(rename = "confirmed (weak)")]
    Weak,
    /// Confirmed by the person on the platform.
    #[serde(rename = "confirmed (strong)")]
    Strong,
}

/// A person, with the accounts of everyone merged with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The requested person.
    #[serde(rename = "source_ID")]
    pub source_id: String,
    /// The person that represents all those merged together.
    #[serde(rename = "primary_ID")]
    pub primary_id: String,
    /// Their accounts.
    pub linked_accounts: Vec<Account>,
}

impl Account {
    /// An account with this identifier on the plugin's platform.
    pub fn new(platform_identifier: impl Into<String>) -> Self {
        Self { platform_identifier: platform_identifier.into(), ..Self::default() }
    }

    /// Sets the person, who must exist.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Sets the `community_platform_id`.
    #[must_use]
    pub fn community_platform_id(mut self, id: impl Into<String>) -> Self {
        self.community_platform_id = Some(id.into());
        self
    }

    /// Sets a platform other than the plugin's.
    #[must_use]
    pub fn platform_type(mut self, platform: impl Into<String>) -> Self {
        self.platform_type = Some(platform.into());
        self
    }

    /// More data about it, as JSON.
    #[must_use]
    pub fn custom_data(mut self, data: impl Into<Value>) -> Self {
        self.custom_data = Some(data.into());
        self
    }

    /// How it was linked.
    #[must_use]
    pub fn link_type(mut self, link_type: LinkType) -> Self {
        self.link_type = Some(link_type);
        self
    }

    /// Sets how certain the link is.
    #[must_use]
    pub fn quality(mut self, quality: LinkQuality) -> Self {
        self.link_quality = Some(quality);
        self
    }
}

/// Links an account; returns it as it will be. An account that is linked already changes only with a strictly
/// higher quality.
pub fn link(account: &Account) -> Result<Account> {
    // An account that was found can be linked again; the host says which community it is in.
    let account = Account { community: None, ..account.clone() };
    read::of_host(host::link(&write::json(&account)?)?)
}

/// Removes a linked account; returns whether there was one.
pub fn unlink(
    platform_type: &str,
    platform_identifier: &str,
    community_platform_id: Option<&str>,
) -> Result<bool> {
    Ok(host::unlink(platform_type, platform_identifier, community_platform_id)?)
}

/// The linked account, if there is one.
pub fn find(
    platform_type: &str,
    platform_identifier: &str,
    community_platform_id: Option<&str>,
) -> Result<Option<Account>> {
    let found = host::find(platform_type, platform_identifier, community_platform_id)?;
    found.map(read::of_host).transpose()
}

/// A person and their accounts. `not-found`: there is no such person in the community.
pub fn user(external_id: &str) -> Result<User> {
    read::of_host(host::user(external_id)?)
}

#[cfg(test)]
mod tests {
    use super::{Account, LinkQuality, LinkType};
    use serde_json::{json, to_value};

    #[test]
    fn an_account_says_only_what_its_author_said() {
        assert_eq!(
            to_value(Account::new("U1")).expect("JSON"),
            json!({ "platform_identifier": "U1" })
        );
        let account =
            Account::new("U1").quality(LinkQuality::Strong).link_type(LinkType::ManualAdmin);
        let expected = json!({
            "platform_identifier": "U1",
            "link_type": "manual admin",
            "link_quality": "confirmed (strong)"
        });
        assert_eq!(to_value(account).expect("JSON"), expected);
        assert!(LinkQuality::Weak > LinkQuality::Unconfirmed);
    }
}
