//! Polls, which posts contain as text. A poll whose time has come takes no votes; it is `closed` when a job has run.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Discourse, Refusal, Shared, admit, invalid, lock, read};

/// How many voters of an option the poll itself names.
const PRELOADED: usize = 25;
/// How many options a poll has at most.
const MOST_OPTIONS: usize = 20;

#[derive(Clone, Debug)]
pub struct ForumPoll {
    attributes: BTreeMap<String, String>,
    title: String,
    options: Vec<String>,
    /// By the option's place, who voted for it.
    votes: BTreeMap<usize, Vec<String>>,
    is_closed: bool,
}

impl Discourse {
    /// The attributes, the title and the options of the last poll.
    pub fn last_poll(&self) -> (BTreeMap<String, String>, String, Vec<String>) {
        self.with_last(|poll, _| {
            (poll.attributes.clone(), poll.title.clone(), poll.options.clone())
        })
    }

    /// Votes in the last poll; returns whether the forum takes the vote.
    pub fn vote(&self, voter: &str, option: &str) -> bool {
        self.with_last(|poll, now| {
            let end = poll.attributes.get("close").and_then(|end| end.parse::<Timestamp>().ok());
            let at = poll.options.iter().position(|one| one == option);
            let Some(at) = at.filter(|_| !poll.is_closed && end.is_none_or(|end| end > now)) else {
                return false;
            };
            poll.votes.values_mut().for_each(|voters| voters.retain(|one| one != voter));
            poll.votes.entry(at).or_default().push(voter.to_owned());
            true
        })
    }

    /// Closes the last poll, as its author does.
    pub fn close_poll(&self) {
        self.with_last(|poll, _| poll.is_closed = true);
    }

    /// Lets time pass.
    pub fn advance(&self, by: SignedDuration) {
        lock(&self.kept).ahead += by;
    }

    fn with_last<T>(&self, then: impl FnOnce(&mut ForumPoll, Timestamp) -> T) -> T {
        let mut kept = lock(&self.kept);
        let now = kept.now();
        then(kept.posts.iter_mut().rev().find_map(|post| post.poll.as_mut()).expect("a poll"), now)
    }
}

impl ForumPoll {
    /// The poll in a text, if there is one.
    pub fn in_text(raw: &str) -> Result<Option<Self>, String> {
        let Some((_, rest)) = raw.split_once("[poll") else { return Ok(None) };
        let (attributes, rest) = rest.split_once(']').ok_or("Polls need an end")?;
        let (lines, _) = rest.split_once("[/poll]").ok_or("Polls need an end")?;
        let pair = |one: &str| {
            Some((one.split_once('=')?.0.to_owned(), one.split_once('=')?.1.to_owned()))
        };
        let attributes: BTreeMap<String, String> =
            attributes.split_whitespace().filter_map(pair).collect();
        let title = lines.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
        let options: Vec<String> = match attributes.get("type").map(String::as_str) {
            Some("number") => numbers(&attributes)?,
            Some("regular" | "multiple") => {
                lines.lines().filter_map(|line| line.strip_prefix("* ")).map(escaped).collect()
            }
            other => return Err(format!("Invalid value '{other:?}' for argument 'type'.")),
        };
        check(&attributes, &options)?;
        let title = title.to_owned();
        Ok(Some(Self { attributes, title, options, votes: BTreeMap::new(), is_closed: false }))
    }

    fn is_public(&self) -> bool {
        self.attributes.get("public").is_some_and(|public| public == "true")
    }

    pub fn shown(&self) -> Value {
        let results = self.attributes.get("results").map_or("always", String::as_str);
        // To an admin, who is the author too. A poll that was to hide them `on_close` shows them when it is closed.
        let shows = results != "on_close" || self.is_closed;
        let option = |(at, html): (usize, &String)| {
            let mut option = json!({ "id": digest(at), "html": html });
            if shows {
                option["votes"] = self.voters(at).len().into();
            }
            option
        };
        let status = if self.is_closed { "closed" } else { "open" };
        let options: Vec<Value> = self.options.iter().enumerate().map(option).collect();
        let mut poll = json!({ "name": "poll", "type": self.attributes["type"], "status": status, "options": options });
        if let Some(close) = self.attributes.get("close") {
            poll["close"] = close.as_str().into();
        }
        if self.is_public() {
            poll["public"] = true.into();
        }
        if self.is_public() && shows {
            poll["preloaded_voters"] = self.page(None, 1, PRELOADED);
        }
        poll
    }

    /// Some of the voters, of one option or of all: null if there are none. The last one of a page is there once more on
    /// the next one.
    fn page(&self, option: Option<usize>, page: usize, limit: usize) -> Value {
        let begin = (page - 1) * limit;
        let all = (0..self.options.len()).filter(|at| option.is_none_or(|one| one == *at));
        let rows = all.map(|at| {
            let rows = self.voters(at).iter().skip(begin.saturating_sub(1));
            (digest(at), named(rows.take(limit + usize::from(begin > 0))))
        });
        let rows: Vec<_> = rows.filter(|(_, names)| names != &json!([])).collect();
        match self.attributes["type"].as_str() {
            _ if rows.is_empty() => Value::Null,
            "number" => rows
                .into_iter()
                .flat_map(|(_, names)| names.as_array().cloned())
                .flatten()
                .collect(),
            _ => rows.into_iter().collect(),
        }
    }

    fn voters(&self, at: usize) -> &[String] {
        self.votes.get(&at).map_or(&[], Vec::as_slice)
    }
}

/// The options of a poll of numbers.
fn numbers(attributes: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let number = |name: &str, or: usize| -> Result<usize, String> {
        let said = attributes.get(name).map(|text| text.parse());
        said.unwrap_or(Ok(or)).map_err(|_| format!("{name} must be a number"))
    };
    let (min, max, step) = (number("min", 1)?, number("max", MOST_OPTIONS)?, number("step", 1)?);
    if max < min || step == 0 || (max - min + 1) / step < 2 {
        return Err("Max must be greater than min".to_owned());
    }
    Ok((min..=max).step_by(step).map(|number| number.to_string()).collect())
}

/// What a poll has to be.
fn check(attributes: &BTreeMap<String, String>, options: &[String]) -> Result<(), String> {
    let results = attributes.get("results").map_or("always", String::as_str);
    if !["always", "on_vote", "on_close", "staff_only"].contains(&results) {
        return Err(format!("Invalid value '{results}' for argument 'results'."));
    }
    if options.iter().collect::<BTreeSet<_>>().len() < options.len() {
        return Err("Poll must have different options.".to_owned());
    }
    if options.iter().any(|option| option.trim().is_empty()) {
        return Err("Poll must not have any empty options.".to_owned());
    }
    match options.len() {
        0 => Err("Poll must have at least 1 option.".to_owned()),
        count if count > MOST_OPTIONS => Err("Poll must have less than 20 options.".to_owned()),
        count => check_choices(attributes, count),
    }
}

/// How many options of a poll `multiple` one may choose.
fn check_choices(attributes: &BTreeMap<String, String>, count: usize) -> Result<(), String> {
    let number = |name: &str, or| attributes.get(name).map_or(Some(or), |text| text.parse().ok());
    let (min, max): (Option<usize>, Option<usize>) = (number("min", 1), number("max", count));
    let is_multiple = attributes.get("type").is_some_and(|kind| kind == "multiple");
    match (min, max) {
        _ if !is_multiple => Ok(()),
        (Some(min @ 1..), Some(max)) if min <= max && max <= count && min < count => Ok(()),
        _ => Err("Poll with multiple choices has invalid parameters.".to_owned()),
    }
}

/// As the forum makes HTML of it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn digest(at: usize) -> String {
    format!("d8166958d0c9b9f5917456ef69a404{at:02}")
}

fn named<'v>(voters: impl Iterator<Item = &'v String>) -> Value {
    voters.map(|name| json!({ "id": 7, "username": name, "name": name })).collect()
}

pub async fn toggle(
    State(kept): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    let asked = read(&headers, &body)?;
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut kept = lock(&kept);
    let post = kept
        .posts
        .iter_mut()
        .find(|post| post.id.to_string() == text("post_id") && !post.is_deleted);
    let poll = post.and_then(|post| post.poll.as_mut()).filter(|_| text("poll_name") == "poll");
    let poll = poll.ok_or_else(|| invalid("The post is deleted"))?;
    poll.is_closed = text("status") == "closed";
    Ok(Json(json!({ "poll": poll.shown() })))
}

pub async fn voters(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<usize>().ok());
    let kept = lock(&kept);
    let post = kept.posts.iter().find(|post| Some(post.id as usize) == number("post_id"));
    let poll = post.and_then(|post| post.poll.as_ref()).filter(|poll| poll.is_public());
    let poll =
        poll.ok_or_else(|| invalid("You supplied invalid parameters to the request: poll_name"))?;
    let option = asked.get("option_id").map(String::as_str).unwrap_or_default();
    let at = (0..poll.options.len()).find(|at| digest(*at) == option);
    let at =
        at.ok_or_else(|| invalid("You supplied invalid parameters to the request: option_id"))?;
    let limit = number("limit").unwrap_or(25).clamp(1, 50);
    let voters = poll.page(Some(at), number("page").unwrap_or(1).max(1), limit);
    Ok(Json(json!({ "voters": voters })))
}
