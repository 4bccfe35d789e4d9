//! Failures of authorisations.

use axum::http::StatusCode;

use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use moothall_engine::calls::CallError;
use moothall_engine::oauth::OAuthError;

impl Problem {
    /// For a browser without a ticket: the answer does not reveal which plugins, communities and people exist.
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
        let bad = |code: Code, detail: String| Self::new(StatusCode::BAD_REQUEST, code, detail);
        match error {
            OAuthError::NoOAuth(_) => Self::new(StatusCode::NOT_FOUND, Code::NoOauth, detail),
            OAuthError::BadType
            | OAuthError::NoSuchType(_)
            | OAuthError::NoCommunity
            | OAuthError::LongState(_) => bad(Code::BadRequest, detail),
            OAuthError::NoRedirect | OAuthError::BadRedirect(_) => bad(Code::BadRedirect, detail),
            OAuthError::UnknownPerson { .. } => bad(Code::UnknownPerson, detail),
            OAuthError::TicketRequired => {
                Self::new(StatusCode::FORBIDDEN, Code::TicketRequired, detail)
            }
            OAuthError::BadTicket => bad(Code::BadTicket, detail),
            OAuthError::NoState(_) | OAuthError::BadState => bad(Code::BadState, detail),
            OAuthError::NoPublicUrl => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::NoPublicUrl, detail)
            }
            OAuthError::Call(error) => error.into(),
        }
    }
}
