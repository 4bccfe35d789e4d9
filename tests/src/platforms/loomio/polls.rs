//! Polls: who may vote, what they voted, and what Loomio shows of it. A poll whose end has come takes no votes, and is
//! closed, with `closed_at`, when the hourly job runs.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Loomio, Named, Refusal, Shared, TOPICS, denied, group, groups_of, invalid, lock, not_found,
    read,
};

/// What a poll may have.
const POLL: &[&str] = &[
    "group_id",
    "topic_id",
    "title",
    "details",
    "details_format",
    "poll_type",
    "options",
    "closing_at",
    "anonymous",
    "hide_results",
    "specified_voters_only",
    "voter_can_add_options",
    "notify_on_closing_soon",
];
const TYPES: [&str; 7] =
    ["proposal", "poll", "count", "score", "ranked_choice", "meeting", "dot_vote"];

#[derive(Debug)]
pub struct LoomioPoll {
    key: String,
    /// As it was asked for.
    asked: Value,
    options: Vec<String>,
    /// Each voter's score of each option.
    votes: BTreeMap<String, BTreeMap<usize, i64>>,
    closing_at: Timestamp,
    closed_at: Option<Timestamp>,
    is_discarded: bool,
}

/// By this clock, which a test moves with that of its host.
fn now(ahead: SignedDuration) -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a platform has a clock of its own")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::UNIX_EPOCH + now + ahead
}

impl Loomio {
    /// What the last poll was asked for.
    pub fn last_poll(&self) -> Value {
        lock(&self.kept).polls.last().expect("a poll").asked.clone()
    }

    /// Casts a vote in the last poll; returns the webhook's body, or none if Loomio does not take the vote.
    pub fn cast(&self, voter: &str, option: &str) -> Option<Value> {
        let mut kept = lock(&self.kept);
        let now = now(kept.ahead);
        let poll = kept.polls.last_mut().expect("a poll");
        let at = poll.options.iter().position(|one| one == option)?;
        if !poll.is_active(now) || !poll.lets(voter) {
            return None;
        }
        poll.votes.insert(voter.to_owned(), BTreeMap::from([(at, 1)]));
        Some(self.notice(&poll.key, "stance_created"))
    }

    /// Closes the last poll, as its author does; returns the webhook's body.
    pub fn close(&self) -> Value {
        let mut kept = lock(&self.kept);
        let now = now(kept.ahead);
        let poll = kept.polls.last_mut().expect("a poll");
        poll.closed_at = Some(now);
        self.notice(&poll.key, "poll_closed_by_user")
    }

    /// Deletes the last poll.
    pub fn discard(&self) {
        lock(&self.kept).polls.last_mut().expect("a poll").is_discarded = true;
    }

    /// The moment that is so far away, by this instance's clock.
    pub fn soon(&self, away: SignedDuration) -> Timestamp {
        now(lock(&self.kept).ahead) + away
    }

    /// Lets time pass.
    pub fn advance(&self, by: SignedDuration) {
        lock(&self.kept).ahead += by;
    }

    /// Closes the polls that are over, as Loomio does once an hour.
    pub fn hourly(&self) {
        let mut kept = lock(&self.kept);
        let now = now(kept.ahead);
        for poll in kept.polls.iter_mut().filter(|poll| poll.closing_at <= now) {
            poll.closed_at.get_or_insert(now);
        }
    }

    /// A webhook for chats: a text that links to what it is about.
    fn notice(&self, key: &str, kind: &str) -> Value {
        let text = format!("Somebody: {kind} in [the poll]({}/p/{key}/the-poll)", self.url);
        json!({ "text": text, "icon_url": format!("{}/logo.png", self.url), "username": "Loomio" })
    }
}

impl LoomioPoll {
    fn is_active(&self, now: Timestamp) -> bool {
        self.closed_at.is_none() && self.closing_at > now
    }

    fn lets(&self, voter: &str) -> bool {
        let invited = self.asked["recipient_user_ids"].as_array();
        self.asked["specified_voters_only"] != true
            || invited.is_some_and(|all| {
                all.iter().any(|one| one.as_u64().is_some_and(|id| voter.parse() == Ok(id)))
            })
    }

    /// What a member sees of it.
    fn shown(&self) -> Value {
        let (id, options) =
            (self.asked["group_id"].as_u64().expect("a group"), self.options.iter().enumerate());
        let is_hidden = self.asked["hide_results"] == "until_closed" && self.closed_at.is_none();
        let results: Vec<Value> = options.clone().map(|(at, name)| self.result(at, name)).collect();
        let mut poll = json!({
            "id": 7, "key": self.key, "title": self.asked["title"], "poll_type": self.asked["poll_type"],
            "group_id": id, "closing_at": self.closing_at.to_string(), "closed_at": self.closed_at.map(|at| at.to_string()),
            "voters_count": 4, "undecided_voters_count": 4 - self.votes.len(), "cast_stances_pct": 25 * self.votes.len(),
            "results": results
        });
        if is_hidden {
            poll.as_object_mut().expect("an object").remove("results");
        }
        // In no particular order.
        let option = |(at, name): (usize, &String)| json!({ "id": 40 + at, "poll_id": 7, "name": name, "priority": at });
        let options: Vec<Value> = options.rev().map(option).collect();
        json!({ "polls": [poll], "poll_options": options, "groups": [group(id)], "meta": { "root": "polls" } })
    }

    fn result(&self, at: usize, name: &str) -> Value {
        let scores = self
            .votes
            .iter()
            .filter_map(|(voter, scores)| Some((voter.clone(), *scores.get(&at)?)));
        let scores: BTreeMap<String, i64> = scores.collect();
        let score: i64 = scores.values().sum();
        let shown = if self.asked["anonymous"] == true { BTreeMap::new() } else { scores };
        json!({ "id": 40 + at, "poll_id": 7, "name": name, "score": score, "voter_scores": shown })
    }
}

pub async fn create(
    State(kept): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let asked = read(&headers, &body, "poll", POLL)?;
    let groups = groups_of(&headers, &asked)?;
    if !asked["topic_id"].is_null() && asked["topic_id"].as_u64().is_none_or(|id| id <= TOPICS) {
        return Err(not_found());
    }
    asked["group_id"].as_u64().filter(|id| groups.contains(id)).ok_or_else(denied)?;
    let mut kept = lock(&kept);
    let closing_at = asked["closing_at"].as_str().and_then(|end| end.parse::<Timestamp>().ok());
    let Some(closing_at) = closing_at.filter(|end| *end > now(kept.ahead)) else {
        return Ok(invalid(json!({ "closing_at": ["must be in the future"] })));
    };
    let kind = asked["poll_type"].as_str().filter(|kind| TYPES.contains(kind));
    let options: Vec<String> = serde_json::from_value(asked["options"].clone()).unwrap_or_default();
    let Some(kind) = kind.filter(|_| !options.is_empty()) else {
        return Ok(invalid(json!({ "options": ["can't be blank"] })));
    };
    // The options that it knows by name are in its language.
    let options = match kind {
        "proposal" => options.iter().map(|name| capitalised(name)).collect(),
        _ => options,
    };
    let key = format!("pOlL{:04}", kept.polls.len() + 1);
    let poll = LoomioPoll {
        key,
        asked,
        options,
        closing_at: its_hour(closing_at),
        votes: BTreeMap::new(),
        closed_at: None,
        is_discarded: false,
    };
    let shown = poll.shown();
    kept.polls.push(poll);
    Ok(Json(shown).into_response())
}

pub async fn show(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(key): Named,
) -> Result<Json<Value>, Refusal> {
    groups_of(&headers, &Value::Null)?;
    let kept = lock(&kept);
    let poll = kept.polls.iter().find(|poll| poll.key == key && !poll.is_discarded);
    poll.map(|poll| Json(poll.shown())).ok_or_else(not_found)
}

pub async fn update(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(key): Named,
    body: Bytes,
) -> Result<Response, Refusal> {
    let asked = read(&headers, &body, "poll", POLL)?;
    groups_of(&headers, &asked)?;
    let mut kept = lock(&kept);
    let now = now(kept.ahead);
    let poll = kept.polls.iter_mut().find(|poll| poll.key == key && !poll.is_discarded);
    let poll = poll.ok_or_else(not_found)?;
    let closing_at = asked["closing_at"].as_str().and_then(|end| end.parse::<Timestamp>().ok());
    match closing_at.filter(|end| *end > now) {
        Some(closing_at) => poll.closing_at = its_hour(closing_at),
        None => return Ok(invalid(json!({ "closing_at": ["must be in the future"] }))),
    }
    Ok(Json(poll.shown()).into_response())
}

/// Ends are full hours: what is beyond is cut.
fn its_hour(end: Timestamp) -> Timestamp {
    Timestamp::from_second(end.as_second() - end.as_second().rem_euclid(3_600)).expect("a moment")
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
