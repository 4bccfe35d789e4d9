//! Failures of the identity routes.

use axum::http::StatusCode;

use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use moothall_core::ids::PersonId;

impl Problem {
    /// The person that a query or a body names.
    pub fn unknown_person(id: PersonId) -> Self {
        let detail = format!("There is no person {id}");
        Self::new(StatusCode::BAD_REQUEST, Code::UnknownPerson, detail)
    }

    /// The same, with the community.
    pub fn nobody_of(slug: &str, id: PersonId) -> Self {
        let detail = format!("There is no person {id} in community '{slug}'");
        Self::new(StatusCode::BAD_REQUEST, Code::UnknownPerson, detail)
    }

    pub fn unknown_account() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::UnknownAccount, "There is no such linked account")
    }

    /// The account to unlink belongs to somebody else.
    pub fn others_account(id: PersonId) -> Self {
        let detail = format!(
            "This account is not linked to person {id}, nor to anybody they are merged with: nothing was unlinked; \
             leave `external_id` out to unlink it from whoever has it"
        );
        Self::new(StatusCode::CONFLICT, Code::AccountOwned, detail)
    }

    pub fn account_owned() -> Self {
        let detail = "This account is linked to another person; only a claim of a higher link_quality takes it over";
        Self::new(StatusCode::CONFLICT, Code::AccountOwned, detail)
    }
}
