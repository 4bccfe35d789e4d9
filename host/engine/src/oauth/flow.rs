//! A requested authorisation, checked before anything begins, and what is stored of it between the steps.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{OAuth, OAuthError, OAuthResult};
use crate::calls::CallError;
use crate::communities::Community;
use crate::plugins::Plugin;
use moothall_core::ids::{CommunityId, PersonId};
use moothall_guest::Fault;
use moothall_store::SecretHash;

/// Longest `state` of a driver, in bytes.
const STATE_BYTES: usize = 2_048;

/// A driver's request: the query of `authorize`, or the body of `start`.
#[derive(Clone, Default, Deserialize)]
pub struct AskedFor {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub community: Option<String>,
    pub redirect_uri: Option<String>,
    pub state: Option<String>,
    pub metagov_id: Option<PersonId>,
}

impl AskedFor {
    /// A parameter, by its name.
    pub fn says(&self) -> Option<&'static str> {
        let said = [
            ("type", self.kind.is_some()),
            ("community", self.community.is_some()),
            ("redirect_uri", self.redirect_uri.is_some()),
            ("state", self.state.is_some()),
            ("metagov_id", self.metagov_id.is_some()),
        ];
        said.iter().find(|(_, is_said)| *is_said).map(|(name, _)| *name)
    }
}

/// What is authorised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowKind {
    App,
    User,
}

/// An authorisation in progress, as it is stored between its steps.
#[derive(Serialize, Deserialize)]
pub struct Flow {
    pub kind: FlowKind,
    pub community: Option<i64>,
    pub redirect_uri: String,
    /// The driver's own.
    pub state: Option<String>,
    pub person: Option<PersonId>,
    /// The URL to which the platform sends the browser.
    pub callback: String,
    /// The ticket that began it, if any; none in a ticket's own row.
    #[serde(default)]
    pub ticket: Option<SecretHash>,
}

impl FlowKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::User => "user",
        }
    }
}

impl Flow {
    pub fn stored(&self) -> OAuthResult<String> {
        let text = serde_json::to_string(self);
        Ok(text.map_err(|error| Fault::Host(format!("a flow cannot be stored: {error}")))?)
    }

    pub fn read(flow: &str) -> OAuthResult<Self> {
        let flow = serde_json::from_str(flow);
        Ok(flow.map_err(|error| Fault::Host(format!("a stored flow cannot be read: {error}")))?)
    }
}

impl OAuth {
    /// The requested authorisation, if it is possible.
    pub(super) fn flow(&self, plugin: &Plugin, asked: AskedFor, base: &str) -> OAuthResult<Flow> {
        let kind = self.kind(plugin, asked.kind.as_deref())?;
        let redirect_uri = asked.redirect_uri.ok_or(OAuthError::NoRedirect)?;
        let redirect_uri = self.redirects.check(&redirect_uri).map_err(OAuthError::BadRedirect)?;
        if asked.state.as_ref().is_some_and(|state| state.len() > STATE_BYTES) {
            return Err(OAuthError::LongState(STATE_BYTES));
        }
        // Checked first, so that its duration reveals nothing about the community.
        let person = asked.metagov_id.map(|person| self.community_of(person)).transpose()?;
        let community = asked.community.map(|slug| self.community(slug)).transpose()?;
        if kind == FlowKind::User {
            require_enabled(plugin, community.as_deref())?;
        }
        if let (Some(person), Some(id)) = (person, asked.metagov_id) {
            let is_here = community.as_ref().is_some_and(|one| person == Some(one.names.id));
            if !is_here {
                let community = community.map(|one| one.names.slug.to_string());
                return Err(OAuthError::UnknownPerson { person: id, community });
            }
        }
        Ok(Flow {
            kind,
            community: community.map(|community| community.names.id.0),
            redirect_uri: redirect_uri.to_string(),
            state: asked.state,
            person: asked.metagov_id,
            callback: format!("{base}/auth/{}/callback", plugin.name),
            ticket: None,
        })
    }

    fn kind(&self, plugin: &Plugin, asked: Option<&str>) -> OAuthResult<FlowKind> {
        let kind = match asked.unwrap_or("app") {
            "app" => FlowKind::App,
            "user" => FlowKind::User,
            _ => return Err(OAuthError::BadType),
        };
        let offered = plugin.manifest.oauth.as_ref().is_some_and(|oauth| oauth.has(kind.as_str()));
        if offered { Ok(kind) } else { Err(OAuthError::NoSuchType(kind.as_str())) }
    }

    fn community(&self, slug: String) -> OAuthResult<Arc<Community>> {
        let community = self.context.communities.get(&slug);
        community.ok_or(OAuthError::Call(CallError::UnknownCommunity(slug)))
    }

    fn community_of(&self, person: PersonId) -> OAuthResult<Option<CommunityId>> {
        let row = self.context.store.read(|reader| reader.person(person))?;
        Ok(row.map(|row| row.community))
    }
}

fn require_enabled(plugin: &Plugin, community: Option<&Community>) -> OAuthResult<()> {
    let community = community.ok_or(OAuthError::NoCommunity)?;
    let mut instances = community.instances.iter();
    if instances.any(|instance| instance.plugin == plugin.name) {
        return Ok(());
    }
    let names = community.names.clone();
    Err(CallError::NotEnabled { plugin: plugin.name.to_string(), names }.into())
}
