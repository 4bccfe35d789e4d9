//! A vote in a message with a button for each option. Everybody has one vote, which they can change until it ends.

use std::time::Duration;

use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::voting::{Excluded, NO, Vote, Votes, YES, end_deleted};
use moothall_sdk::{
    Error, ErrorKind, Instance, Process, Result, WebhookRequest, WebhookResponse, process,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interaction::{EPHEMERAL, Interaction, MESSAGE, UPDATE, reply};
use crate::{Snowflake, api};

/// The ids of all buttons begin so; an option's number follows.
const CAST: &str = "cast_vote_";
/// Discord's limits: buttons in a row, rows, and characters of a label and of a message.
const ROW: usize = 5;
const ROWS: usize = 5;
const LABEL: usize = 80;
const CONTENT: usize = 2_000;
/// The longest wait for Discord: a press waits as well, and Discord gives it up after three seconds.
const BRIEF: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    #[serde(flatten)]
    vote: Vote,
    #[serde(flatten)]
    excluded: Excluded,
    /// `boolean`: yes or no, whatever `options` says. By default it follows from `options`.
    #[serde(skip_serializing_if = "Option::is_none")]
    poll_type: Option<PollType>,
    /// Where the vote is posted; by default in the configuration's channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Snowflake>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum PollType {
    Boolean,
    Choice,
}

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    votes: Votes,
    message_id: String,
}

pub struct GuildVote;

#[process(
    name = "vote",
    description = "A vote in a message with a button for each option.",
    state = Asked,
    outcome = Outcome
)]
impl GuildVote {
    fn start(&self, mut asked: Asked) -> Result<()> {
        asked.vote.open(self)?;
        let (config, options) = (self.config()?, asked.options()?);
        asked.channel = asked.channel.or(config.channel);
        let (channel, votes) = (asked.channel()?, Votes::none(&options));
        let message = asked.message(&options, &votes, Shown::Open);
        let route = format!("/channels/{channel}/messages");
        let posted =
            api::read(api::prepared(&self.settings()?, "POST", &route, message)?.patient(BRIEF))?;
        let message_id = posted["id"].as_str().unwrap_or_default().to_owned();
        let guild = config.guild_id;
        self.set_url(&format!("https://discord.com/channels/{guild}/{channel}/{message_id}"))?;
        self.set_outcome(&Outcome { votes, message_id })?;
        self.store(&asked)
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<Option<WebhookResponse>> {
        let (asked, message_id) = (self.load()?, self.message_id()?);
        let interaction = Interaction::of(&request, &self.settings()?)?;
        let Some((button, user)) = interaction.pressed(&message_id) else { return Ok(None) };
        if !asked.vote.admits(user) || asked.excluded.names(user) {
            let text = &asked.excluded.ineligible_voter_message;
            return reply(MESSAGE, json!({ "content": text, "flags": EPHEMERAL })).map(Some);
        }
        let options = asked.options()?;
        let number = button.strip_prefix(CAST).and_then(|number| number.parse::<usize>().ok());
        let Some(option) = number.and_then(|number| options.get(number)) else { return Ok(None) };
        let mut votes = Votes::of(self)?;
        votes.cast(user, option);
        let message = asked.message(&options, &votes, Shown::Open);
        self.set_outcome(&Outcome { votes, message_id })?;
        reply(UPDATE, message.into()).map(Some)
    }

    fn close(&self) -> Result<()> {
        let asked = self.load()?;
        let outcome = Outcome { votes: Votes::of(self)?, message_id: self.message_id()? };
        self.set_outcome(&outcome)?;
        let message = asked.message(&asked.options()?, &outcome.votes, Shown::Ended);
        let route = format!("/channels/{}/messages/{}", asked.channel()?, outcome.message_id);
        let change = api::prepared(&self.settings()?, "PATCH", &route, message)?;
        match api::read(change.patient(BRIEF)) {
            Err(error) if *error.kind() == ErrorKind::NotFound => end_deleted(self),
            Err(error) if !error.is_retryable() => {
                let said = format!("the buttons can still be pressed: {error}");
                let errors = json!({ "code": "message_not_changed", "message": said });
                self.complete_with_errors(&errors)
            }
            answer => answer.and_then(|_| self.complete(&outcome)),
        }
    }
}

impl GuildVote {
    fn message_id(&self) -> Result<String> {
        Ok(self.outcome()?["message_id"].as_str().unwrap_or_default().to_owned())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Open,
    /// With buttons that cannot be pressed.
    Ended,
}

impl Asked {
    fn is_boolean(&self) -> bool {
        let has_options = self.vote.options.is_some();
        self.poll_type.map_or(!has_options, |poll_type| poll_type == PollType::Boolean)
    }

    /// The channel, once `start` has settled it.
    fn channel(&self) -> Result<Snowflake> {
        self.channel.ok_or_else(|| {
            Error::invalid("'channel' is missing, and the configuration has none either")
        })
    }

    /// The options, as many as a message has buttons.
    fn options(&self) -> Result<Vec<String>> {
        if self.is_boolean() {
            return Ok([YES, NO].map(str::to_owned).to_vec());
        }
        if self.vote.options.is_none() {
            return Err(Error::invalid("Options are required for non-boolean votes"));
        }
        let options = self.vote.options()?;
        if options.len() <= ROW * ROWS {
            return Ok(options);
        }
        Err(Error::invalid(format!("a vote in Discord has at most {} options", ROW * ROWS)))
    }

    /// Nobody is told of it because it names them.
    fn message(&self, options: &[String], votes: &Votes, shown: Shown) -> Map<String, Value> {
        let buttons: Vec<Value> =
            (0..options.len()).map(|at| self.button(at, options, shown)).collect();
        let row = |buttons: &[Value]| json!({ "type": 1, "components": buttons });
        let rows: Vec<Value> = buttons.chunks(ROW).map(row).collect();
        let content = self.content(options, votes);
        Map::from_iter([
            ("content".to_owned(), content.into()),
            ("components".to_owned(), rows.into()),
            ("allowed_mentions".to_owned(), json!({ "parse": [] })),
        ])
    }

    fn button(&self, at: usize, options: &[String], shown: Shown) -> Value {
        let custom_id = format!("{CAST}{at}");
        let disabled = shown == Shown::Ended;
        let mut button =
            json!({ "type": 2, "style": 1, "custom_id": custom_id, "disabled": disabled });
        match (self.is_boolean(), at) {
            (true, 0) => button["emoji"] = json!({ "name": "👍" }),
            (true, _) => button["emoji"] = json!({ "name": "👎" }),
            _ => button["label"] = shortened(&options[at], LABEL).into(),
        }
        button
    }

    /// The question, and each option with its votes and, as long as there is room, its voters.
    fn content(&self, options: &[String], votes: &Votes) -> String {
        let details = self.vote.details.as_deref().map(|text| format!("{text}\n\n"));
        let begin = format!("\n\n**{}**\n\n{}", self.vote.title, details.unwrap_or_default());
        let whole =
            format!("{begin}{}", self.lines(options, |option| who(votes.users(option)), votes));
        if whole.chars().count() <= CONTENT {
            return whole;
        }
        let lines = self.lines(options, |_| String::new(), votes);
        let room = CONTENT.saturating_sub(lines.chars().count());
        shortened(&format!("{}{lines}", shortened(&begin, room.max(LABEL))), CONTENT)
    }

    fn lines(&self, options: &[String], who: impl Fn(&str) -> String, votes: &Votes) -> String {
        let line = |option: &String| {
            let name = match (self.is_boolean(), option.as_str()) {
                (true, YES) => "Approvals",
                (true, _) => "Rejections",
                (_, option) => option,
            };
            format!("{name}   ({}){}", votes.count(option), who(option))
        };
        options.iter().map(line).collect::<Vec<_>>().join("\n\n")
    }
}

fn who(users: &[String]) -> String {
    let named: Vec<String> = users.iter().map(|user| format!("<@{user}>")).collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}
