//! `oauth.wit`: gives the plugin the two steps of an authorisation, as types in place of JSON.

use crate::bindings::host::types as wit;
use crate::bindings::oauth;
use crate::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use crate::{Error, Plugin, Result, read, write};

/// A plugin that authorises on its platform.
pub trait OAuth: Plugin {
    fn authorize_url(&self, request: AuthorizeRequest) -> Result<String>;
    fn handle_callback(&self, callback: OAuthCallback) -> Result<Authorized>;
}

impl<T: OAuth> oauth::exports::moothall::plugin::oauth::Guest for T {
    fn authorize_url(request: String) -> std::result::Result<String, wit::Error> {
        Ok(OAuth::authorize_url(&T::PLUGIN, request_as(&request)?)?)
    }

    fn handle_callback(callback: String) -> std::result::Result<String, wit::Error> {
        let authorized = T::PLUGIN.handle_callback(request_as(&callback)?)?;
        Ok(write::json(&authorized)?)
    }
}

/// Reads what the host made: if it does not fit, no caller is to blame.
fn request_as<T: serde::de::DeserializeOwned>(json: &str) -> Result<T> {
    read::json(json).map_err(|error| {
        Error::internal(format!("the host's request does not fit its type: {error}"))
    })
}
