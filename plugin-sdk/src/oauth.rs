//! Authorisation on the plugin's platform by OAuth 2. The host does `state`, PKCE, the binding to the browser
//! and the list of allowed redirects.
//!
//! ```
//! use moothall_sdk::accounts::Account;
//! use moothall_sdk::oauth::{self, AuthorizeRequest, Authorized, OAuthCallback};
//! use moothall_sdk::prelude::*;
//! # use moothall_sdk::testing::{Answer, Host};
//!
//! #[derive(Deserialize)]
//! struct Token {
//!     user_id: String,
//! }
//!
//! struct Chat;
//!
//! #[plugin(name = "chat", auth_type = "oauth", oauth(types("user")), requests(http("chat.example")))]
//! impl Chat {
//!     #[authorize_url]
//!     fn url(&self, request: AuthorizeRequest) -> Result<String> {
//!         Ok(request.url("https://chat.example/authorize", &[("client_id", "moothall")]))
//!     }
//!
//!     #[oauth_callback]
//!     fn back(&self, callback: OAuthCallback) -> Result<Authorized> {
//!         let token: Token =
//!             oauth::exchange("https://chat.example/token", "moothall", None, &callback)?;
//!         Ok(Authorized::user().account(Account::new(token.user_id)))
//!     }
//! }
//!
//! # let token = Answer::ok().json(&json!({ "user_id": "U1" }));
//! # let mut host = Host::new(Chat).answer("POST", "https://chat.example/token", token);
//! # let callback = json!({ "type": "user", "query": { "code": "42" }, "redirect_uri": "https://here" });
//! # let callback = moothall_sdk::serde_json::from_value(callback).expect("the host's form");
//! # assert_eq!(host.oauth_callback(callback), Ok(Authorized::user().account(Account::new("U1"))));
//! ```

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accounts::Account;
use crate::http::{self, Response};
use crate::{Error, Result, Secret, write};

/// What is being authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizeType {
    /// The plugin for a community.
    App,
    /// A person's account.
    User,
}

/// A request for the URL to which a person is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AuthorizeRequest {
    /// What is being authorised.
    #[serde(rename = "type")]
    pub authorize_type: AuthorizeType,
    /// The community's slug, if it exists already.
    pub community: Option<String>,
    /// The `community_platform_id`s for which the plugin is enabled there already.
    #[serde(default)]
    pub platform_ids: Vec<String>,
    /// Where the platform sends the browser back to; the host adds it to the URL.
    pub redirect_uri: String,
}

impl AuthorizeRequest {
    /// A URL of the platform with the plugin's own parameters, such as `client_id` and `scope`. The host adds
    /// `response_type=code`, `redirect_uri`, `state` and PKCE.
    pub fn url(&self, endpoint: &str, parameters: &[(&str, &str)]) -> String {
        let mut url = endpoint.to_owned();
        for (name, value) in parameters {
            http::add_query(&mut url, name, value);
        }
        url
    }
}

/// What the platform sent when the browser came back from it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OAuthCallback {
    /// What was being authorised.
    #[serde(rename = "type")]
    pub authorize_type: AuthorizeType,
    /// The community's slug, if it exists already.
    pub community: Option<String>,
    /// The `community_platform_id`s for which the plugin is enabled there already.
    #[serde(default)]
    pub platform_ids: Vec<String>,
    /// All query parameters that the platform sent, except `state`.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// The `redirect_uri` of the authorisation, which the token request has to repeat.
    pub redirect_uri: String,
    /// The PKCE verifier for the token request, unless the plugin opted out of PKCE.
    pub code_verifier: Option<String>,
    /// The person whose account it is, if the driver named one.
    pub metagov_id: Option<String>,
}

impl OAuthCallback {
    /// A query parameter that the platform sent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name)?.as_str()
    }

    /// The authorisation code. `unauthorized`, with the platform's own message, if it sent none.
    pub fn code(&self) -> Result<&str> {
        self.parameter("code").ok_or_else(|| {
            let reason = self.parameter("error").unwrap_or("no code was sent");
            Error::unauthorized(format!("the platform did not authorise: {reason}"))
        })
    }
}

/// Exchanges the code at the platform's token endpoint, with what the authorisation was asked with (RFC 6749, 4.1.3; RFC
/// 7636, 4.5), and the client's secret in the form (`client_secret_post`). A client without a secret sends none.
pub fn exchange<T: DeserializeOwned>(
    endpoint: &str,
    client_id: &str,
    client_secret: Option<&Secret>,
    callback: &OAuthCallback,
) -> Result<T> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", callback.code()?),
        ("redirect_uri", &callback.redirect_uri),
        ("client_id", client_id),
    ];
    form.extend(callback.code_verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
    let request = http::post(endpoint).header("accept", "application/json").form(&form);
    let request = match client_secret {
        Some(secret) => request.secret_form("client_secret", secret),
        None => request,
    };
    token(request.send()?)
}

/// Reads the answer of a platform's token endpoint, which says why it gives no token (RFC 6749, 5.2; GitHub does so with
/// the status 200). `internal` if that is about the client, which the operator has set up; `unauthorized` if it is
/// about the code.
pub fn token<T: DeserializeOwned>(response: Response) -> Result<T> {
    let Ok(Refusal { error, error_description }) = response.json() else {
        return response.error_for_status()?.json();
    };
    let description = error_description.map(|text| format!(": {text}")).unwrap_or_default();
    let message = format!("the platform gave no token: {error}{description}");
    Err(match error.as_str() {
        "invalid_client" | "unauthorized_client" | "unsupported_grant_type" => {
            Error::internal(message)
        }
        // As GitHub calls them.
        "incorrect_client_credentials" | "redirect_uri_mismatch" => Error::internal(message),
        _ => Error::unauthorized(message),
    })
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

/// The result of an authorisation.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Authorized {
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect: Option<Redirect>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Redirect {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, Value>,
}

impl Authorized {
    /// Authorises the plugin for a community: the host enables it with this configuration. Write its secrets as
    /// plain texts ([`Secret::new_value`](crate::Secret::new_value)); the host seals them.
    pub fn app(config: impl Serialize) -> Result<Self> {
        Ok(Self { config: Some(write::to_value(&config)?), ..Self::default() })
    }

    /// Authorises a person's account, which [`account`](Self::account) names.
    pub fn user() -> Self {
        Self::default()
    }

    /// Links this account.
    #[must_use]
    pub fn account(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }

    /// The configuration and the account.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn parts(&self) -> (Option<&Value>, Option<&Account>) {
        (self.config.as_ref(), self.account.as_ref())
    }

    /// Sends the browser to this URL instead of the driver's.
    #[must_use]
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.redirect.get_or_insert_default().url = Some(url.into());
        self
    }

    /// Adds a parameter to the URL to which the host sends the browser; a list is the same name several times.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.redirect.get_or_insert_default().parameters.insert(name.into(), value.into());
        self
    }

    /// The same if there is a value.
    #[must_use]
    pub fn parameter_given(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.parameter(name, value),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::{Authorized, OAuthCallback, token};
    use crate::accounts::Account;
    use crate::http::Response;
    use crate::{ErrorKind, Result, Secret};

    #[test]
    fn an_authorisation_has_only_what_came_of_it() {
        let config = json!({ "team_id": "T1", "token": Secret::new_value("xoxb") });
        let app = Authorized::app(config).expect("JSON").parameter("team", "T1");
        let expected = json!({
            "config": { "team_id": "T1", "token": "xoxb" },
            "redirect": { "parameters": { "team": "T1" } }
        });
        assert_eq!(to_value(app).expect("JSON"), expected);
        let user = to_value(Authorized::user().account(Account::new("U1"))).expect("JSON");
        assert_eq!(user, json!({ "account": { "platform_identifier": "U1" } }));
    }

    #[test]
    fn a_token_endpoint_says_in_its_own_words_why_there_is_none() {
        let answered = |status, body: &str| -> Result<String> {
            token(Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
        };
        assert_eq!(answered(200, "\"t\""), Ok("t".to_owned()));
        let refused =
            answered(400, r#"{"error":"invalid_grant","error_description":"the code is old"}"#);
        let refused = refused.expect_err("no token");
        assert_eq!(refused.kind(), &ErrorKind::Unauthorized);
        assert!(refused.message().ends_with("invalid_grant: the code is old"), "{refused}");
        let refused = answered(401, r#"{"error":"invalid_client"}"#).expect_err("no token");
        assert_eq!(refused.kind(), &ErrorKind::Internal);
        let refused = answered(200, r#"{"error":"bad_verification_code"}"#).expect_err("no token");
        assert_eq!(refused.kind(), &ErrorKind::Unauthorized);
        let failed = answered(503, "<p>later</p>").expect_err("no token");
        assert_eq!(failed.kind(), &ErrorKind::Unavailable);
    }

    #[test]
    fn a_refusal_of_the_platform_is_said_in_its_words() {
        let callback =
            json!({ "type": "user", "query": { "error": "access_denied" }, "redirect_uri": "" });
        let callback: OAuthCallback = from_value(callback).expect("a callback");
        let error = callback.code().expect_err("no code");
        assert_eq!(error.kind(), &ErrorKind::Unauthorized);
        assert!(error.message().ends_with("access_denied"), "{error}");
    }
}
