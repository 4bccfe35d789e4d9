//! A vote by reactions to an issue. GitHub tells nobody of reactions, so they are read again and again.

use moothall_sdk::prelude::*;
use moothall_sdk::voting::{Tally, Votes};

use crate::api;
use crate::votes::{Ballot, IssueVote, Outcome, Parameters, User};

/// GitHub's reactions, in the order in which options get them.
const REACTIONS: [(&str, &str); 8] = [
    ("+1", "👍"),
    ("-1", "👎"),
    ("laugh", "😄"),
    ("hooray", "🎉"),
    ("confused", "😕"),
    ("heart", "❤️"),
    ("rocket", "🚀"),
    ("eyes", "👀"),
];

#[derive(Deserialize)]
struct Reaction {
    content: String,
    /// Nobody if the account is deleted.
    user: Option<User>,
}

pub struct IssueReactVote;

#[process(
    name = "issue-react-vote",
    description = "A vote by reactions to an issue.",
    state = Ballot,
    outcome = Outcome,
    every = "60s"
)]
impl IssueReactVote {
    fn start(&self, parameters: Parameters) -> Result<()> {
        self.begin(parameters)
    }

    fn update(&self) -> Result<()> {
        self.count()
    }

    fn close(&self) -> Result<()> {
        self.finish()
    }
}

impl IssueVote for IssueReactVote {
    fn instructions(options: &[String]) -> Result<String> {
        if options.len() > REACTIONS.len() {
            return Err(Error::invalid(format!(
                "GitHub has {} reactions; give no more options",
                REACTIONS.len()
            )));
        }
        let lines = options
            .iter()
            .zip(REACTIONS)
            .map(|(option, (_, emoji))| format!("\n- {emoji} {option}"));
        Ok(format!(
            "Vote on the question below by a reaction to this issue:\n{}",
            lines.collect::<String>()
        ))
    }

    fn read(&self, ballot: &Ballot) -> Result<Votes> {
        let all: Vec<Reaction> = api::all(self, &format!("{}/reactions", ballot.issue.url))?;
        let tally = |content: &str| -> Tally {
            let own = all.iter().filter(|one| one.content == content);
            let people = own.filter_map(|one| one.user.as_ref()).filter(|user| user.kind == "User");
            let mut users: Vec<String> = people.map(|user| user.login.clone()).collect();
            users.sort();
            users.into_iter().collect()
        };
        let options = ballot.vote.options()?.into_iter().zip(REACTIONS);
        Ok(options.map(|(option, (content, _))| (option, tally(content))).collect())
    }
}
