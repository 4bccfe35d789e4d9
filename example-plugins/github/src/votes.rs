//! The two votes have this in common: an issue that asks, and its end.

use moothall_sdk::prelude::*;
use moothall_sdk::voting::{ClosingTime, NO, Tally, Vote, Votes, YES, end_deleted};

use crate::{Github, api, owner};

/// The standard's parameters of votes, and the original's.
#[derive(Deserialize, JsonSchema)]
pub struct Parameters {
    /// The repository of the issue; by default the configuration's.
    repo_name: Option<String>,
    /// The question.
    title: Option<String>,
    /// The same; then a vote by comments takes any text, unless there are options.
    question: Option<String>,
    /// More about the question.
    details: Option<String>,
    /// The same.
    help_text: Option<String>,
    /// The options. Without them: yes and no.
    options: Option<Vec<String>>,
    /// When the vote ends.
    closing_at: Option<ClosingTime>,
    /// Who may vote, by their names on GitHub. Without it: everybody who can.
    eligible_voters: Option<Vec<String>>,
    /// The vote ends when there are so many votes.
    max_votes: Option<u32>,
}

/// A vote that is going on.
#[derive(Serialize, Deserialize)]
pub struct Ballot {
    pub vote: Vote,
    /// Whether any text can be voted for.
    pub takes_any: bool,
    max_votes: Option<u32>,
    pub issue: Issue,
}

#[derive(Serialize, Deserialize)]
pub struct Issue {
    pub id: u64,
    number: u64,
    /// In the API.
    pub url: String,
    html_url: String,
    /// The app.
    pub user: User,
}

#[derive(Serialize, Deserialize)]
pub struct User {
    pub id: u64,
    pub login: String,
    /// `User`, or `Bot`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    issue_number: u64,
    votes: Votes,
    /// `pass`, `fail` or `tie`, when a vote on yes and no has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
}

pub trait IssueVote: Process<State = Ballot, Outcome = Outcome> + Instance<Github> {
    /// The issue's words on how to vote. `invalid`: these options cannot be voted for in this way.
    fn instructions(options: &[String]) -> Result<String>;

    /// The votes so far of everybody.
    fn read(&self, ballot: &Ballot) -> Result<Votes>;

    fn begin(&self, parameters: Parameters) -> Result<()> {
        let takes_any = parameters.title.is_none() && parameters.options.is_none();
        let (max_votes, repo) =
            (parameters.max_votes.filter(|max| *max > 0), parameters.repo_name.clone());
        let vote = parameters.vote()?;
        vote.open(self)?;
        let options = vote.options()?;
        let mut body = format!("{}\n\n", Self::instructions(&options)?);
        body.extend(max_votes.map(|max| format!("The vote ends when there are {max} votes.\n\n")));
        body.extend(vote.closing_at.map(|end| format!("The vote ends at {end}.\n\n")));
        body.extend(vote.details.as_ref().map(|details| format!("{details}\n\n")));
        body.push_str(&format!("**{}**", vote.title));
        let repo = repo.or(self.config()?.repo_name).ok_or_else(|| {
            Error::invalid("give 'repo_name', or set 'repo_name' in the plugin's configuration")
        })?;
        let issue = json!({ "title": format!("VOTE: {}", vote.title), "body": body });
        let route = api::issues(&owner(self)?, &repo)?;
        let issue = api::write(self, "POST", &route, &issue)?.json()?;
        let ballot = Ballot { vote, takes_any, max_votes, issue };
        self.set_url(&ballot.issue.html_url)?;
        self.set_outcome(&ballot.outcome(Votes::none(&options), false))?;
        self.store(&ballot)
    }

    /// Reads the votes, and ends the vote if there are enough of them.
    fn count(&self) -> Result<()> {
        let ballot = self.load()?;
        let votes = match self.read(&ballot) {
            Err(error) if error.platform_status() == Some(410) => return end_deleted(self),
            read => read?.only_of_eligible(&ballot.vote),
        };
        if ballot.max_votes.is_some_and(|max| votes.total() >= max.into()) {
            return self.end(&ballot, votes);
        }
        self.set_outcome(&ballot.outcome(votes, false))
    }

    /// Ends the vote, also if its issue cannot be seen any more: then with the votes that were read last.
    fn finish(&self) -> Result<()> {
        let ballot = self.load()?;
        match self.read(&ballot) {
            Ok(votes) => self.end(&ballot, votes.only_of_eligible(&ballot.vote)),
            Err(error) if matches!(error.platform_status(), Some(404 | 410)) => end_deleted(self),
            Err(error) => Err(error),
        }
    }

    /// Closing an issue twice does no harm, so that comes first: if the comment fails, all of it is tried again.
    fn end(&self, ballot: &Ballot, votes: Votes) -> Result<()> {
        let outcome = ballot.outcome(votes, true);
        let url = &ballot.issue.url;
        api::write(self, "PATCH", url, &json!({ "state": "closed" }))?;
        let comment = json!({ "body": outcome.told() });
        api::write(self, "POST", &format!("{url}/comments"), &comment)?;
        self.complete(&outcome)
    }
}

impl Parameters {
    fn vote(self) -> Result<Vote> {
        let title = self.title.or(self.question);
        Ok(Vote {
            title: title
                .ok_or_else(|| Error::invalid("give the question as 'title' or 'question'"))?,
            details: self.details.or(self.help_text),
            options: self.options,
            closing_at: self.closing_at,
            eligible_voters: self.eligible_voters,
        })
    }
}

impl Ballot {
    fn outcome(&self, votes: Votes, has_ended: bool) -> Outcome {
        let is_yes_or_no = votes.iter().map(|(option, _)| option).eq([NO, YES]);
        let result =
            (has_ended && is_yes_or_no).then(|| match votes.count(YES).cmp(&votes.count(NO)) {
                std::cmp::Ordering::Greater => "pass",
                std::cmp::Ordering::Less => "fail",
                std::cmp::Ordering::Equal => "tie",
            });
        Outcome { issue_number: self.issue.number, votes, result }
    }
}

impl Outcome {
    /// As the comment tells it.
    fn told(&self) -> String {
        let mut text = "This vote is closed: later votes do not count.\n\n".to_owned();
        text.extend(self.result.map(|result| format!("The result is **{result}**.\n\n")));
        for (option, Tally { count, users }) in self.votes.iter() {
            text.push_str(&format!("- {option}: {count} {}\n", users.join(", ")));
        }
        text
    }
}
