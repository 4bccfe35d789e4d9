//! People of the community and their accounts on platforms. What is written here is committed with
//! the call; a collision found then fails the call with 409, whatever was answered before.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::bindings::host::accounts as host;

/// An account on a platform. What is not said when linking is filled in by the host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// The person; a new one is made for a new account that names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The community's slug; the host's to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community: Option<String>,
    /// Which of the platform's communities it belongs to, if it is not the whole platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community_platform_id: Option<String>,
    /// The platform; the plugin's name if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<String>,
    /// What the platform calls it.
    pub platform_identifier: String,
    /// What else is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_data: Option<Value>,
    /// How it came to be linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_type: Option<LinkType>,
    /// How sure it is that the account is the person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_quality: Option<LinkQuality>,
}

/// How an account came to be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkType {
    /// The person authorised it.
    #[serde(rename = "oauth")]
    Oauth,
    /// Somebody who may said so.
    #[serde(rename = "manual admin")]
    ManualAdmin,
    /// Two accounts have one email address.
    #[serde(rename = "email matching")]
    EmailMatching,
    /// Nobody said.
    #[serde(rename = "unknown")]
    Unknown,
}

/// How sure a link is, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LinkQuality {
    /// Nobody said.
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

/// A person with every account of everyone merged with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The person that was asked for.
    #[serde(rename = "source_ID")]
    pub source_id: String,
    /// The person that those merged with them go by.
    #[serde(rename = "primary_ID")]
    pub primary_id: String,
    /// Their accounts.
    pub linked_accounts: Vec<Account>,
}

impl Account {
    /// The account that the platform calls so.
    pub fn new(platform_identifier: impl Into<String>) -> Self {
        Self { platform_identifier: platform_identifier.into(), ..Self::default() }
    }

    /// Of this person, who exists already.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// In this one of the platform's communities.
    #[must_use]
    pub fn community_platform_id(mut self, id: impl Into<String>) -> Self {
        self.community_platform_id = Some(id.into());
        self
    }

    /// On another platform than the plugin's name says.
    #[must_use]
    pub fn platform_type(mut self, platform: impl Into<String>) -> Self {
        self.platform_type = Some(platform.into());
        self
    }

    /// What else is known of it.
    #[must_use]
    pub fn custom_data(mut self, data: impl Into<Value>) -> Self {
        self.custom_data = Some(data.into());
        self
    }

    /// How it came to be linked.
    #[must_use]
    pub fn link_type(mut self, link_type: LinkType) -> Self {
        self.link_type = Some(link_type);
        self
    }

    /// How sure it is.
    #[must_use]
    pub fn quality(mut self, quality: LinkQuality) -> Self {
        self.link_quality = Some(quality);
        self
    }
}

/// Links an account; it as it will be. One that is linked already is changed only by a strictly
/// higher quality.
pub fn link(account: &Account) -> Result<Account> {
    // An account that was found can be linked again, and which community it is in is not up to us.
    let account = Account { community: None, ..account.clone() };
    Ok(serde_json::from_str(&host::link(&serde_json::to_string(&account)?)?)?)
}

/// Removes a linked account; whether there was one.
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
    Ok(found.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// A person and their accounts. `not-found`: there is no such person in the community.
pub fn user(external_id: &str) -> Result<User> {
    Ok(serde_json::from_str(&host::user(external_id)?)?)
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
