//! Failures of the identity routes.

use axum::http::StatusCode;

use super::Problem;
use crate::ids::PersonId;

impl Problem {
    pub fn unknown_person(id: PersonId) -> Self {
        let detail = format!("There is no person {id} in this community");
        Self::new(StatusCode::NOT_FOUND, "unknown_person", detail)
    }

    pub fn not_enabled(plugin: &str, slug: &str) -> Self {
        let detail = format!("Plugin '{plugin}' not enabled for community '{slug}'");
        Self::new(StatusCode::BAD_REQUEST, "plugin_not_enabled", detail)
    }

    pub fn unknown_account() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_account", "There is no such linked account")
    }

    pub fn account_owned() -> Self {
        let detail = "This account is linked to another person; only a claim of a higher link_quality takes it over";
        Self::new(StatusCode::CONFLICT, "account_owned", detail)
    }
}
