//! The way back: the state is used up, then the plugin says what the platform authorised, then all of it
//! is stored. From the state on, whatever goes wrong is told to the driver in the redirect.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use url::Url;

use super::flow::Flow;
use super::redirects::{web_url, with_parameters};
use super::secret::{hash, verifier_context};
use super::{OAuth, OAuthError, Outcome};
use crate::calls::{CallError, Mode, ValidatedCall, What};
use crate::guest::{Fault, cut};
use crate::hooks::{Builtin, Ended, Run, enabling_data};
use crate::ids::{CommunityId, CommunitySlug, RequestId};
use crate::mutations::{Authorization, MutationError};
use crate::plugins::Plugin;
use crate::store::{OAuthSecret, StoreError};

/// Longest `error_description`, in bytes.
const DESCRIPTION_BYTES: usize = 500;
/// Longest `error`, in bytes.
const ERROR_BYTES: usize = 100;

/// A browser that is back.
pub struct Back {
    pub plugin: String,
    /// All that the platform sent.
    pub query: Vec<(String, String)>,
    /// The value of the cookie that goes with the state.
    pub cookie: Option<String>,
    pub request: RequestId,
}

/// What a state was good for.
struct Taken {
    flow: Flow,
    verifier: Option<secrecy::SecretString>,
}

/// What the browser takes to the driver.
struct Finished {
    redirect: Option<Url>,
    parameters: Vec<(String, String)>,
    community: String,
}

/// What the driver is told when it does not work out.
struct Failed {
    error: String,
    description: String,
}

impl OAuth {
    /// Where the browser is sent.
    pub async fn callback(&self, back: Back) -> Outcome<String> {
        let Taken { flow, verifier } = self.take(&back).await?;
        let slug = self.slug(&flow)?;
        let finished = self.finish(&flow, slug.clone(), verifier, &back).await;
        let (redirect, community, mut pairs) = match finished {
            Ok(done) => (done.redirect, Some(done.community), done.parameters),
            Err(Failed { error, description }) => {
                let error = ("error".to_owned(), cut(error, ERROR_BYTES));
                let description = cut(description, DESCRIPTION_BYTES);
                let description = (!description.is_empty())
                    .then(|| ("error_description".to_owned(), description));
                (None, slug, [error].into_iter().chain(description).collect())
            }
        };
        pairs.extend(flow.state.map(|state| ("state".to_owned(), state)));
        pairs.extend(community.map(|slug| ("community".to_owned(), slug)));
        let to = match redirect {
            Some(url) => url,
            None => web_url(&flow.redirect_uri).map_err(|error| Fault::Host(error.to_owned()))?,
        };
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value)).collect();
        Ok(with_parameters(to, &pairs).into())
    }

    /// Uses the state up.
    async fn take(&self, back: &Back) -> Outcome<Taken> {
        let state = hash(back.parameter("state").ok_or(OAuthError::NoState)?);
        let browser = hash(back.cookie.as_deref().ok_or(OAuthError::BadState)?);
        let (plugin, now) = (back.plugin.clone(), self.mutations.calls.clock.believed_ms());
        let take = self.mutations.calls.store.write("oauth.callback", move |tx| {
            tx.take_oauth_state(OAuthSecret::State, state, &plugin, Some(browser), now)
        });
        let taken = take.await?.ok_or(OAuthError::BadState)?;
        let open =
            |sealed: Vec<u8>| self.mutations.keyring.open(&verifier_context(&state), &sealed);
        let verifier = taken.sealed_verifier.map(open).transpose();
        let verifier = verifier.map_err(|error| Fault::Host(error.to_string()))?;
        Ok(Taken { flow: Flow::read(&taken.request)?, verifier })
    }

    async fn finish(
        &self,
        flow: &Flow,
        slug: Option<String>,
        verifier: Option<secrecy::SecretString>,
        back: &Back,
    ) -> Result<Finished, Failed> {
        let plugin = self.mutations.calls.plugins.get(&back.plugin);
        let plugin =
            plugin.ok_or_else(|| server_error(format!("No such plugin: {}", back.plugin)))?;
        check_platform(&plugin, back)?;
        if flow.community.is_some() && slug.is_none() {
            return Err(Failed::new("community_not_found", "the community was deleted meanwhile"));
        }
        let callback = told(flow, slug.as_deref(), verifier.as_ref(), back);
        let what = What::HandleCallback { callback };
        let call = ValidatedCall::of_plugin(plugin.clone(), what, back.request.clone());
        let text = self.mutations.calls.run(call, Mode::Commit).await?.text();
        let name = plugin.name.as_str();
        let grants = &plugin.terms.grants;
        let answer = self.answer(text.as_deref(), flow.kind, grants, name, flow.person);
        let answer = answer.inspect_err(|fault| tracing::warn!(plugin = name, "{fault}"))?;
        let community = target(flow, slug)?;
        if let Some(person) = answer.claim.as_ref().and_then(|claim| claim.person) {
            self.require_stored(person, &community)?;
        }
        if let Some(config) = &answer.config {
            self.guard_enabling(&plugin, config, community.as_ref(), back).await?;
        }
        let authorization = Authorization {
            community,
            plugin: plugin.name.clone(),
            config: answer.config,
            claim: answer.claim,
        };
        let community = self.mutations.authorize(authorization, back.request.clone()).await?;
        let community = community.names.slug.to_string();
        Ok(Finished { redirect: answer.redirect, parameters: answer.parameters, community })
    }

    /// The hook before a plugin is enabled may prevent it here too.
    async fn guard_enabling(
        &self,
        plugin: &Plugin,
        config: &Value,
        community: Option<&(CommunityId, CommunitySlug)>,
        back: &Back,
    ) -> Result<(), Failed> {
        let Some(hook) = self.hooks.active(Builtin::PluginEnabling) else { return Ok(()) };
        let slug = community.map(|(_, slug)| slug.as_str());
        let data = enabling_data(slug, plugin.name.as_str(), Some(plugin), config);
        let community = slug.and_then(|slug| self.mutations.calls.communities.get(slug));
        let request_id = back.request.clone();
        match self.hooks.run(Run { hook, community, data, request_id }).await.ended {
            Ended::Continue => Ok(()),
            Ended::Halt(exception) => Err(Failed::new(
                "access_denied",
                match exception.message.as_str() {
                    "" => "a step of a hook prevents it",
                    message => message,
                },
            )),
            Ended::Error(reason) => {
                tracing::warn!(
                    plugin = plugin.name.as_str(),
                    "an authorisation was refused: {reason}"
                );
                Err(server_error("a step of a hook failed, and it may not".to_owned()))
            }
            Ended::Exhausted(reason) => {
                tracing::error!(
                    plugin = plugin.name.as_str(),
                    "an authorisation was refused: {reason}"
                );
                Err(server_error("the host could not ask a step of a hook".to_owned()))
            }
        }
    }

    /// A person that the plugin named may be nobody of this community.
    fn require_stored(
        &self,
        person: crate::ids::PersonId,
        community: &Option<(CommunityId, CommunitySlug)>,
    ) -> Result<(), Failed> {
        let row = self.mutations.calls.store.read(|reader| reader.person(person))?;
        let is_here =
            row.zip(community.as_ref()).is_some_and(|(row, (id, _))| row.community == *id);
        let nobody = || server_error("the account is of nobody of this community".to_owned());
        is_here.then_some(()).ok_or_else(nobody)
    }
}

impl Back {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

/// The community that the flow is for; none if it is for a new one.
fn target(
    flow: &Flow,
    slug: Option<String>,
) -> Result<Option<(CommunityId, CommunitySlug)>, Failed> {
    let Some((id, slug)) = flow.community.zip(slug) else { return Ok(None) };
    let slug = CommunitySlug::parse(&slug).map_err(|error| server_error(error.to_string()))?;
    Ok(Some((CommunityId(id), slug)))
}

/// What the platform itself says, before the plugin is asked.
fn check_platform(plugin: &Arc<Plugin>, back: &Back) -> Result<(), Failed> {
    let Some(oauth) = &plugin.manifest.oauth else {
        return Err(server_error(format!("Plugin '{}' has no authorisation", plugin.name)));
    };
    // An error may come from a wrong issuer as well (RFC 9207, 2.4).
    if let (Some(issuer), Some(iss)) = (&oauth.issuer, back.parameter("iss"))
        && issuer != iss
    {
        return Err(server_error("the callback is from another issuer".to_owned()));
    }
    if let Some(error) = back.parameter("error") {
        let description = back.parameter("error_description").unwrap_or_default();
        let error = if error.is_empty() { "server_error" } else { error };
        return Err(Failed::new(error, description));
    }
    if back.parameter("code").is_none() {
        return Err(server_error("the platform sent no code".to_owned()));
    }
    Ok(())
}

/// What the plugin is told. Holds the code and its verifier.
fn told(
    flow: &Flow,
    slug: Option<&str>,
    verifier: Option<&secrecy::SecretString>,
    back: &Back,
) -> String {
    let mut query = Map::new();
    for (name, value) in back.query.iter().filter(|(name, _)| name != "state") {
        query.entry(name).or_insert_with(|| Value::from(value.as_str()));
    }
    let mut told = json!({ "type": flow.kind, "query": query, "redirect_uri": flow.callback });
    let more = [
        ("community", slug.map(str::to_owned)),
        ("code_verifier", verifier.map(|verifier| verifier.expose_secret().to_owned())),
        ("metagov_id", flow.person.map(|person| person.to_string())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            told[name] = Value::from(value);
        }
    }
    told.to_string()
}

fn server_error(description: String) -> Failed {
    Failed::new("server_error", &description)
}

impl Failed {
    fn new(error: &str, description: &str) -> Self {
        Self { error: error.to_owned(), description: description.to_owned() }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        match &fault {
            // The log has the reason; browsers need not know it.
            Fault::Store(cause) | Fault::Host(cause) => {
                tracing::error!("an authorisation failed: {cause}");
                server_error("the host failed".to_owned())
            }
            Fault::Unsettled => {
                tracing::error!("an authorisation failed: {fault}");
                server_error("the host failed".to_owned())
            }
            Fault::Taken(_) => Self::new("conflict", "the account is linked to somebody else"),
            Fault::Trap(_)
            | Fault::Limit(_)
            | Fault::Timeout(_)
            | Fault::BadOutput(_)
            | Fault::InstanceBusy
            | Fault::Overloaded(_)
            | Fault::InstanceReplaced => server_error(fault.to_string()),
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Fault(fault) => fault.into(),
            CallError::Refused(refusal) => Self::new(&refusal.kind, &refusal.message),
            error @ CallError::NotEnabled { .. } => {
                Self::new("plugin_not_enabled", &error.to_string())
            }
            error @ CallError::NoSuchPlatform { .. } => {
                Self::new("wrong_community", &error.to_string())
            }
            error => server_error(error.to_string()),
        }
    }
}

impl From<MutationError> for Failed {
    fn from(error: MutationError) -> Self {
        let text = error.to_string();
        match error {
            MutationError::Call(error) => error.into(),
            MutationError::NotFound(_) => Self::new("community_not_found", &text),
            // Where, and not what: it may be a secret.
            MutationError::InvalidConfig { violations, .. } => {
                let places: Vec<_> = violations.iter().map(|one| one.path.as_str()).collect();
                Self::new("invalid_config", &format!("{text}: {}", places.join(", ")))
            }
            _ => server_error(text),
        }
    }
}
