//! The forum's view of a poll.

use std::collections::{BTreeMap, BTreeSet};

use moothall_sdk::http;
use moothall_sdk::prelude::*;
use moothall_sdk::voting::{Tally, Vote, Votes};

use crate::{Discourse, api};

#[derive(Deserialize)]
pub struct Seen {
    status: String,
    /// From then on the forum takes no votes, also before it has closed the poll.
    close: Option<Moment>,
    options: Vec<Choice>,
    /// There if the poll is public: the first voters.
    preloaded_voters: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    id: String,
    html: String,
    /// None while the results are hidden.
    votes: Option<i64>,
}

#[derive(Deserialize)]
struct Page {
    /// By the ids of options; null if there are none.
    voters: Option<BTreeMap<String, Vec<Voter>>>,
}

#[derive(Deserialize)]
struct Voter {
    username: String,
}

/// Of so many votes one call can ask whose they are: the forum names 50 at once.
const MOST: i64 = 1_000;

impl Seen {
    pub fn is_closed(&self) -> bool {
        self.status == "closed"
    }

    /// Whether nobody can vote any more.
    pub fn is_over(&self) -> bool {
        self.is_closed() || self.close.is_some_and(|end| end <= Moment::now())
    }

    /// The votes of those who may vote, by the options as the driver wrote them.
    pub fn votes(
        self,
        instance: &impl Instance<Discourse>,
        post: i64,
        vote: &Vote,
    ) -> Result<Votes> {
        let total: i64 = self.options.iter().filter_map(|option| option.votes).sum();
        let is_number = vote.options.as_ref().is_some_and(Vec::is_empty);
        let is_said = self.preloaded_voters.is_some() && total <= MOST && !is_number;
        if vote.eligible_voters.is_some() && !is_said && total > 0 {
            return Err(Error::unavailable(
                "the forum does not say whose the votes are, or there are over 1,000",
            ));
        }
        let mut votes = Votes::default();
        for (at, Choice { id, html, votes: count }) in self.options.into_iter().enumerate() {
            let count = count.unwrap_or(0);
            let users =
                if is_said && count > 0 { voters(instance, post, &id)? } else { Vec::new() };
            let written = vote.options.as_ref().and_then(|options| options.get(at).cloned());
            votes.set(written.unwrap_or(html), Tally { count, users });
        }
        Ok(votes.only_of_eligible(vote))
    }
}

fn voters(instance: &impl Instance<Discourse>, post: i64, option: &str) -> Result<Vec<String>> {
    let mut names = http::all_pages(1, |page: u32| {
        let asked =
            format!("post_id={post}&poll_name=poll&option_id={option}&limit=50&page={page}");
        let answer: Page = api::get(instance, &format!("polls/voters.json?{asked}"))?;
        let voters = answer.voters.unwrap_or_default().remove(option).unwrap_or_default();
        let next = (voters.len() >= 50).then_some(page + 1);
        Ok((voters.into_iter().map(|voter| voter.username).collect(), next))
    })?;
    // The forum names the last voter of a page once more on the next one.
    let mut known = BTreeSet::new();
    names.retain(|name: &String| known.insert(name.clone()));
    Ok(names)
}
