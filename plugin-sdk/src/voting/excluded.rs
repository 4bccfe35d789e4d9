//! Who may not vote. Not part of the standard: chat platforms have it beside `eligible_voters`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of a process whose platform tells a person who may not vote; to be flattened beside a
/// [`Vote`](super::Vote).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    /// Who may not vote, by their ids on the platform.
    #[serde(default)]
    pub ineligible_voters: Vec<String>,
    /// What somebody who may not vote is told.
    #[serde(default = "not_eligible")]
    pub ineligible_voter_message: String,
}

fn not_eligible() -> String {
    "You are not eligible to vote in this poll.".to_owned()
}

impl Excluded {
    /// Whether this user of the platform is excluded.
    pub fn names(&self, user: &str) -> bool {
        self.ineligible_voters.iter().any(|one| one == user)
    }
}
