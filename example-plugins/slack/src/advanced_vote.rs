//! A vote on several candidates: for each of them everybody chooses one of the options from a menu.

use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::{Error, Process, Result, WebhookRequest, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ballot::{Ballot, Posted, Shown};
use crate::blocks::{BLOCKS, ENTRIES, escaped, fitting, header, menu, room, section, shortened};

/// The ids of all menus begin so; a candidate's number follows.
const MENU: &str = "advanced_vote.";
/// The fewest characters of an option or a candidate by which people can tell it from others.
const SHORTEST: usize = 12;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct AdvancedParameters {
    #[serde(flatten)]
    ballot: Ballot,
    /// Who or what is voted on; each gets a menu.
    candidates: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct AdvancedOutcome {
    /// By person and candidate, the option.
    votes: Choices,
    #[serde(flatten)]
    posted: Posted,
}

type Choices = Map<String, Value>;

pub struct AdvancedVote;

#[process(
    name = "advanced-vote",
    description = "A vote in a message with a menu for each candidate.",
    state = AdvancedParameters,
    outcome = AdvancedOutcome
)]
impl AdvancedVote {
    fn start(&self, asked: AdvancedParameters) -> Result<()> {
        asked.ballot.vote.open(self)?;
        asked.check()?;
        let posted = asked.ballot.post(self, asked.blocks(Shown::Open))?;
        self.set_outcome(&AdvancedOutcome { votes: Choices::new(), posted })?;
        self.store(&asked)
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        let (asked, posted) = (self.load()?, Posted::of(self)?);
        let Some((click, user)) = asked.ballot.click(&posted, &request)? else {
            return Ok(());
        };
        let mut votes = self.votes()?;
        for (candidate, option) in click.values().filter_map(|act| asked.chosen(act)) {
            let choices = votes.entry(user.clone()).or_insert_with(|| json!({}));
            choices[candidate] = option.as_str().into();
        }
        self.set_outcome(&AdvancedOutcome { votes, posted })
    }

    fn close(&self) -> Result<()> {
        let asked = self.load()?;
        let outcome = AdvancedOutcome { votes: self.votes()?, posted: Posted::of(self)? };
        asked.ballot.end(self, &outcome, asked.blocks(Shown::Ended))
    }
}

impl AdvancedVote {
    fn votes(&self) -> Result<Choices> {
        Ok(self.outcome()?["votes"].as_object().cloned().unwrap_or_default())
    }
}

impl AdvancedParameters {
    /// Whether a message has room for it.
    fn check(&self) -> Result<()> {
        let options = match self.ballot.vote.options {
            Some(_) => self.ballot.vote.options()?.len(),
            None => return Err(Error::invalid("'options' is missing; say what can be chosen")),
        };
        if options > ENTRIES {
            return Err(Error::invalid(format!("a menu in Slack has at most {ENTRIES} options")));
        }
        if self.candidates.is_empty() || self.candidates.len() >= BLOCKS {
            return Err(Error::invalid(format!(
                "a vote in Slack has 1 to {} candidates",
                BLOCKS - 1
            )));
        }
        if room(self.pieces(options)) < SHORTEST {
            let said = "a message in Slack has no room for so many menus of so many options";
            return Err(Error::invalid(said));
        }
        Ok(())
    }

    fn chosen(&self, (id, value): (&str, &str)) -> Option<(&String, &String)> {
        let candidate: usize = id.strip_prefix(MENU)?.parse().ok()?;
        let option: usize = value.parse().ok()?;
        self.candidates.get(candidate).zip(self.ballot.vote.options.as_ref()?.get(option))
    }

    /// Each candidate has a name and a menu with all options.
    fn pieces(&self, options: usize) -> usize {
        self.candidates.len() * (options + 1)
    }

    fn blocks(&self, shown: Shown) -> Vec<Value> {
        let vote = &self.ballot.vote;
        let options = vote.options.as_deref().unwrap_or_default();
        fitting(self.pieces(options.len()), |room| {
            let candidates = self.candidates.iter().enumerate().map(|(at, candidate)| {
                let menu = || menu(&format!("{MENU}{at}"), options, room.option);
                let name = shortened(&escaped(candidate), room.option);
                section(&name, (shown == Shown::Open).then(menu))
            });
            [header(&vote.title, vote.details.as_deref())].into_iter().chain(candidates).collect()
        })
    }
}
