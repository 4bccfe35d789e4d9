//! Authorisation of plugins on their platforms (OAuth 2, by RFC 9700): a browser leaves with a state and
//! returns with it once; then one write stores what the platform authorised.
//!
//! The host does what makes a flow safe: the state and its binding to plugin and browser, PKCE, and the list of
//! URLs to which browsers may be sent. The plugin knows the platform. No secret of a flow is stored in the
//! clear, logged, or quoted in an error. Nothing here uses HTTP or SQL.

mod answer;
mod callback;
mod error;
mod flow;
mod redirects;
mod secret;

use std::sync::Arc;

use serde_json::json;
use url::Url;

use crate::calls::{CallError, Mode, ValidatedCall};
use crate::context::Context;
use crate::hooks::Hooks;
use crate::mutations::Mutations;
use crate::plugins::Plugin;
use moothall_core::config::Config;
use moothall_core::ids::{CommunityId, RequestId};
use moothall_guest::exports::OAuthCall;
use moothall_guest::{Fault, Output};
use moothall_store::{OAuthBounds, OAuthRow, OAuthSecret, Reader, StoreError};

pub use callback::Back;
pub use error::OAuthError;
pub use flow::AskedFor;
pub use secret::cookie_name;

use flow::Flow;
use redirects::{Redirects, WebUrl};
use secret::{Secret, challenge, hash, verifier_context};

/// How long a ticket is valid, and then how long the browser may take at the platform, in milliseconds.
pub const FLOW_MS: i64 = 10 * 60 * 1000;
/// How long after that a ticket is kept, in milliseconds: an authorisation that it began at its end has the
/// same time, and then the plugin is called.
pub const ENDED_MS: i64 = 2 * FLOW_MS;
/// The longest URL of a platform that a plugin may return, in bytes.
const URL_BYTES: usize = 8_192;

/// Authorises plugins.
pub struct OAuth {
    mutations: Mutations,
    context: Arc<Context>,
    hooks: Arc<Hooks>,
    redirects: Arc<Redirects>,
    public_url: Option<Url>,
    /// Whether only this machine can reach the host: then the URL may be that of the request.
    is_local: bool,
    /// Whether anybody may begin an authorisation without a ticket.
    pub is_open: bool,
    /// The most authorisations that one ticket begins.
    flows_per_ticket: u32,
    bounds: OAuthBounds,
    /// The largest form that a platform may post to the callback, in bytes.
    pub form_bytes: usize,
}

/// Who begins an authorisation.
pub struct Visitor {
    pub request: RequestId,
    /// The API key, or the address of the client.
    pub sender: String,
}

/// Where the browser goes, and the cookie that is set.
pub struct Leave {
    pub url: String,
    pub cookie_name: String,
    pub cookie: String,
}

type OAuthResult<T> = Result<T, OAuthError>;

impl OAuth {
    /// The URL to which browsers may be sent, or why they may not.
    pub fn may_redirect(&self, url: &str) -> Result<WebUrl, String> {
        self.redirects.check(url)
    }

    /// With `is_local` only this machine can reach the host, and no `public_url` is needed.
    pub fn new(mutations: Mutations, hooks: Arc<Hooks>, config: &Config, is_local: bool) -> Self {
        Self {
            context: mutations.context.clone(),
            mutations,
            hooks,
            redirects: Arc::new(Redirects::new(config.oauth.redirects.clone())),
            public_url: config.http.public_url.clone(),
            is_local,
            is_open: config.oauth.open_authorize,
            flows_per_ticket: config.oauth.flows_per_ticket,
            bounds: OAuthBounds {
                all: config.oauth.authorisations,
                of_sender: config.oauth.authorisations_per_sender,
            },
            form_bytes: config.oauth.form_bytes,
        }
    }

    /// The base URL at which browsers reach the host, without a final slash. `host` is the `Host` of the
    /// request, if that is this machine.
    pub fn base(&self, host: Option<&str>) -> OAuthResult<String> {
        match (&self.public_url, host) {
            (Some(url), _) => Ok(url.as_str().trim_end_matches('/').to_owned()),
            (None, Some(host)) if self.is_local => Ok(format!("http://{host}")),
            _ => Err(OAuthError::NoPublicUrl),
        }
    }

    /// Whether the plugin can authorise anybody.
    pub fn require(&self, plugin: &str) -> OAuthResult<()> {
        self.plugin(plugin).map(drop)
    }

    /// A ticket, with which a browser may begin the authorisation that the driver requests; returns the URL to
    /// send the browser to.
    pub async fn start(
        &self,
        plugin: &str,
        asked: AskedFor,
        base: &str,
        sender: String,
    ) -> OAuthResult<String> {
        let plugin = self.plugin(plugin)?;
        let flow = self.flow(&plugin, asked, base)?;
        let ticket = Secret::new()?;
        let row = OAuthRow {
            kind: OAuthSecret::Ticket,
            sender,
            hash: ticket.hash(),
            plugin: plugin.name.to_string(),
            browser_hash: None,
            request: flow.stored()?,
            sealed_verifier: None,
            expires_at: self.context.clock.now_ms() + FLOW_MS,
        };
        let store = &self.context.store;
        let bounds = self.bounds;
        store.write("oauth.start", move |tx| tx.add_oauth_state(&row, bounds)).await?;
        Ok(format!("{base}/auth/{}/authorize?ticket={}", plugin.name, ticket.as_str()))
    }

    /// Begins an authorisation.
    pub async fn authorize(
        &self,
        plugin: &str,
        asked: AskedFor,
        base: &str,
        by: Visitor,
    ) -> OAuthResult<Leave> {
        let plugin = self.plugin(plugin)?;
        let flow = self.flow(&plugin, asked, base)?;
        self.leave(plugin, flow, by).await
    }

    /// Begins the ticket's authorisation. A ticket is good for several, because a link preview may visit the
    /// URL first; the first that completes uses the ticket up.
    pub async fn authorize_with(
        &self,
        plugin: &str,
        ticket: &str,
        by: Visitor,
    ) -> OAuthResult<Leave> {
        let plugin = self.plugin(plugin)?;
        let ticket = hash(ticket);
        let now = self.context.clock.trusted_ms();
        let read =
            |reader: &Reader<'_>| reader.oauth_ticket(&ticket, plugin.name.as_str(), Some(now));
        let found = self.context.store.read(read)?.ok_or(OAuthError::BadTicket)?;
        let flow = Flow { ticket: Some(ticket), ..Flow::read(&found)? };
        self.leave(plugin, flow, by).await
    }

    async fn leave(&self, plugin: Arc<Plugin>, flow: Flow, by: Visitor) -> OAuthResult<Leave> {
        let (state, browser) = (Secret::new()?, Secret::new()?);
        let pkce = plugin.manifest.oauth.as_ref().and_then(|oauth| oauth.pkce).unwrap_or(true);
        let verifier = pkce.then(Secret::new).transpose()?;
        let url = self.platform_url(&plugin, &flow, by.request).await?;
        let url = complete(&url, &flow, &state, verifier.as_ref());
        let seal = |verifier: &Secret| {
            let context = verifier_context(&state.hash());
            self.context.keyring.seal(&context, verifier.as_str().as_bytes())
        };
        let sealed_verifier = verifier.as_ref().map(seal).transpose();
        let row = OAuthRow {
            kind: OAuthSecret::State,
            sender: by.sender,
            hash: state.hash(),
            plugin: plugin.name.to_string(),
            browser_hash: Some(browser.hash()),
            request: flow.stored()?,
            sealed_verifier: sealed_verifier.map_err(|error| Fault::Host(error.to_string()))?,
            expires_at: self.context.clock.now_ms() + FLOW_MS,
        };
        let (ticket, now, flows) =
            (flow.ticket, self.context.clock.trusted_ms(), self.flows_per_ticket);
        let bounds = self.bounds;
        let begin = self.context.store.write("oauth.authorize", move |tx| {
            let may = ticket.map_or(Ok(true), |ticket| tx.begin_oauth_flow(&ticket, now, flows))?;
            may.then(|| tx.add_oauth_state(&row, bounds)).transpose()
        });
        begin.await?.ok_or(OAuthError::BadTicket)?;
        let cookie_name = cookie_name(state.as_str());
        Ok(Leave { url, cookie_name, cookie: browser.as_str().to_owned() })
    }

    /// The platform's URL, as the plugin returns it.
    async fn platform_url(
        &self,
        plugin: &Arc<Plugin>,
        flow: &Flow,
        request: RequestId,
    ) -> OAuthResult<WebUrl> {
        let (slug, platform_ids) = (self.slug(flow)?, self.platform_ids(flow, plugin)?);
        let mut asked = json!({ "type": flow.kind, "redirect_uri": flow.callback, "platform_ids": platform_ids });
        if let Some(slug) = slug {
            asked["community"] = json!(slug);
        }
        let asked = OAuthCall::AuthorizeUrl { request: asked.to_string() };
        let call = ValidatedCall::of_plugin(plugin.clone(), asked, request)
            .judged_by(|output| platform_url(output).map(drop));
        let answer = self.mutations.calls.run(call, Mode::Commit).await?;
        Ok(platform_url(&answer.output)?)
    }

    fn plugin(&self, name: &str) -> OAuthResult<Arc<Plugin>> {
        // Anybody may call this, and must learn no names.
        let plugin = self.mutations.calls.serving(name).map_err(CallError::without_suggestion)?;
        if plugin.manifest.oauth.is_none() {
            return Err(OAuthError::NoOAuth(plugin.name.clone()));
        }
        Ok(plugin)
    }

    /// On which parts of its platform the plugin is enabled for the flow's community, whatever that is called now.
    fn platform_ids(&self, flow: &Flow, plugin: &Plugin) -> Result<Vec<String>, StoreError> {
        let Some(id) = flow.community else { return Ok(Vec::new()) };
        let plugin = plugin.name.as_str();
        self.context.store.read(|reader| reader.platform_ids(CommunityId(id), plugin))
    }

    /// The present slug of the flow's community; none if it has none, or if it is gone.
    fn slug(&self, flow: &Flow) -> OAuthResult<Option<String>> {
        let Some(id) = flow.community else { return Ok(None) };
        Ok(self.context.store.read(|reader| reader.slug_of(CommunityId(id)))?)
    }
}

fn platform_url(output: &Output) -> Result<WebUrl, Fault> {
    let Output::Url(url) = output else { return Err(no_platform_url()) };
    let url = Some(url).filter(|url| url.len() <= URL_BYTES);
    url.and_then(|url| WebUrl::parse(url).ok()).ok_or_else(no_platform_url)
}

fn no_platform_url() -> Fault {
    let wrong = "the plugin's authorize-url is no http or https URL of at most 8192 bytes";
    Fault::BadOutput(wrong.to_owned())
}

/// The platform's URL with the parameters that the host sets, in place of the plugin's.
fn complete(url: &WebUrl, flow: &Flow, state: &Secret, verifier: Option<&Secret>) -> String {
    let challenge = verifier.map(challenge);
    let mut own = vec![
        ("response_type", "code"),
        ("redirect_uri", flow.callback.as_str()),
        ("state", state.as_str()),
    ];
    if let Some(challenge) = &challenge {
        own.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
    }
    url.with(&own)
}
