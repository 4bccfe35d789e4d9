//! A vote by comments on an issue: whatever stands between two marks.

use std::collections::BTreeSet;

use moothall_sdk::prelude::*;
use moothall_sdk::voting::Votes;

use crate::api;
use crate::votes::{Ballot, IssueVote, Outcome, Parameters, User};
use crate::webhooks::Happening;

/// A vote begins and ends with these.
const MARK: &str = "^^^^";

#[derive(Deserialize)]
struct Comment {
    body: Option<String>,
    /// Nobody if the account is deleted.
    user: Option<User>,
}

pub struct IssueCommentVote;

#[process(
    name = "issue-comment-vote",
    description = "A vote by comments on an issue.",
    state = Ballot,
    outcome = Outcome
)]
impl IssueCommentVote {
    fn start(&self, parameters: Parameters) -> Result<()> {
        self.begin(parameters)
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        let (ballot, happening) = (self.load()?, Happening::read(&request)?);
        if happening.is_some_and(|one| concerns(&one, &ballot)) { self.count() } else { Ok(()) }
    }

    fn close(&self) -> Result<()> {
        self.finish()
    }
}

/// Whether a comment on the issue has changed that is not the app's own.
fn concerns(happening: &Happening, ballot: &Ballot) -> bool {
    let Happening { name, body, .. } = happening;
    name == "issue_comment"
        && matches!(happening.action(), Some("created" | "edited" | "deleted"))
        && body["issue"]["id"] == ballot.issue.id
        && body["sender"]["id"] != ballot.issue.user.id
}

impl IssueVote for IssueCommentVote {
    fn instructions(options: &[String]) -> Result<String> {
        let options = options.join(", ");
        Ok(format!(
            "Vote on the question below by a comment with the text `{MARK}your vote{MARK}`: {options}. Capital letters do \
             not matter. Your first vote counts; you can edit it as long as the vote is open."
        ))
    }

    fn read(&self, ballot: &Ballot) -> Result<Votes> {
        let comments: Vec<Comment> = api::all(self, &format!("{}/comments", ballot.issue.url))?;
        let options = ballot.vote.options()?;
        let (mut votes, mut voters) = (Votes::none(&options), BTreeSet::new());
        for Comment { body, user } in comments {
            let person = user.filter(|user| user.kind == "User");
            let choice = body.and_then(|body| choice(&body, &options, ballot.takes_any));
            let (Some(User { login, .. }), Some(choice)) = (person, choice) else { continue };
            if voters.insert(login.clone()) && !votes.add(&login, &choice) {
                votes.set(choice, std::iter::once(login).collect());
            }
        }
        Ok(votes)
    }
}

/// The option that a comment votes for.
fn choice(body: &str, options: &[String], takes_any: bool) -> Option<String> {
    let (_, rest) = body.split_once(MARK)?;
    let text = rest.split_once(MARK)?.0.trim().to_lowercase();
    let option = options.iter().find(|option| option.trim().to_lowercase() == text).cloned();
    option.or_else(|| (takes_any && !text.is_empty()).then_some(text))
}
