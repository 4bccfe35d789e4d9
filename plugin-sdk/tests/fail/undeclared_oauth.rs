//! A plugin that authorises says what.

use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::{Result, plugin};

struct Slack;

#[plugin(name = "slack", homepage = "slack.com")]
impl Slack {}

struct GitHub;

#[plugin(name = "github")]
impl GitHub {
    #[authorize_url]
    fn url(&self, request: AuthorizeRequest) -> Result<String> {
        Ok(request.url("https://github.com/login/oauth/authorize", &[]))
    }

    #[oauth_callback]
    fn back(&self, callback: OAuthCallback) -> Result<Authorized> {
        callback.code().map(|_| Authorized::user())
    }
}

fn main() {}
