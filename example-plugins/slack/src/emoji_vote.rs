//! A vote with a button for each option. Everybody has one vote, which they can change until it ends.

use moothall_sdk::serde_json::Value;
use moothall_sdk::voting::{NO, Votes, YES};
use moothall_sdk::{Error, Process, Result, WebhookRequest, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ballot::{Ballot, Posted, Shown};
use crate::blocks::{BLOCKS, Room, button, escaped, fitting, header, mentions, section, shortened};
use crate::emoji::Family;

const CAST: &str = "cast_vote";
/// The room for the number of votes, and for what is on the button.
const COUNT: usize = 40;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct EmojiParameters {
    #[serde(flatten)]
    ballot: Ballot,
    /// `boolean`: yes or no, whatever `options` says. By default it follows from `options`.
    #[serde(skip_serializing_if = "Option::is_none")]
    poll_type: Option<PollType>,
    #[serde(default)]
    emoji_family: Family,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum PollType {
    Boolean,
    Choice,
}

#[derive(Serialize, JsonSchema)]
pub struct EmojiOutcome {
    votes: Votes,
    #[serde(flatten)]
    posted: Posted,
}

pub struct EmojiVote;

#[process(
    name = "emoji-vote",
    description = "A vote in a message with a button for each option.",
    state = EmojiParameters,
    outcome = EmojiOutcome
)]
impl EmojiVote {
    fn start(&self, asked: EmojiParameters) -> Result<()> {
        asked.ballot.vote.open(self)?;
        let options = asked.options()?;
        let votes = Votes::none(&options);
        let posted = asked.ballot.post(self, asked.blocks(&options, &votes, Shown::Open))?;
        self.set_outcome(&EmojiOutcome { votes, posted })?;
        self.store(&asked)
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        let (asked, posted) = (self.load()?, Posted::of(self)?);
        let Some((click, user)) = asked.ballot.click(&posted, &request)? else {
            return Ok(());
        };
        let (mut votes, options) = (Votes::of(self)?, asked.options()?);
        for (_, number) in click.values().filter(|(id, _)| *id == CAST) {
            let option = number.parse().ok().and_then(|number: usize| options.get(number));
            if let Some(option) = option {
                votes.cast(&user, option);
            }
        }
        let blocks = asked.blocks(&options, &votes, Shown::Open);
        self.set_outcome(&EmojiOutcome { votes, posted })?;
        asked.ballot.show(&click, blocks);
        Ok(())
    }

    fn close(&self) -> Result<()> {
        let asked = self.load()?;
        let outcome = EmojiOutcome { votes: Votes::of(self)?, posted: Posted::of(self)? };
        let blocks = asked.blocks(&asked.options()?, &outcome.votes, Shown::Ended);
        asked.ballot.end(self, &outcome, blocks)
    }
}

impl EmojiParameters {
    fn is_boolean(&self) -> bool {
        let has_options = self.ballot.vote.options.is_some();
        self.poll_type.map_or(!has_options, |poll_type| poll_type == PollType::Boolean)
    }

    /// The options, as many as a message has room for.
    fn options(&self) -> Result<Vec<String>> {
        if self.is_boolean() {
            return Ok([YES, NO].map(str::to_owned).to_vec());
        }
        if self.ballot.vote.options.is_none() {
            return Err(Error::invalid("Options are required for non-boolean votes"));
        }
        let options = self.ballot.vote.options()?;
        if options.len() < BLOCKS {
            return Ok(options);
        }
        Err(Error::invalid(format!("a vote in Slack has at most {} options", BLOCKS - 1)))
    }

    fn blocks(&self, options: &[String], votes: &Votes, shown: Shown) -> Vec<Value> {
        let (vote, all) = (&self.ballot.vote, options.iter().enumerate());
        let line = |(at, option): (usize, &String), room: Room| {
            let (text, label) = self.words(at, option);
            let voters = votes.users(option);
            let names = Some(mentions(voters)).filter(|_| room.has_voters && !voters.is_empty());
            let who = names.map(|names| format!(" ({names})")).unwrap_or_default();
            let press = (shown == Shown::Open).then(|| button(CAST, &label, &at.to_string()));
            let text = shortened(&escaped(&text), room.option.saturating_sub(COUNT));
            section(&format!("{text}   `{}`{who}", voters.len()), press)
        };
        fitting(options.len(), |room| {
            let header = header(&vote.title, vote.details.as_deref());
            [header].into_iter().chain(all.clone().map(|one| line(one, room))).collect()
        })
    }

    /// The name of an option, and the emoji on its button.
    fn words(&self, at: usize, option: &str) -> (String, String) {
        match (self.is_boolean(), option) {
            (true, YES) => ("Approve".to_owned(), ":+1:".to_owned()),
            (true, _) => ("Reject".to_owned(), ":-1:".to_owned()),
            _ => (option.to_owned(), self.emoji_family.label(at)),
        }
    }
}
