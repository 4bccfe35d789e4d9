//! The votes so far. A platform that counts itself says them; for the others the plugin counts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vote;
use crate::{Process, Result, read};

/// The votes of each option: `{"yes": {"count": 1, "users": ["ann"]}, "no": {"count": 0, "users": []}}`. Every option is
/// there, also one without votes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Votes(BTreeMap<String, Tally>);

/// The votes of one option.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// How many votes it has, or how many points where voters give points.
    pub count: i64,
    /// Who voted for it, by their ids on the platform. Empty if the platform does not say who.
    pub users: Vec<String>,
}

impl Votes {
    /// No votes yet, for these options.
    pub fn none(options: &[String]) -> Self {
        options.iter().map(|option| (option.clone(), Tally::default())).collect()
    }

    /// The `votes` of the process's outcome; without options before an outcome is set.
    pub fn of(process: &impl Process) -> Result<Self> {
        match process.outcome()?.get_mut("votes") {
            Some(votes) => read::from_value(votes),
            None => Ok(Self::default()),
        }
    }

    /// Casts a vote where each person has one: an earlier one is withdrawn. Returns whether anything changed; an unknown
    /// option changes nothing.
    pub fn cast(&mut self, user: &str, option: &str) -> bool {
        if self.0.get(option).is_none_or(|tally| tally.has(user)) {
            return false;
        }
        self.withdraw(user);
        self.add(user, option)
    }

    /// Casts a vote where each person can have one for each option. Returns whether anything changed.
    pub fn add(&mut self, user: &str, option: &str) -> bool {
        match self.0.get_mut(option) {
            Some(tally) if !tally.has(user) => {
                tally.users.push(user.to_owned());
                tally.count += 1;
                true
            }
            _ => false,
        }
    }

    /// Withdraws all votes of a person. Returns whether there were any.
    pub fn withdraw(&mut self, user: &str) -> bool {
        let before = self.total();
        for tally in self.0.values_mut().filter(|tally| tally.has(user)) {
            tally.users.retain(|one| one != user);
            tally.count -= 1;
        }
        self.total() != before
    }

    /// Sets the votes of an option.
    pub fn set(&mut self, option: impl Into<String>, tally: Tally) {
        self.0.insert(option.into(), tally);
    }

    /// The votes of an option; none for an unknown one.
    pub fn count(&self, option: &str) -> i64 {
        self.0.get(option).map_or(0, |tally| tally.count)
    }

    /// Who voted for an option, in the order in which they did if the plugin counts.
    pub fn users(&self, option: &str) -> &[String] {
        self.0.get(option).map_or(&[], |tally| &tally.users)
    }

    /// The options with their votes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.0.iter().map(|(option, tally)| (option.as_str(), tally))
    }

    /// All votes together.
    pub fn total(&self) -> i64 {
        self.0.values().map(|tally| tally.count).sum()
    }

    /// Everybody who voted.
    pub fn voters(&self) -> BTreeSet<&str> {
        self.0.values().flat_map(|tally| &tally.users).map(String::as_str).collect()
    }

    /// Only the votes of those who may vote, for a platform that lets others vote too. With `eligible_voters` a vote
    /// counts only if the platform says whose it is, and each for one: not for platforms whose voters give points.
    #[must_use]
    pub fn only_of_eligible(self, vote: &Vote) -> Self {
        if vote.eligible_voters.is_none() {
            return self;
        }
        let eligible = |tally: Tally| tally.users.into_iter().filter(move |user| vote.admits(user));
        self.0.into_iter().map(|(option, tally)| (option, eligible(tally).collect())).collect()
    }

    /// The votes without their voters.
    pub fn as_numbers(&self) -> SaidVotes {
        let mut numbers = BTreeMap::new();
        for (option, tally) in &self.0 {
            numbers.insert(option.clone(), tally.count);
        }
        SaidVotes::Numbers(numbers)
    }
}

/// Votes in an outcome that follows the standard unless the plugin's configuration says otherwise: some processes of
/// Metagov's gateway say only numbers, and there are drivers that expect them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SaidVotes {
    /// By the standard.
    Standard(Votes),
    /// How many votes each option has.
    Numbers(BTreeMap<String, i64>),
}

impl From<Votes> for SaidVotes {
    fn from(votes: Votes) -> Self {
        Self::Standard(votes)
    }
}

impl Default for SaidVotes {
    fn default() -> Self {
        Votes::default().into()
    }
}

impl Tally {
    fn has(&self, user: &str) -> bool {
        self.users.iter().any(|one| one == user)
    }
}

impl FromIterator<(String, Tally)> for Votes {
    fn from_iter<I: IntoIterator<Item = (String, Tally)>>(all: I) -> Self {
        let mut votes = Self::default();
        // `collect` would sort them, by code that each map needs for itself.
        for (option, tally) in all {
            votes.set(option, tally);
        }
        votes
    }
}

/// One vote of each of these users.
impl FromIterator<String> for Tally {
    fn from_iter<I: IntoIterator<Item = String>>(users: I) -> Self {
        let users: Vec<String> = users.into_iter().collect();
        Self { count: i64::try_from(users.len()).unwrap_or(i64::MAX), users }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::{Tally, Votes};

    fn tea_or_coffee() -> Votes {
        Votes::none(&["tea", "coffee"].map(str::to_owned))
    }

    #[test]
    fn the_last_vote_of_a_person_counts() {
        let mut votes = tea_or_coffee();
        assert!(votes.cast("ann", "tea") && votes.cast("bob", "tea"));
        assert!(!votes.cast("ann", "tea"), "again");
        assert!(votes.cast("ann", "coffee"), "another one");
        assert!(!votes.cast("ann", "milk"), "no such option");
        let said = json!({
            "tea": { "count": 1, "users": ["bob"] },
            "coffee": { "count": 1, "users": ["ann"] }
        });
        assert_eq!(to_value(&votes).expect("JSON"), said);
        assert_eq!((votes.total(), votes.voters().len()), (2, 2));
        assert_eq!(
            (votes.count("tea"), votes.users("coffee").len(), votes.count("milk")),
            (1, 1, 0)
        );
    }

    #[test]
    fn a_person_can_vote_for_several_options_and_withdraw() {
        let mut votes = tea_or_coffee();
        assert!(votes.add("ann", "tea") && votes.add("ann", "coffee") && !votes.add("ann", "tea"));
        assert_eq!((votes.total(), votes.voters().len()), (2, 1));
        assert!(votes.withdraw("ann") && !votes.withdraw("ann"));
        assert_eq!(votes, tea_or_coffee());
    }

    #[test]
    fn only_votes_of_eligible_people_are_left() {
        let mut votes = tea_or_coffee();
        votes.set("tea", ["ann", "eve"].map(str::to_owned).into_iter().collect());
        votes.set("coffee", Tally { count: 3, users: Vec::new() });
        let vote = json!({ "title": "Which?", "eligible_voters": ["ann"] });
        let everybody = from_value(json!({ "title": "Which?" })).expect("a vote");
        assert_eq!(votes.clone().only_of_eligible(&everybody), votes);
        let votes = votes.only_of_eligible(&from_value(vote).expect("a vote"));
        assert_eq!(votes.users("tea"), ["ann"]);
        assert_eq!(json!(votes.as_numbers()), json!({ "tea": 1, "coffee": 0 }));
    }
}
