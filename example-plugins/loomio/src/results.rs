//! Loomio's view of a poll.

use moothall_sdk::prelude::*;
use moothall_sdk::voting::{Tally, Votes};

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    votes: Votes,
    /// How many people may vote.
    voters_count: Option<u64>,
    /// How many have not.
    undecided_voters_count: Option<u64>,
    /// How many of a hundred have.
    cast_stances_pct: Option<f64>,
}

/// Loomio's answer about one poll.
pub struct Answer {
    poll: Value,
    options: Vec<Value>,
}

impl Answer {
    pub fn of(mut answer: Value) -> Result<Self> {
        let mut part = |place: &str| answer.pointer_mut(place).map(Value::take);
        match (part("/polls/0"), part("/poll_options")) {
            (Some(poll), Some(Value::Array(options))) => Ok(Self { poll, options }),
            _ => Err(Error::internal("Loomio answered without a poll and its options")),
        }
    }

    pub fn key(&self) -> Result<String> {
        let key = self.poll["key"].as_str().map(str::to_owned);
        key.ok_or_else(|| Error::internal("Loomio answered without the poll's key"))
    }

    pub fn has(&self, what: &str) -> bool {
        self.poll.get(what).is_some_and(|value| !value.is_null())
    }

    /// Whether people can vote. Loomio takes up to an hour to close a poll that is over, and no votes meanwhile.
    pub fn is_open(&self) -> bool {
        let end = self.poll["closing_at"].as_str().and_then(|end| end.parse::<Moment>().ok());
        !self.has("closed_at") && end.is_none_or(|end| end > Moment::now())
    }

    /// The votes, by the options as the driver wrote them.
    pub fn outcome(&self, written: &[String]) -> Outcome {
        let is_proposal = self.poll["poll_type"] == "proposal";
        let votes = self.options.iter().map(|option| {
            // Loomio translates the options of a proposal, and keeps their order.
            let place = option["priority"].as_u64().filter(|_| is_proposal);
            let written = place.and_then(|place| written.get(usize::try_from(place).ok()?));
            let name = written.map(String::as_str).or(option["name"].as_str()).unwrap_or_default();
            (name.to_owned(), self.tally(&option["id"]))
        });
        Outcome {
            votes: votes.collect(),
            voters_count: self.poll["voters_count"].as_u64(),
            undecided_voters_count: self.poll["undecided_voters_count"].as_u64(),
            cast_stances_pct: self.poll["cast_stances_pct"].as_f64(),
        }
    }

    fn tally(&self, option: &Value) -> Tally {
        let mut results = self.poll["results"].as_array().into_iter().flatten();
        let Some(result) = results.find(|one| one["id"] == *option) else {
            return Tally::default();
        };
        let voters = result["voter_scores"].as_object();
        let users = voters.into_iter().flat_map(|voters| voters.keys().cloned()).collect();
        Tally { count: result["score"].as_i64().unwrap_or(0), users }
    }
}
