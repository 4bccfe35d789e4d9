//! A vote by reactions to a conversation. Open Collective tells nobody of reactions, and not whose they are: they are counted
//! again and again.

use moothall_sdk::ErrorKind;
use moothall_sdk::prelude::*;
use moothall_sdk::voting::{Tally, Vote, Votes, end_deleted};

use crate::{api, queries};

/// Open Collective's reactions, in the order in which options get them.
const REACTIONS: [&str; 8] = ["👍️", "👎", "😀", "🎉", "😕", "❤️", "🚀", "👀"];

#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// The conversation's id.
    id: String,
    title: String,
    options: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    votes: Votes,
}

pub struct ReactionVote;

#[process(
    name = "vote",
    description = "A vote by reactions to a conversation.",
    state = Kept,
    outcome = Outcome,
    every = "2m"
)]
impl ReactionVote {
    fn start(&self, vote: Vote) -> Result<()> {
        vote.open(self)?;
        let options = vote.options()?;
        if options.len() > REACTIONS.len() {
            let most = REACTIONS.len();
            return Err(Error::invalid(format!(
                "Open Collective has {most} reactions; give no more options"
            )));
        }
        if vote.eligible_voters.is_some() {
            return Err(Error::invalid(
                "Open Collective does not tell who voted; leave 'eligible_voters' out, so that everybody can",
            ));
        }
        let tags = ["metagov-vote".to_owned()];
        let conversation = api::converse(self, &vote.title, &body(&vote, &options), &tags)?;
        let id = api::text(&conversation, "/id")?.to_owned();
        self.set_url(api::text(&conversation, "/url")?)?;
        self.set_outcome(&Outcome { votes: Votes::none(&options) })?;
        self.store(&Kept { id, title: vote.title, options })
    }

    fn update(&self) -> Result<()> {
        match self.count()? {
            Some(votes) => self.set_outcome(&Outcome { votes }),
            None => end_deleted(self),
        }
    }

    /// A title can be changed twice, so that comes first: if the comment fails, all of it is tried again.
    fn close(&self) -> Result<()> {
        let Some(votes) = self.count()? else { return end_deleted(self) };
        let Kept { id, title, .. } = self.load()?;
        let closed = json!({ "id": id, "title": format!("[CLOSED] {title}") });
        api::ask(self, queries::EDIT_CONVERSATION, &closed)?;
        let count =
            |(option, tally): (&str, &Tally)| format!("{} for {}", tally.count, escaped(option));
        let counts: Vec<String> = votes.iter().map(count).collect();
        let html = format!("<p>Voting period is closed. Final count is {}.</p>", counts.join(", "));
        api::comment(self, &json!({ "html": html, "conversation": { "id": id } }))?;
        self.complete(&Outcome { votes })
    }
}

impl ReactionVote {
    /// The votes so far; none if somebody deleted the conversation.
    fn count(&self) -> Result<Option<Votes>> {
        let Kept { id, options, .. } = self.load()?;
        let conversation = match api::ask(self, queries::CONVERSATION, &json!({ "id": id })) {
            Err(error) if error.kind() == &ErrorKind::NotFound => return Ok(None),
            answer => answer?["conversation"].take(),
        };
        if conversation.is_null() {
            return Ok(None);
        }
        let reactions = &conversation["body"]["reactions"];
        let counted = options.into_iter().zip(REACTIONS).map(|(option, emoji)| {
            let count = reactions[emoji].as_i64().unwrap_or(0);
            (option, Tally { count, users: Vec::new() })
        });
        Ok(Some(counted.collect()))
    }
}

/// The conversation's first comment, in HTML: the driver's details, and how to vote.
fn body(vote: &Vote, options: &[String]) -> String {
    let details = vote.details.as_deref().unwrap_or_default();
    let options = options.iter().zip(REACTIONS);
    let list: String =
        options.map(|(option, emoji)| format!("<li>{emoji} {}</li>", escaped(option))).collect();
    format!("{details}<p>Vote by a reaction to this:</p><ul>{list}</ul>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
