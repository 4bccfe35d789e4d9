//! A poll in a Loomio group. Loomio counts: a webhook that names the poll is only a reason to look at it.

use std::time::Duration;

use moothall_sdk::prelude::*;
use moothall_sdk::voting;

use crate::api::Group;
use crate::parameters::StartPoll;
use crate::results::{Answer, Outcome};

/// The plugin keeps this of a poll.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    key: String,
    /// The key of its group.
    group: String,
    /// The options as the driver wrote them.
    options: Vec<String>,
}

/// Loomio's polls have an end: this long from now, unless the driver says when.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);
/// How soon a poll ends that is closed, because Loomio takes only an end to come. It cuts it to the hour, so that it is over at
/// once.
const SOON: Duration = Duration::from_secs(10);

pub struct Poll;

#[process(
    name = "poll",
    description = "A poll in a Loomio group.",
    state = Kept,
    outcome = Outcome,
    every = "10m"
)]
impl Poll {
    fn start(&self, mut poll: StartPoll) -> Result<()> {
        poll.vote.check()?;
        let options = poll.vote.options()?;
        let end = poll.vote.ends_at().map_or_else(|| Moment::now().plus(LONGEST), Ok)?;
        poll.complete(end, &options)?;
        let group = Group::find(self, poll.subgroup.as_deref())?;
        poll.topic_id = poll.discussion_id.map(|id| group.topic_of(id)).transpose()?;
        let key = Answer::of(group.create("poll", &poll)?)?.key()?;
        let loomio = self.settings()?.api_url;
        self.set_url(&format!("{}/p/{key}", loomio.trim_end_matches('/')))?;
        self.set_closing_at(end)?;
        self.store(&Kept { key, group: group.key, options })
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        let key = self.load()?.key;
        let names_it = request.text().is_ok_and(|text| text.contains(&key));
        if names_it { self.update() } else { Ok(()) }
    }

    fn update(&self) -> Result<()> {
        let options = self.load()?.options;
        match self.look(None)? {
            Some(poll) if poll.has("closed_at") => self.complete(&poll.outcome(&options)),
            Some(poll) => self.set_outcome(&poll.outcome(&options)),
            None => voting::end_deleted(self),
        }
    }

    fn close(&self) -> Result<()> {
        let options = self.load()?.options;
        let is_open = self.look(None)?.is_some_and(|poll| poll.is_open());
        let end = is_open.then(|| Moment::now().plus(SOON)).transpose()?;
        match self.look(end)? {
            Some(poll) if !poll.has("results") => Err(Error::unavailable(
                "Loomio shows the results once it has closed the poll, within an hour of its end",
            )),
            Some(poll) => self.complete(&poll.outcome(&options)),
            None => voting::end_deleted(self),
        }
    }
}

impl Poll {
    /// The poll on Loomio, which ends then if an end is given; none if somebody deleted it.
    fn look(&self, end: Option<Moment>) -> Result<Option<Answer>> {
        let Kept { key, group, .. } = self.load()?;
        let (group, path) = (Group::find(self, Some(&group))?, format!("polls/{key}"));
        if let Some(end) = end {
            group.call("PATCH", &path, json!({ "poll": { "closing_at": end } }))?;
        }
        match group.call("GET", &path, Value::Null) {
            Ok(answer) => Ok(Some(Answer::of(answer)?).filter(|poll| !poll.has("discarded_at"))),
            Err(error) if error.platform_status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
