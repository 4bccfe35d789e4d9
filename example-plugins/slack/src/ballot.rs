//! The votes have this in common: who may vote, and the message in which they do.

use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::voting::{Excluded, Vote, end_deleted};
use moothall_sdk::{Error, Instance, Process, Result, WebhookRequest, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incoming::Click;
use crate::web_api::{Parameters, call};
use crate::{Slack, message};

/// The question, and whom it is for.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Ballot {
    #[serde(flatten)]
    pub vote: Vote,
    #[serde(flatten)]
    excluded: Excluded,
    /// The channel in which the vote is posted; by default the configuration's, and without one a conversation with
    /// `eligible_voters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
}

/// How a vote is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Open,
    /// Without anything to press.
    Ended,
}

/// Where Slack has the message.
#[derive(Serialize, JsonSchema)]
pub struct Posted {
    pub channel: String,
    pub message_ts: String,
}

impl Ballot {
    /// Posts the vote, and keeps its URL.
    pub fn post<P: Process + Instance<Slack>>(
        &self,
        process: &P,
        blocks: Vec<Value>,
    ) -> Result<Posted> {
        let channel = self.channel.clone().or(process.config()?.channel);
        let users = self.vote.eligible_voters.as_deref().unwrap_or_default();
        if channel.is_none() && users.is_empty() {
            return Err(Error::invalid("eligible_voters or channel are required"));
        }
        let mut content = self.content(blocks);
        content.extend(channel.map(|channel| ("channel".to_owned(), channel.into())));
        let answer = message::post(process, users, content)?;
        let posted = Posted::read(&answer, "ts")?;
        // The vote has begun for everybody who sees it, whether its URL is known or not.
        match call(process, "chat.getPermalink", posted.named("message_ts")) {
            Ok(link) => link["permalink"].as_str().map_or(Ok(()), |url| process.set_url(url))?,
            Err(error) => log::warn(format_args!("Slack has no URL of a vote: {error}")),
        }
        Ok(posted)
    }

    /// The click of somebody who may vote on this message. Somebody else is told that they may not.
    pub fn click(
        &self,
        posted: &Posted,
        request: &WebhookRequest,
    ) -> Result<Option<(Click, String)>> {
        let click = Click::on(request, &posted.channel, &posted.message_ts)?;
        let Some((click, user)) = click else { return Ok(None) };
        if self.vote.admits(&user) && !self.excluded.names(&user) {
            return Ok(Some((click, user)));
        }
        let text = &self.excluded.ineligible_voter_message;
        let to_them =
            json!({ "response_type": "ephemeral", "replace_original": false, "text": text });
        click.respond(&to_them);
        Ok(None)
    }

    /// Shows the votes to everybody. They are cast all the same if Slack does not take the message.
    pub fn show(&self, click: &Click, blocks: Vec<Value>) {
        let mut message = self.content(blocks);
        message.insert("replace_original".to_owned(), true.into());
        click.respond(&message.into());
    }

    /// Ends the vote, and shows how. If Slack refuses the message for good, the process says so in its errors.
    pub fn end<P: Process + Instance<Slack>>(
        &self,
        process: &P,
        outcome: &P::Outcome,
        blocks: Vec<Value>,
    ) -> Result<()> {
        let mut message = Posted::of(process)?.named("ts");
        message.extend(self.content(blocks));
        process.set_outcome(outcome)?;
        match call(process, "chat.update", message) {
            Err(error) if error.message() == "message_not_found" => end_deleted(process),
            Err(error) if !error.is_retryable() => {
                let said = format!("the buttons are still there: {error}");
                let errors = json!({ "code": "message_not_changed", "message": said });
                process.complete_with_errors(&errors)
            }
            answer => answer.and_then(|_| process.complete(outcome)),
        }
    }

    /// The content of a message with these blocks. Notifications say the text.
    fn content(&self, blocks: Vec<Value>) -> Parameters {
        let text = self.vote.title.as_str().into();
        Map::from_iter([("text".to_owned(), text), ("blocks".to_owned(), blocks.into())])
    }
}

impl Posted {
    /// Where the message of a process is, as its outcome says.
    pub fn of(process: &impl Process) -> Result<Self> {
        Self::read(&process.outcome()?, "message_ts")
    }

    fn read(said: &Value, ts: &str) -> Result<Self> {
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        let posted = text("channel").zip(text(ts));
        let posted = posted.map(|(channel, message_ts)| Self { channel, message_ts });
        posted.ok_or_else(|| Error::internal("Slack did not say where the message is"))
    }

    /// By the name that a method has for the time of a message.
    fn named(&self, ts: &str) -> Parameters {
        let (channel, time) = (self.channel.as_str(), self.message_ts.as_str());
        Map::from_iter([("channel".to_owned(), channel.into()), (ts.to_owned(), time.into())])
    }
}
