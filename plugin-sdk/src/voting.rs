//! One standard for votes, so that a driver which can run a vote on one platform can run it on every other. A vote
//! process takes the parameters of a [`Vote`], beside its platform's own, and its outcome has [`Votes`].
//!
//! ```
//! use moothall_sdk::prelude::*;
//! use moothall_sdk::voting::{Vote, Votes};
//! # use moothall_sdk::testing::{Host, webhook};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Parameters {
//!     #[serde(flatten)]
//!     vote: Vote,
//!     /// What only this platform knows. A driver that knows only the standard leaves it out.
//!     colour: Option<String>,
//! }
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Outcome {
//!     votes: Votes,
//! }
//!
//! #[derive(Deserialize)]
//! struct Hand {
//!     user: String,
//!     option: String,
//! }
//!
//! struct Show;
//!
//! #[process(name = "show-of-hands", state = Vote, outcome = Outcome)]
//! impl Show {
//!     fn start(&self, Parameters { vote, .. }: Parameters) -> Result<()> {
//!         vote.open(self)?;
//!         self.set_outcome(&Outcome { votes: Votes::none(&vote.options()?) })?;
//!         self.store(&vote)
//!     }
//!
//!     fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
//!         let Hand { user, option } = request.json()?;
//!         let mut votes: Votes = Votes::of(self)?;
//!         if self.load()?.admits(&user) && votes.cast(&user, &option) {
//!             self.set_outcome(&Outcome { votes })?;
//!         }
//!         Ok(())
//!     }
//!
//!     fn close(&self) -> Result<()> {
//!         self.complete(&Outcome { votes: Votes::of(self)? })
//!     }
//! }
//!
//! struct Hall;
//!
//! #[plugin(name = "hall", processes(Show))]
//! impl Hall {}
//!
//! # let mut host = Host::new(Hall);
//! # let vote = json!({ "title": "Tea?", "closing_at": "2100-01-31", "eligible_voters": ["ann"] });
//! # let vote = host.start("show-of-hands", vote).expect("it starts");
//! # for user in ["ann", "eve"] {
//! #     let hand = webhook(&json!({ "user": user, "option": "yes" }));
//! #     host.process_webhook(&vote, hand).expect("a hand");
//! # }
//! # host.close(&vote).expect("closed");
//! # let votes = json!({ "yes": { "count": 1, "users": ["ann"] }, "no": { "count": 0, "users": [] } });
//! # assert_eq!(host.process(&vote).map(|vote| &vote.outcome["votes"]), Some(&votes));
//! ```

mod closing;
mod excluded;
mod votes;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Error, Moment, Process, Result};
pub use closing::ClosingTime;
pub use excluded::Excluded;
pub use votes::{SaidVotes, Tally, Votes};

/// What there is to vote on, until when, and by whom: the parameters that every vote process takes. A process has them
/// among its own with `#[serde(flatten)]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vote {
    /// The question.
    pub title: String,
    /// More about the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// What can be voted for. Without it: yes and no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// When the vote ends. Without it, it ends when somebody closes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closing_at: Option<ClosingTime>,
    /// Who may vote, by their ids on the platform. Without it: everybody who can see the vote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eligible_voters: Option<Vec<String>>,
}

/// Ends a vote that somebody deleted on the platform, with the votes that were seen last: its `errors.code` is
/// `vote_deleted`.
pub fn end_deleted(process: &impl Process) -> Result<()> {
    let message = "The vote was deleted on the platform.";
    process.complete_with_errors(&json!({ "code": "vote_deleted", "message": message }))
}

/// The options of a vote without options.
pub const YES: &str = "yes";
/// The other one.
pub const NO: &str = "no";

impl Vote {
    /// Begins the vote: checks it, and lets the host close the process at the vote's end. `invalid`: the title is empty,
    /// the end is past, or nobody may vote. Call it before the platform is asked for anything.
    pub fn open(&self, process: &impl Process) -> Result<()> {
        self.check()?;
        self.ends_at().map_or(Ok(()), |end| process.set_closing_at(end))
    }

    /// The same without the end, for a platform that ends its votes itself.
    pub fn check(&self) -> Result<()> {
        if self.title.trim().is_empty() {
            return Err(Error::invalid("'title' is empty; write the question"));
        }
        if self.ends_at().is_some_and(|end| end <= Moment::now()) {
            return Err(Error::invalid(
                "'closing_at' is past; name a time to come, or leave it out",
            ));
        }
        if self.eligible_voters.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::invalid(
                "'eligible_voters' is empty, so nobody could vote; name somebody, or leave it out to let everybody vote",
            ));
        }
        Ok(())
    }

    /// What can be voted for: the given options, or yes and no. `invalid`: none is given, one is empty, or two are the
    /// same.
    pub fn options(&self) -> Result<Vec<String>> {
        let Some(options) = &self.options else {
            return Ok([YES, NO].map(str::to_owned).to_vec());
        };
        if options.is_empty() {
            return Err(Error::invalid(
                "'options' is empty; give at least one, or leave it out for yes and no",
            ));
        }
        for (at, option) in options.iter().enumerate() {
            if option.trim().is_empty() {
                return Err(Error::invalid("an option is empty; write what can be voted for"));
            }
            if options[..at].contains(option) {
                return Err(Error::invalid(format!("the option '{option}' is there twice")));
            }
        }
        Ok(options.clone())
    }

    /// When it ends.
    pub fn ends_at(&self) -> Option<Moment> {
        self.closing_at.map(ClosingTime::moment)
    }

    /// Whether this user of the platform may vote.
    pub fn admits(&self, user: &str) -> bool {
        self.eligible_voters.as_ref().is_none_or(|voters| voters.iter().any(|one| one == user))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::Vote;

    fn vote(more: Value) -> Vote {
        let mut vote = json!({ "title": "Tea?" });
        for (name, value) in more.as_object().expect("members") {
            vote[name] = value.clone();
        }
        from_value(vote).expect("a vote")
    }

    fn refused(more: Value) -> String {
        vote(more).check().expect_err("it is refused").to_string()
    }

    #[test]
    fn a_title_is_enough() {
        let vote = vote(json!({}));
        assert_eq!((vote.check(), vote.ends_at()), (Ok(()), None));
        assert_eq!(vote.options(), Ok(vec!["yes".to_owned(), "no".to_owned()]));
        assert!(vote.admits("anybody"));
    }

    #[test]
    fn a_vote_that_nobody_can_take_part_in_is_refused() {
        assert!(refused(json!({ "title": " " })).starts_with("'title' is empty"));
        assert!(refused(json!({ "closing_at": "2020-01-31" })).starts_with("'closing_at' is past"));
        assert!(refused(json!({ "eligible_voters": [] })).starts_with("'eligible_voters' is"));
    }

    #[test]
    fn only_who_is_named_may_vote() {
        let vote = vote(json!({ "eligible_voters": ["ann"], "closing_at": "2100-01-31" }));
        assert_eq!(vote.check(), Ok(()));
        assert!(vote.admits("ann") && !vote.admits("an"));
    }

    #[test]
    fn options_are_something_and_different() {
        let refused = |options: Value| {
            let refused = vote(json!({ "options": options })).options();
            refused.expect_err("it is refused").to_string()
        };
        assert!(refused(json!([])).starts_with("'options' is empty"));
        assert!(refused(json!(["a", ""])).starts_with("an option is empty"));
        assert_eq!(refused(json!(["a", "b", "a"])), "the option 'a' is there twice");
        assert_eq!(vote(json!({ "options": ["b", "a"] })).options().map(|all| all.len()), Ok(2));
    }
}
