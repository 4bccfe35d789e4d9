//! GitHub for a community: requests to its API as an installation of the operator's app, its webhooks as events, and votes
//! that are held in issues.

mod api;
mod comment_vote;
mod installation;
mod method;
mod react_vote;
mod votes;
mod webhooks;

use comment_vote::IssueCommentVote;
use installation::Installation;
use method::Method;
use moothall_sdk::Routed;
use moothall_sdk::http::Response;
use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::prelude::*;
use react_vote::IssueReactVote;
use webhooks::Happening;

/// The key of the state under which the account's name is.
const OWNER: &str = "owner";

#[derive(Serialize, Deserialize, JsonSchema)]
struct Config {
    /// The user or the organisation that has installed the app. Without it, GitHub is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// The installation: the number at the end of its page's URL.
    installation_id: String,
    /// The repository of votes for which none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    repo_name: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// The app's name in its URL: `github.com/apps/<app_name>`.
    app_name: Option<String>,
    /// The app's id, or its client id.
    app_id: Option<String>,
    /// The app's private key, in PEM.
    private_key: Option<Secret>,
    #[expect(dead_code, reason = "the host checks the signatures of webhooks with it")]
    webhook_secret: Option<Secret>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    /// Another API than github.com's: `https://<host>/api/v3` of a GitHub Enterprise Server.
    #[serde(default = "default_api_url")]
    api_url: String,
    /// Where people see what the API is about.
    #[serde(default = "default_web_url")]
    web_url: String,
}

fn default_api_url() -> String {
    "https://api.github.com".to_owned()
}

fn default_web_url() -> String {
    "https://github.com".to_owned()
}

#[derive(Deserialize, JsonSchema)]
struct CreateIssue {
    repo_name: String,
    title: String,
    body: String,
}

struct Github;

#[plugin(
    name = "github",
    title = "GitHub",
    homepage = "https://github.com",
    config = Config,
    settings = Settings,
    description = "GitHub's API and events, and votes in issues.",
    auth_type = "oauth",
    community_platform_id_key = "installation_id",
    oauth(types("app", "user")),
    on_config_change = "keep",
    processes(IssueReactVote, IssueCommentVote),
    requests(http("settings:/api_url", "settings:/web_url"), reveal("settings:private_key"))
)]
impl Github {
    fn initialize(&self) -> Result<()> {
        self.find_owner()?;
        api::renew_token(self).map(drop)
    }

    fn config_changed(&self, _previous: Config) -> Result<()> {
        self.find_owner()
    }

    #[action(slug = "method", description = "Sends any request of GitHub's API.")]
    fn method(&self, method: Method) -> Result<Value> {
        let known = [("owner", owner(self)?), ("installation_id", self.config()?.installation_id)];
        let answer = api::send(self, method.request(&self.settings()?, known)?)?;
        if answer.body.is_empty() { Ok(Value::Null) } else { answer.json() }
    }

    #[action(slug = "create-issue", description = "Creates an issue in a repository.")]
    fn create_issue(&self, issue: CreateIssue) -> Result<Value> {
        let CreateIssue { repo_name, title, body } = issue;
        let route = api::issues(&owner(self)?, &repo_name)?;
        api::write(self, "POST", &route, &json!({ "title": title, "body": body }))?.json()
    }

    #[action(
        slug = "get-installation",
        description = "What GitHub knows of the installation.",
        read_only
    )]
    fn get_installation(&self) -> Result<Value> {
        self.installation()?.json()
    }

    #[global_webhook(verify(
        scheme = "hmac-sha256",
        secret = "settings:webhook_secret",
        header = "X-Hub-Signature-256",
        prefix = "sha256="
    ))]
    fn route(&self, request: WebhookRequest) -> Result<Routed> {
        let happening = Happening::read(&request)?;
        let installation = happening.and_then(|one| one.installation_id());
        let routed = installation.map_or_else(Routed::nowhere, Routed::to_platform);
        Ok(routed.respond(WebhookResponse::ok()))
    }

    #[webhook(verify(
        scheme = "hmac-sha256",
        secret = "settings:webhook_secret",
        header = "X-Hub-Signature-256",
        prefix = "sha256="
    ))]
    fn receive(&self, request: WebhookRequest) -> Result<()> {
        match Happening::read(&request)? {
            Some(happening) => happening.emit(self.events()),
            None => Ok(()),
        }
    }

    #[authorize_url]
    fn authorize_url(&self, request: AuthorizeRequest) -> Result<String> {
        installation::url(&self.settings()?, &request)
    }

    #[oauth_callback]
    fn oauth_callback(&self, callback: OAuthCallback) -> Result<Authorized> {
        installation::complete(&self.settings()?, callback)
    }
}

impl Github {
    fn installation(&self) -> Result<Response> {
        let route = format!("/app/installations/{}", self.config()?.installation_id);
        api::for_app(&self.settings()?, "GET", &route)
    }

    /// Keeps the account's name: the configuration's, or GitHub's.
    fn find_owner(&self) -> Result<()> {
        let owner = match self.config()?.owner {
            Some(owner) => owner,
            None => self.installation()?.json::<Installation>()?.account.login,
        };
        self.state().set(OWNER, &owner)
    }
}

/// The account's name.
fn owner(instance: &impl Instance<Github>) -> Result<String> {
    let owner = instance.instance_state().get(OWNER)?;
    owner.ok_or_else(|| Error::internal("the state has no owner; enable the plugin again"))
}

#[cfg(test)]
mod tests;
