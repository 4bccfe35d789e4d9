//! Accounts of people on platforms: what they are, how they are claimed, and what a claim changes if the
//! account is linked already.
//!
//! Pure rules: they get what is stored as values, and store nothing.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub use moothall_values::bounds::ACCOUNT_BYTES;
use moothall_values::bounds::{ACCOUNT_NAME_BYTES, CUSTOM_DATA_BYTES};

use crate::day_budget::ROW_BYTES;
use crate::ids::PersonId;
use moothall_values::json::{NULL, Object};

/// A change of a community's people and accounts, in the form in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// A new person.
    Person(PersonId),
    /// An account that nobody has.
    Add(Account),
    /// An account that had this owner and quality when the change was planned.
    Change { account: Account, before: (PersonId, LinkQuality) },
    /// An existing account, as it was when the change was planned.
    Remove(Account),
}

/// What identifies an account within a community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    pub platform_type: String,
    pub platform_identifier: String,
    pub community_platform_id: Option<String>,
}

/// A person's account on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub person: PersonId,
    pub key: AccountKey,
    /// JSON.
    pub custom_data: Option<String>,
    pub link_type: LinkType,
    pub link_quality: LinkQuality,
    /// The plugin that claimed it; empty: a driver.
    pub linked_by: String,
}

/// Why somebody claims to know whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum LinkType {
    #[serde(rename = "oauth")]
    OAuth,
    #[serde(rename = "manual admin")]
    ManualAdmin,
    #[serde(rename = "email matching")]
    EmailMatching,
    #[serde(rename = "unknown")]
    Unknown,
}

/// How sure that is, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum LinkQuality {
    #[serde(rename = "unknown")]
    Unknown,
    #[serde(rename = "unconfirmed")]
    Unconfirmed,
    #[serde(rename = "confirmed (weak)")]
    Weak,
    #[serde(rename = "confirmed (strong)")]
    Strong,
}

/// A statement about whose account it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// None: whoever has it, or a new person.
    pub person: Option<PersonId>,
    pub key: AccountKey,
    /// JSON.
    pub custom_data: Option<String>,
    pub link_type: Option<LinkType>,
    pub link_quality: LinkQuality,
    /// The plugin that claims it; empty: a driver.
    pub by: String,
}

/// The account is somebody else's, and the claim is not surer than theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned;

/// A claim as it is sent.
#[derive(Deserialize)]
struct Sent {
    external_id: Option<PersonId>,
    platform_type: Option<String>,
    platform_identifier: String,
    community_platform_id: Option<String>,
    custom_data: Option<Box<RawValue>>,
    link_type: Option<LinkType>,
    link_quality: Option<LinkQuality>,
}

impl LinkType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::ManualAdmin => "manual admin",
            Self::EmailMatching => "email matching",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::OAuth, Self::ManualAdmin, Self::EmailMatching, Self::Unknown];
        all.into_iter().find(|one| one.as_str() == text)
    }
}

impl LinkQuality {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unconfirmed => "unconfirmed",
            Self::Weak => "confirmed (weak)",
            Self::Strong => "confirmed (strong)",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Unknown, Self::Unconfirmed, Self::Weak, Self::Strong];
        all.into_iter().find(|one| one.as_str() == text)
    }
}

impl AccountChange {
    /// About how many bytes it adds to the store.
    pub fn stored_bytes(&self) -> u64 {
        match self {
            Self::Person(_) => ROW_BYTES,
            Self::Add(account) | Self::Change { account, .. } => ROW_BYTES + account.bytes(),
            Self::Remove(_) => 0,
        }
    }
}

impl AccountKey {
    /// An empty `community_platform_id` is none.
    pub fn new(
        platform_type: String,
        platform_identifier: String,
        community_platform_id: Option<String>,
    ) -> Result<Self, String> {
        let community_platform_id = community_platform_id.filter(|id| !id.is_empty());
        let names = [
            ("platform_type", platform_type.as_str()),
            ("platform_identifier", platform_identifier.as_str()),
            ("community_platform_id", community_platform_id.as_deref().unwrap_or("none")),
        ];
        match names.iter().find(|(_, name)| !(1..=ACCOUNT_NAME_BYTES).contains(&name.len())) {
            Some((what, _)) => Err(format!("`{what}` has 1 to {ACCOUNT_NAME_BYTES} bytes")),
            None => Ok(Self { platform_type, platform_identifier, community_platform_id }),
        }
    }
}

/// The schema of what `shown` writes.
impl JsonSchema for Account {
    fn schema_name() -> Cow<'static, str> {
        "Account".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An account on a platform that is linked to a person.",
            "type": "object",
            "required": ["external_id", "community", "community_platform_id", "platform_type",
                "platform_identifier", "custom_data", "link_type", "link_quality"],
            "properties": {
                "external_id": { "description": "The person's", "type": "integer" },
                "community": { "type": "string" },
                "community_platform_id": { "type": ["string", "null"] },
                "platform_type": { "type": "string" },
                "platform_identifier": { "type": "string" },
                "custom_data": { "description": "Whatever was linked with it" },
                "link_type": { "type": "string",
                    "enum": ["oauth", "manual admin", "email matching", "unknown"] },
                "link_quality": { "type": "string",
                    "enum": ["unknown", "unconfirmed", "confirmed (weak)", "confirmed (strong)"] },
            },
        })
    }
}

impl Account {
    /// The account as drivers see it: a JSON text.
    pub fn shown(&self, community: &str) -> String {
        self.with_id(json!(self.person), community)
    }

    /// The account as guests see it: with a text as the person's id.
    pub fn with_text_id(&self, community: &str) -> String {
        self.with_id(json!(self.person.to_string()), community)
    }

    fn with_id(&self, id: Value, community: &str) -> String {
        Object::new()
            .with("external_id", id)
            .with("community", community)
            .with("community_platform_id", self.key.community_platform_id.as_deref())
            .with("platform_type", self.key.platform_type.as_str())
            .with("platform_identifier", self.key.platform_identifier.as_str())
            .carrying("custom_data", self.custom_data.as_deref().unwrap_or(NULL))
            .with("link_type", self.link_type.as_str())
            .with("link_quality", self.link_quality.as_str())
            .end()
    }

    /// Whether that plugin may unlink it: if it linked it itself, or if nobody has confirmed it. Unlinking
    /// needs no surer claim, and whoever unlinks could then link it to somebody else.
    pub fn may_be_unlinked_by(&self, plugin: &str) -> bool {
        self.linked_by == plugin || self.link_quality <= LinkQuality::Unconfirmed
    }

    /// About how many bytes it has.
    pub fn bytes(&self) -> u64 {
        let key = self.key.platform_type.len() + self.key.platform_identifier.len();
        (key + self.custom_data.as_ref().map_or(0, String::len)) as u64
    }
}

impl Claim {
    /// Reads a claim, a JSON text. A plugin's claim without `platform_type` is about the plugin's own platform;
    /// a driver's must have one.
    pub fn parse(text: &str, plugin: Option<&str>) -> Result<Self, String> {
        Self::parse_or(text, plugin, LinkQuality::Unknown)
    }

    /// The same, with this quality if the claim names none.
    pub fn parse_or(
        text: &str,
        plugin: Option<&str>,
        quality: LinkQuality,
    ) -> Result<Self, String> {
        let sent: Sent = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let platform_type = sent.platform_type.or_else(|| plugin.map(str::to_owned));
        let platform_type = platform_type.ok_or("missing field `platform_type`")?;
        let key =
            AccountKey::new(platform_type, sent.platform_identifier, sent.community_platform_id)?;
        let custom_data = sent.custom_data.map(|data| data.get().to_owned());
        if custom_data.as_ref().is_some_and(|data| data.len() > CUSTOM_DATA_BYTES) {
            return Err(format!("`custom_data` has at most {CUSTOM_DATA_BYTES} bytes"));
        }
        let link_quality = sent.link_quality.unwrap_or(quality);
        let (person, link_type) = (sent.external_id, sent.link_type);
        let by = plugin.unwrap_or_default().to_owned();
        Ok(Self { person, key, custom_data, link_type, link_quality, by })
    }

    /// The account as it will be, and the changes to store. `stored` is the account as it is linked now, and
    /// whether its owner is the claimed person or merged with them; `fresh` is the id for a person who may have
    /// to be created.
    ///
    /// Only a strictly surer claim changes a linked account or takes it from somebody else: a mere assertion
    /// cannot take a confirmed account, and a wrong assertion does not keep the owner out.
    pub fn settle(
        self,
        stored: Option<(Account, bool)>,
        fresh: PersonId,
    ) -> Result<(Account, Vec<AccountChange>), Owned> {
        let Some((stored, is_same)) = stored else { return Ok(self.first(fresh)) };
        let is_other = self.person.is_some() && !is_same;
        if self.link_quality <= stored.link_quality {
            return if is_other { Err(Owned) } else { Ok((stored, Vec::new())) };
        }
        let before = (stored.person, stored.link_quality);
        let account = Account {
            person: self.person.filter(|_| is_other).unwrap_or(stored.person),
            key: stored.key,
            custom_data: self.custom_data.or(stored.custom_data),
            link_type: self.link_type.unwrap_or(stored.link_type),
            link_quality: self.link_quality,
            linked_by: self.by,
        };
        Ok((account.clone(), vec![AccountChange::Change { account, before }]))
    }

    fn first(self, fresh: PersonId) -> (Account, Vec<AccountChange>) {
        let person = self.person.unwrap_or(fresh);
        let account = Account {
            person,
            key: self.key,
            custom_data: self.custom_data,
            link_type: self.link_type.unwrap_or(LinkType::Unknown),
            link_quality: self.link_quality,
            linked_by: self.by,
        };
        let made = self.person.is_none().then_some(AccountChange::Person(person));
        let changes = made.into_iter().chain([AccountChange::Add(account.clone())]).collect();
        (account, changes)
    }
}

#[cfg(test)]
mod tests;
