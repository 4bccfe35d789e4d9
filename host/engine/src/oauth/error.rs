//! Why an authorisation does not begin, or why a browser that returned is not sent on. Later errors go to the
//! driver, see `callback`. Quotes no secret.

use crate::calls::CallError;
use moothall_core::ids::{PersonId, PluginName};
use moothall_guest::Fault;
use moothall_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    #[error("Plugin '{0}' has no authorisation")]
    NoOAuth(PluginName),
    #[error("`type` is `app` or `user`")]
    BadType,
    #[error("The plugin does not authorise `{0}`")]
    NoSuchType(&'static str),
    #[error("`community` is missing: an account belongs to somebody of a community")]
    NoCommunity,
    #[error("`redirect_uri` is missing")]
    NoRedirect,
    #[error("`redirect_uri` is not allowed: {0}")]
    BadRedirect(String),
    #[error("`state` has at most {0} bytes")]
    LongState(usize),
    #[error("`metagov_id`: there is no person {person}{}", place(community.as_deref()))]
    UnknownPerson { person: PersonId, community: Option<String> },
    #[error(
        "This needs a ticket: send the browser to the `authorize_url` that POST /api/internal/oauth/<plugin>/start answers"
    )]
    TicketRequired,
    #[error(
        "The ticket is unknown, used, used too often, expired, or for another plugin; start again from where you came"
    )]
    BadTicket,
    #[error(
        "The platform sent no `state`, so nobody knows whose authorisation it is; start again from where you came{0}"
    )]
    NoState(String),
    #[error(
        "The state is unknown, used, expired, or of another plugin or browser; start again from where you came"
    )]
    BadState,
    #[error(
        "The host does not know where browsers reach it: set `public_url` in [http] of moothall.toml"
    )]
    NoPublicUrl,
    #[error(transparent)]
    Call(#[from] CallError),
}

fn place(community: Option<&str>) -> String {
    community.map(|slug| format!(" in community '{slug}'")).unwrap_or_default()
}

impl From<Fault> for OAuthError {
    fn from(fault: Fault) -> Self {
        Self::Call(fault.into())
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Self::Call(error.into())
    }
}
