//! The parameters of drivers; those that Loomio calls by the same name are told as they are.

use moothall_sdk::prelude::*;
use moothall_sdk::voting::Vote;

const HOUR_MS: i64 = 3_600_000;

#[derive(Deserialize, JsonSchema)]
pub struct ListMembers {
    /// A subgroup, by its key or its handle. Without it: the community's group.
    pub subgroup: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct CreateDiscussion {
    /// A subgroup, by its key or its handle.
    #[serde(skip_serializing)]
    pub subgroup: Option<String>,
    /// The title of the thread.
    title: String,
    /// The context of the thread.
    description: Option<String>,
    /// `html` or `md`.
    description_format: Option<String>,
    /// Whether only members can read it. Without it, Loomio decides.
    private: Option<bool>,
    #[serde(flatten)]
    recipients: Recipients,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Recipients {
    /// `group`: the whole group is notified.
    recipient_audience: Option<String>,
    /// The ids of users to notify or invite.
    recipient_user_ids: Option<Vec<Value>>,
    /// The addresses of people to invite.
    recipient_emails: Option<Vec<String>>,
    /// A message in the invitation.
    recipient_message: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct StartPoll {
    #[serde(flatten)]
    pub vote: Vote,
    /// A subgroup, by its key or its handle.
    #[serde(skip_serializing)]
    pub subgroup: Option<String>,
    #[serde(default)]
    poll_type: PollType,
    /// `html` or `md`.
    details_format: Option<String>,
    /// Only invited people can vote.
    specified_voters_only: Option<bool>,
    /// Hides the results until the poll is closed.
    #[serde(skip_serializing)]
    hide_results_until_closed: Option<bool>,
    /// Hides who voted for what.
    anonymous: Option<bool>,
    /// The discussion to which the poll belongs, by its id.
    #[serde(skip_serializing)]
    pub discussion_id: Option<u64>,
    /// Lets voters add options.
    voter_can_add_options: Option<bool>,
    /// Who is reminded a day before the end: `nobody`, `author`, `undecided_voters` or `voters`.
    notify_on_closing_soon: Option<String>,
    #[serde(flatten)]
    recipients: Recipients,
    #[serde(skip_deserializing)]
    hide_results: Option<String>,
    #[serde(skip_deserializing)]
    pub topic_id: Option<u64>,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum PollType {
    Proposal,
    #[default]
    Poll,
    Count,
    Score,
    RankedChoice,
    Meeting,
    DotVote,
}

impl StartPoll {
    /// Completes it: the end, the options, and the voters, whom Loomio invites and lets nobody else vote.
    pub fn complete(&mut self, end: Moment, options: &[String]) -> Result<()> {
        self.vote.closing_at = Some(full_hour(end)?.into());
        self.vote.options = Some(options.to_vec());
        let hides = self.hide_results_until_closed.unwrap_or(false);
        self.hide_results = hides.then(|| "until_closed".to_owned());
        for voter in self.vote.eligible_voters.take().into_iter().flatten() {
            let wrong = || {
                Error::invalid(format!("'{voter}' in 'eligible_voters' is no id of a Loomio user"))
            };
            let id: u64 = voter.parse().map_err(|_| wrong())?;
            self.recipients.recipient_user_ids.get_or_insert_default().push(id.into());
            self.specified_voters_only = Some(true);
        }
        Ok(())
    }
}

/// The end that Loomio is told. Loomio cuts an end to its hour, so a poll would end too early, or be over when it begins;
/// it gets the next full hour, and the plugin closes the poll at its time.
fn full_hour(end: Moment) -> Result<Moment> {
    let beyond = end.unix_ms().rem_euclid(HOUR_MS);
    Moment::from_unix_ms(end.unix_ms() + (HOUR_MS - beyond) % HOUR_MS)
}
