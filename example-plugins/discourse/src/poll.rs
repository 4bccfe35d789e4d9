//! A poll in a post. The forum counts, and says nothing by itself: the plugin looks.

use moothall_sdk::from_value;
use moothall_sdk::prelude::*;
use moothall_sdk::voting::{self, SaidVotes, Vote};

use crate::api;
use crate::markup::StartPoll;
use crate::results::Seen;

/// The plugin keeps this of a poll.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    post_id: i64,
    vote: Vote,
}

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    votes: SaidVotes,
}

#[derive(Deserialize)]
struct Toggled {
    poll: Seen,
}

pub struct Poll;

#[process(
    name = "poll",
    description = "A poll in a post on the forum.",
    state = Kept,
    outcome = Outcome,
    every = "3m"
)]
impl Poll {
    fn start(&self, mut poll: StartPoll) -> Result<()> {
        poll.vote.open(self)?;
        let post = poll.post(&self.config()?)?;
        let posted = api::create(self, &post, &[])?;
        self.set_url(&posted.url)?;
        self.store(&Kept { post_id: posted.post_id, vote: poll.vote })
    }

    fn update(&self) -> Result<()> {
        match self.look()? {
            Some(poll) if poll.is_closed() => self.complete(&self.outcome_of(poll)?),
            Some(poll) => self.set_outcome(&self.outcome_of(poll)?),
            None => voting::end_deleted(self),
        }
    }

    fn close(&self) -> Result<()> {
        let Some(mut poll) = self.look()? else { return voting::end_deleted(self) };
        if !poll.is_over() {
            let id = self.load()?.post_id.to_string();
            let form = [("post_id", id), ("poll_name", "poll".into()), ("status", "closed".into())];
            let toggled: Toggled = api::send(self, "PUT", "polls/toggle_status.json", &form)?;
            poll = toggled.poll;
        }
        self.complete(&self.outcome_of(poll)?)
    }
}

impl Poll {
    /// The poll on the forum; none if somebody deleted it.
    fn look(&self) -> Result<Option<Seen>> {
        match api::get::<Value>(self, &format!("posts/{}.json", self.load()?.post_id)) {
            Ok(post) if !post["deleted_at"].is_null() => Ok(None),
            Ok(post) => own(&post).map(from_value).transpose(),
            Err(error) if error.platform_status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn outcome_of(&self, poll: Seen) -> Result<Outcome> {
        let Kept { post_id, vote } = self.load()?;
        let votes = poll.votes(self, post_id, &vote)?;
        let as_numbers = self.config()?.votes_as_numbers;
        Ok(Outcome { votes: if as_numbers { votes.as_numbers() } else { votes.into() } })
    }
}

/// The process's poll in its post. The driver's text may contain others, which then have other names.
fn own(post: &Value) -> Option<&Value> {
    post["polls"].as_array()?.iter().find(|poll| poll["name"] == "poll")
}
