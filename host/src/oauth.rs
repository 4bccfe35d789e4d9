//! Authorisation of plugins on their platforms (OAuth 2, by RFC 9700): a browser leaves with a state, comes
//! back with it once, and what the platform then says is carried out in one write.
//!
//! The host keeps what makes it safe: the state and its binding to plugin and browser, PKCE, and the list
//! of where browsers may be sent. The plugin knows the platform. No secret of a flow is stored in the
//! clear, logged, or quoted in an error. Nothing here speaks HTTP or SQL.

mod answer;
mod callback;
mod error;
mod flow;
mod redirects;
mod secret;

use std::sync::Arc;

use serde_json::json;
use url::Url;

use crate::calls::{CallError, Mode, ValidatedCall, What};
use crate::config::Config;
use crate::guest::Fault;
use crate::hooks::Hooks;
use crate::ids::{CommunityId, RequestId};
use crate::mutations::Mutations;
use crate::plugins::Plugin;
use crate::store::{OAuthRow, OAuthSecret};

pub use callback::Back;
pub use error::OAuthError;
pub use flow::Asked;
pub use secret::cookie_name;

use flow::Flow;
use redirects::{Redirects, with_parameters};
use secret::{Secret, challenge, hash, verifier_context};

/// How long a ticket, and then the way over the platform, may take, in milliseconds.
pub const FLOW_MS: i64 = 10 * 60 * 1000;
/// Longest URL of a platform that a plugin answers, in bytes.
const URL_BYTES: usize = 8_192;

/// Authorises plugins.
pub struct OAuth {
    mutations: Mutations,
    hooks: Arc<Hooks>,
    redirects: Redirects,
    public_url: Option<Url>,
    is_local: bool,
    /// Whether nobody needs a ticket.
    pub is_open: bool,
}

/// Where the browser goes, and the cookie that it takes along.
pub struct Leave {
    pub url: String,
    pub cookie_name: String,
    pub cookie: String,
}

type Outcome<T> = Result<T, OAuthError>;

impl OAuth {
    /// The URL as browsers may be sent to it, or why they may not.
    pub fn may_redirect(&self, url: &str) -> Result<url::Url, String> {
        self.redirects.check(url)
    }

    /// What is wrong with the configuration, otherwise.
    pub fn new(
        mutations: Mutations,
        hooks: Arc<Hooks>,
        config: &Config,
        is_local: bool,
    ) -> Result<Self, String> {
        let public_url = config.http.public_url.as_deref().map(redirects::web_url).transpose();
        let public_url = public_url.map_err(|wrong| format!("[http] public_url: {wrong}"))?;
        Ok(Self {
            mutations,
            hooks,
            redirects: Redirects::new(&config.oauth.redirects)?,
            public_url,
            is_local,
            is_open: config.oauth.open_authorize,
        })
    }

    /// Where browsers reach the host, without a slash at its end. `host` is what the request was sent to,
    /// if that is this machine.
    pub fn base(&self, host: Option<&str>) -> Outcome<String> {
        match (&self.public_url, host) {
            (Some(url), _) => Ok(url.as_str().trim_end_matches('/').to_owned()),
            (None, Some(host)) if self.is_local => Ok(format!("http://{host}")),
            _ => Err(OAuthError::NoPublicUrl),
        }
    }

    /// Whether the plugin can authorise anybody.
    pub fn require(&self, plugin: &str) -> Outcome<()> {
        self.plugin(plugin).map(drop)
    }

    /// A ticket, with which a browser may begin what the driver asks for; the URL to send it to.
    pub async fn start(&self, plugin: &str, asked: Asked, base: &str) -> Outcome<String> {
        let plugin = self.plugin(plugin)?;
        let flow = self.flow(&plugin, asked, base)?;
        let ticket = Secret::new()?;
        let row = OAuthRow {
            kind: OAuthSecret::Ticket,
            hash: ticket.hash(),
            plugin: plugin.name.to_string(),
            browser_hash: None,
            request: flow.stored()?,
            sealed_verifier: None,
            expires_at: self.mutations.calls.clock.now_ms() + FLOW_MS,
        };
        let store = &self.mutations.calls.store;
        store.write("oauth.start", move |tx| tx.add_oauth_state(&row)).await?;
        Ok(format!("{base}/auth/{}/authorize?ticket={}", plugin.name, ticket.as_str()))
    }

    /// Begins what is asked for.
    pub async fn authorize(
        &self,
        plugin: &str,
        asked: Asked,
        base: &str,
        request: RequestId,
    ) -> Outcome<Leave> {
        let plugin = self.plugin(plugin)?;
        let flow = self.flow(&plugin, asked, base)?;
        self.leave(plugin, flow, request).await
    }

    /// Begins what the ticket is for.
    pub async fn authorize_with(
        &self,
        plugin: &str,
        ticket: &str,
        request: RequestId,
    ) -> Outcome<Leave> {
        let plugin = self.plugin(plugin)?;
        let (ticket, name) = (hash(ticket), plugin.name.to_string());
        let now = self.mutations.calls.clock.believed_ms();
        let take = self.mutations.calls.store.write("oauth.ticket", move |tx| {
            tx.take_oauth_state(OAuthSecret::Ticket, ticket, &name, None, now)
        });
        let taken = take.await?.ok_or(OAuthError::BadTicket)?;
        self.leave(plugin, Flow::read(&taken.request)?, request).await
    }

    async fn leave(&self, plugin: Arc<Plugin>, flow: Flow, request: RequestId) -> Outcome<Leave> {
        let (state, browser) = (Secret::new()?, Secret::new()?);
        let pkce = plugin.manifest.oauth.as_ref().and_then(|oauth| oauth.pkce).unwrap_or(true);
        let verifier = pkce.then(Secret::new).transpose()?;
        let url = self.platform_url(&plugin, &flow, request).await?;
        let url = complete(url, &flow, &state, verifier.as_ref());
        let seal = |verifier: &Secret| {
            let context = verifier_context(&state.hash());
            self.mutations.keyring.seal(&context, verifier.as_str().as_bytes())
        };
        let sealed_verifier = verifier.as_ref().map(seal).transpose();
        let row = OAuthRow {
            kind: OAuthSecret::State,
            hash: state.hash(),
            plugin: plugin.name.to_string(),
            browser_hash: Some(browser.hash()),
            request: flow.stored()?,
            sealed_verifier: sealed_verifier.map_err(|error| Fault::Host(error.to_string()))?,
            expires_at: self.mutations.calls.clock.now_ms() + FLOW_MS,
        };
        let store = &self.mutations.calls.store;
        store.write("oauth.authorize", move |tx| tx.add_oauth_state(&row)).await?;
        let cookie_name = cookie_name(state.as_str());
        Ok(Leave { url: url.into(), cookie_name, cookie: browser.as_str().to_owned() })
    }

    /// The URL that the plugin answers for its platform.
    async fn platform_url(
        &self,
        plugin: &Arc<Plugin>,
        flow: &Flow,
        request: RequestId,
    ) -> Outcome<Url> {
        let mut asked = json!({ "type": flow.kind, "redirect_uri": flow.callback });
        if let Some(slug) = self.slug(flow)? {
            asked["community"] = json!(slug);
        }
        let what = What::AuthorizeUrl { request: asked.to_string() };
        let call = ValidatedCall::of_plugin(plugin.clone(), what, request);
        let answer = self.mutations.calls.run(call, Mode::Commit).await?;
        let url = answer.text().filter(|url| url.len() <= URL_BYTES);
        let url = url.and_then(|url| redirects::web_url(&url).ok());
        let wrong = "the plugin's authorize-url is no http or https URL of at most 8192 bytes";
        Ok(url.ok_or_else(|| Fault::BadOutput(wrong.to_owned()))?)
    }

    fn plugin(&self, name: &str) -> Outcome<Arc<Plugin>> {
        let plugins = &self.mutations.calls.plugins;
        let plugin = plugins.get(name).ok_or_else(|| {
            if plugins.is_compiling() {
                CallError::PluginUnavailable(name.to_owned())
            } else {
                CallError::UnknownPlugin(name.to_owned())
            }
        })?;
        if plugin.manifest.oauth.is_none() {
            return Err(OAuthError::NoOAuth(plugin.name.clone()));
        }
        Ok(plugin)
    }

    /// What the flow's community is called now; none if it has none, or is gone.
    fn slug(&self, flow: &Flow) -> Outcome<Option<String>> {
        let Some(id) = flow.community else { return Ok(None) };
        Ok(self.mutations.calls.store.read(|reader| reader.slug_of(CommunityId(id)))?)
    }
}

/// The platform's URL with what the host answers for, whatever the plugin wrote there.
fn complete(url: Url, flow: &Flow, state: &Secret, verifier: Option<&Secret>) -> Url {
    let challenge = verifier.map(challenge);
    let mut own = vec![("redirect_uri", flow.callback.as_str()), ("state", state.as_str())];
    if let Some(challenge) = &challenge {
        own.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
    }
    with_parameters(url, &own)
}
