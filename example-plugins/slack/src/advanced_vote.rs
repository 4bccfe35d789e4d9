//! A vote on several candidates: for each of them everybody chooses one of the options from a menu.

use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::{Error, Process, Result, WebhookRequest, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ballot::{Ballot, Posted};
use crate::blocks::{BLOCKS, ENTRIES, header, menu, section};

/// The ids of all menus begin so; a candidate's number follows.
const MENU: &str = "advanced_vote.";

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
        let posted = asked.ballot.post(self, asked.blocks(menu))?;
        self.set_outcome(&AdvancedOutcome { votes: Choices::new(), posted })?;
        self.store(&asked)
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        let (asked, posted) = (self.load()?, Posted::of(self)?);
        let Some((click, user)) = asked.ballot.click(self, &posted, &request)? else {
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
        asked.ballot.end(self, &outcome, asked.blocks(|_, _| Value::Null))
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
        Ok(())
    }

    fn chosen(&self, (id, value): (&str, &str)) -> Option<(&String, &String)> {
        let candidate: usize = id.strip_prefix(MENU)?.parse().ok()?;
        let option: usize = value.parse().ok()?;
        self.candidates.get(candidate).zip(self.ballot.vote.options.as_ref()?.get(option))
    }

    fn blocks(&self, menu: impl Fn(&str, &[String]) -> Value) -> Vec<Value> {
        let vote = &self.ballot.vote;
        let options = vote.options.as_deref().unwrap_or_default();
        let candidates = self.candidates.iter().enumerate().map(|(at, candidate)| {
            let menu = menu(&format!("{MENU}{at}"), options);
            section(candidate, Some(menu).filter(|menu| !menu.is_null()))
        });
        [header(&vote.title, vote.details.as_deref())].into_iter().chain(candidates).collect()
    }
}
