//! Failures of authorisations.

use axum::http::StatusCode;

use super::Problem;
use crate::calls::CallError;
use crate::oauth::OAuthError;

impl Problem {
    /// Of what a browser asks for that nobody vouches for: it does not learn which plugins, communities and people
    /// there are.
    pub fn of_browser(error: OAuthError) -> Self {
        match error {
            OAuthError::NoOAuth(_) | OAuthError::Call(CallError::UnknownPlugin { .. }) => {
                Self::not_found("Nothing is authorised at this URL")
            }
            OAuthError::UnknownPerson { .. }
            | OAuthError::Call(CallError::UnknownCommunity(_) | CallError::NotEnabled { .. }) => {
                Self::bad_request(
                    "There is no such community or person, or the plugin is not enabled there",
                )
            }
            error => error.into(),
        }
    }
}

impl From<OAuthError> for Problem {
    fn from(error: OAuthError) -> Self {
        let detail = error.to_string();
        let bad = |code: &str, detail: String| Self::new(StatusCode::BAD_REQUEST, code, detail);
        match error {
            OAuthError::NoOAuth(_) => Self::new(StatusCode::NOT_FOUND, "no_oauth", detail),
            OAuthError::BadType
            | OAuthError::NoSuchType(_)
            | OAuthError::NoCommunity
            | OAuthError::LongState(_) => bad("bad_request", detail),
            OAuthError::NoRedirect | OAuthError::BadRedirect(_) => bad("bad_redirect", detail),
            OAuthError::UnknownPerson { .. } => bad("unknown_person", detail),
            OAuthError::TicketRequired => {
                Self::new(StatusCode::FORBIDDEN, "ticket_required", detail)
            }
            OAuthError::BadTicket => bad("bad_ticket", detail),
            OAuthError::NoState(_) | OAuthError::BadState => bad("bad_state", detail),
            OAuthError::NoPublicUrl => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_public_url", detail)
            }
            OAuthError::Call(error) => error.into(),
        }
    }
}
