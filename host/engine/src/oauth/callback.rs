//! When the browser returns: the host uses the state up, then the plugin says what the platform authorised,
//! then the host stores it. Once the state is used up, every error goes to the driver in the redirect.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::answer::Expected;
use super::flow::Flow;
use super::redirects::WebUrl;
use super::secret::{hash, verifier_context};
use super::{OAuth, OAuthError, OAuthResult};
use crate::calls::{CallError, Mode, ValidatedCall};
use crate::hooks::{Builtin, Ended, Run, enabling_data};
use crate::mutations::{Authorization, MutationError};
use crate::plugins::Plugin;
use moothall_core::ids::{CommunityId, CommunitySlug, RequestId};
use moothall_guest::exports::OAuthCall;
use moothall_guest::{Fault, Kind, cut};
use moothall_store::{StoreError, Taken as InUse};

/// Longest `error_description`, in bytes.
const DESCRIPTION_BYTES: usize = 500;
/// Longest `error`, in bytes.
const ERROR_BYTES: usize = 100;

/// The error code for browsers when the plugin or its platform failed.
const UNFINISHED: &str = "the plugin could not complete the authorisation with its platform";

/// A browser that returned from the platform.
pub struct Back {
    pub plugin: String,
    /// All parameters that the platform sent.
    pub query: Vec<(String, String)>,
    /// The value of the state's cookie.
    pub cookie: Option<String>,
    pub request: RequestId,
}

/// What a used state led to.
struct Taken {
    flow: Flow,
    verifier: Option<secrecy::SecretString>,
}

/// The parameters that the browser takes to the driver.
struct Finished {
    redirect: Option<WebUrl>,
    parameters: Vec<(String, String)>,
    community: String,
}

/// The error for the driver.
struct FailedCallback {
    error: String,
    description: String,
}

impl OAuth {
    /// Where the browser is sent.
    pub async fn callback(&self, back: Back) -> OAuthResult<String> {
        let Taken { flow, verifier } = self.take(&back).await?;
        let slug = self.slug(&flow)?;
        let finished = self.finish(&flow, slug.clone(), verifier, &back).await;
        let (redirect, community, mut pairs) = match finished {
            Ok(done) => (done.redirect, Some(done.community), done.parameters),
            Err(FailedCallback { error, description }) => {
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
            None => WebUrl::parse(&flow.redirect_uri).map_err(Fault::Host)?,
        };
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value)).collect();
        Ok(to.with(&pairs))
    }

    /// Uses the state up.
    async fn take(&self, back: &Back) -> OAuthResult<Taken> {
        let state = back.parameter("state");
        let state = hash(state.ok_or_else(|| OAuthError::NoState(back.platform_error()))?);
        let browser = hash(back.cookie.as_deref().ok_or(OAuthError::BadState)?);
        let (plugin, now) = (back.plugin.clone(), self.context.clock.trusted_ms());
        let take = self
            .context
            .store
            .write("oauth.callback", move |tx| tx.take_oauth_state(&state, &plugin, &browser, now));
        let taken = take.await?.ok_or(OAuthError::BadState)?;
        let open = |sealed: Vec<u8>| self.context.keyring.open(&verifier_context(&state), &sealed);
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
    ) -> Result<Finished, FailedCallback> {
        let plugin = self.context.plugins.get(&back.plugin);
        let plugin =
            plugin.ok_or_else(|| server_error(format!("No such plugin: {}", back.plugin)))?;
        check_platform(&plugin, back)?;
        self.require_ticket(flow, &plugin)?;
        if flow.community.is_some() && slug.is_none() {
            return Err(FailedCallback::new(
                "community_not_found",
                "the community was deleted meanwhile",
            ));
        }
        let platform_ids = self.platform_ids(flow, &plugin)?;
        let callback = input(flow, slug.as_deref(), &platform_ids, verifier.as_ref(), back);
        let handle = OAuthCall::HandleCallback { callback };
        let expected = Arc::new(Expected {
            redirects: self.redirects.clone(),
            plugin: plugin.clone(),
            kind: flow.kind,
            person: flow.person,
        });
        let judge = expected.clone();
        let call = ValidatedCall::of_plugin(plugin.clone(), handle, back.request.clone())
            .judged_by(move |output| judge.answer(output).map(drop));
        let answer = self.mutations.calls.run(call, Mode::Commit).await?;
        let answer = expected.answer(&answer.output)?;
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
            ticket: flow.ticket,
        };
        let authorized = self.mutations.authorize(authorization, back.request.clone()).await;
        let community = authorized.map_err(|error| self.not_authorized(error, plugin, back))?;
        let community = community.names.slug.to_string();
        Ok(Finished { redirect: answer.redirect, parameters: answer.parameters, community })
    }

    /// A config that the plugin's own schema refuses is the plugin's fault, whatever the platform sent.
    fn not_authorized(
        &self,
        error: MutationError,
        plugin: Arc<Plugin>,
        back: &Back,
    ) -> FailedCallback {
        let MutationError::InvalidConfig { violations, .. } = &error else { return error.into() };
        let places = violations.iter().map(|one| format!("config{}: {}", one.path, one.message));
        let reason = format!("{error}: {}", places.collect::<Vec<_>>().join("; "));
        let handle = OAuthCall::HandleCallback { callback: String::new() };
        let request = back.request.clone();
        self.mutations.calls.blame((plugin, None), handle, request, reason.clone());
        FailedCallback::new("invalid_config", &reason)
    }

    /// The hook before a plugin is enabled may halt this too.
    async fn guard_enabling(
        &self,
        plugin: &Plugin,
        config: &str,
        community: Option<&(CommunityId, CommunitySlug)>,
        back: &Back,
    ) -> Result<(), FailedCallback> {
        let Some(hook) = self.hooks.active(Builtin::PluginEnabling) else { return Ok(()) };
        let slug = community.map(|(_, slug)| slug.as_str());
        let data = enabling_data(slug, plugin.name.as_str(), Some(plugin), config);
        let community = slug.and_then(|slug| self.context.communities.get(slug));
        let request_id = back.request.clone();
        let run = Run { hook, community, data, request_id, may_send: true };
        match self.hooks.run(run).await.ended {
            Ended::Continue => Ok(()),
            Ended::Halt(exception) => Err(FailedCallback::new(
                "access_denied",
                match exception.message.as_str() {
                    "" => "a step of a hook prevents it",
                    message => message,
                },
            )),
            Ended::Error(..) => {
                Err(server_error("a step of a hook failed, and it may not".to_owned()))
            }
            Ended::Exhausted(_) => {
                Err(server_error("the host could not ask a step of a hook".to_owned()))
            }
        }
    }

    /// Checked before the platform's code is used up: another flow of the same ticket may have completed. The
    /// commit checks again.
    fn require_ticket(&self, flow: &Flow, plugin: &Plugin) -> Result<(), FailedCallback> {
        let Some(ticket) = &flow.ticket else { return Ok(()) };
        let store = &self.context.store;
        let found = store.read(|reader| reader.oauth_ticket(ticket, plugin.name.as_str(), None))?;
        found.map(drop).ok_or_else(ticket_used)
    }

    /// The plugin may have named a person who is not in this community.
    fn require_stored(
        &self,
        person: moothall_core::ids::PersonId,
        community: &Option<(CommunityId, CommunitySlug)>,
    ) -> Result<(), FailedCallback> {
        let row = self.context.store.read(|reader| reader.person(person))?;
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

    /// The platform's error code, for a person to read. Anybody can make such a URL, so no sentence of it is
    /// quoted.
    fn platform_error(&self) -> String {
        let is_code = |text: &&str| {
            text.len() <= ERROR_BYTES
                && text.bytes().all(|one| one.is_ascii_lowercase() || one == b'_')
        };
        let error = self.parameter("error").filter(is_code);
        error.map(|error| format!(" (it said `{error}`)")).unwrap_or_default()
    }
}

/// The community that the flow is for; none if it is for a new one.
fn target(
    flow: &Flow,
    slug: Option<String>,
) -> Result<Option<(CommunityId, CommunitySlug)>, FailedCallback> {
    let Some((id, slug)) = flow.community.zip(slug) else { return Ok(None) };
    let slug = CommunitySlug::parse(&slug).map_err(|error| server_error(error.to_string()))?;
    Ok(Some((CommunityId(id), slug)))
}

/// The platform's own error, before the plugin is called.
fn check_platform(plugin: &Arc<Plugin>, back: &Back) -> Result<(), FailedCallback> {
    let Some(oauth) = &plugin.manifest.oauth else {
        return Err(server_error(format!("Plugin '{}' has no authorisation", plugin.name)));
    };
    // An error may also come from a wrong issuer (RFC 9207, 2.4).
    let issuer = oauth.issuer(&plugin.context.settings.public);
    if let (Some(issuer), Some(iss)) = (issuer, back.parameter("iss"))
        && issuer != iss
    {
        return Err(server_error("the callback is from another issuer".to_owned()));
    }
    if let Some(error) = back.parameter("error") {
        let description = back.parameter("error_description").unwrap_or_default();
        let error = if error.is_empty() { "server_error" } else { error };
        return Err(FailedCallback::new(error, description));
    }
    if back.parameter("code").is_none() {
        return Err(server_error("the platform sent no code".to_owned()));
    }
    Ok(())
}

/// The input for the plugin. Contains the code and its verifier.
fn input(
    flow: &Flow,
    slug: Option<&str>,
    platform_ids: &[String],
    verifier: Option<&secrecy::SecretString>,
    back: &Back,
) -> String {
    let mut query = Map::new();
    for (name, value) in back.query.iter().filter(|(name, _)| name != "state") {
        query.entry(name).or_insert_with(|| Value::from(value.as_str()));
    }
    let mut input = json!({
        "type": flow.kind,
        "query": query,
        "redirect_uri": flow.callback,
        "platform_ids": platform_ids
    });
    let more = [
        ("community", slug.map(str::to_owned)),
        ("code_verifier", verifier.map(|verifier| verifier.expose_secret().to_owned())),
        ("metagov_id", flow.person.map(|person| person.to_string())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            input[name] = Value::from(value);
        }
    }
    input.to_string()
}

fn ticket_used() -> FailedCallback {
    FailedCallback::new(
        "ticket_used",
        "another authorisation of the same link was completed before",
    )
}

fn server_error(description: String) -> FailedCallback {
    FailedCallback::new("server_error", &description)
}

/// A plugin's own kind is a word like the platform's own errors, which browsers take to drivers in the same place.
fn code(kind: &Kind) -> String {
    match kind {
        Kind::Own(own) => own.replace('-', "_"),
        other => other.code(),
    }
}

impl FailedCallback {
    fn new(error: &str, description: &str) -> Self {
        Self { error: error.to_owned(), description: description.to_owned() }
    }
}

impl From<Fault> for FailedCallback {
    fn from(fault: Fault) -> Self {
        match &fault {
            // The reason is in the log; browsers need not know it.
            Fault::Store(cause) | Fault::Host(cause) => {
                tracing::error!("an authorisation failed: {cause}");
                server_error("the host failed".to_owned())
            }
            Fault::Unsettled => {
                tracing::error!("an authorisation failed: {fault}");
                server_error("the host failed".to_owned())
            }
            Fault::Taken(InUse::Ticket) => ticket_used(),
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

impl From<StoreError> for FailedCallback {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl From<CallError> for FailedCallback {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Fault(fault, _) => fault.into(),
            // The failure of the plugin or of its platform is in the log: it may name what the public need not
            // know.
            CallError::Refused(refusal, _)
                if matches!(refusal.kind, Kind::Unavailable | Kind::Internal) =>
            {
                Self::new(&refusal.kind.code(), UNFINISHED)
            }
            CallError::Refused(refusal, _) => Self::new(&code(&refusal.kind), &refusal.message),
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

impl From<MutationError> for FailedCallback {
    fn from(error: MutationError) -> Self {
        let text = error.to_string();
        match error {
            MutationError::Call(error) => error.into(),
            MutationError::NotFound(_) => Self::new("community_not_found", &text),
            _ => server_error(text),
        }
    }
}
