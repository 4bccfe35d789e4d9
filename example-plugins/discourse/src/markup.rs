//! A poll as drivers say it, and as the forum writes it.

use moothall_sdk::prelude::*;
use moothall_sdk::voting::Vote;

use crate::Config;

#[derive(Deserialize, JsonSchema)]
pub struct StartPoll {
    #[serde(flatten)]
    pub vote: Vote,
    /// The topic in which it is posted. Without it and `topic_id` of the configuration, it is a topic of its own.
    topic_id: Option<i64>,
    /// The category of its own topic.
    category: Option<i64>,
    #[serde(default)]
    poll_type: PollType,
    /// Whether people see who voted for what.
    public: Option<bool>,
    /// When to show results.
    results: Option<Results>,
    /// The least number, or the fewest options that one may choose.
    min: Option<u32>,
    /// The greatest number, or the most options that one may choose.
    max: Option<u32>,
    /// The step between numbers.
    step: Option<u32>,
    chart_type: Option<ChartType>,
    /// The groups whose members may vote.
    groups: Option<Vec<String>>,
}

#[derive(Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum PollType {
    #[default]
    Regular,
    Multiple,
    Number,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Results {
    Always,
    OnVote,
    OnClose,
    StaffOnly,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ChartType {
    Pie,
    Bar,
}

impl StartPoll {
    /// The post. Completes the vote's options.
    pub fn post(&mut self, config: &Config) -> Result<Value> {
        let is_number = self.poll_type == PollType::Number;
        let options = if is_number { Vec::new() } else { self.vote.options()? };
        let title = &self.vote.title;
        if options.iter().chain([title]).any(|line| line.contains('\n')) {
            return Err(Error::invalid("the title and each option are one line"));
        }
        let details = self.vote.details.as_deref().unwrap_or_default();
        let list: String = options.iter().map(|option| format!("* {option}\n")).collect();
        let raw =
            format!("{details}\n\n[poll{}]\n# {title}\n{list}[/poll]", self.attributes(config)?);
        let topic = self.topic_id.or(config.topic_id.filter(|_| self.category.is_none()));
        let category = self.category.or(config.category);
        let post = json!({ "raw": raw, "title": title, "category": category, "topic_id": topic });
        self.vote.options = Some(options);
        Ok(post)
    }

    /// ` type=regular close=2026-01-31T12:00:00Z`
    fn attributes(&self, config: &Config) -> Result<String> {
        let given = |number: Option<u32>| number.filter(|number| *number > 0);
        let all = json!([
            ["type", self.poll_type],
            ["close", self.vote.closing_at],
            ["groups", self.groups()?],
            ["public", self.is_public(config)?.then_some(true)],
            ["chartType", self.chart_type],
            ["min", self.min],
            ["max", given(self.max)],
            ["step", given(self.step)],
            ["results", self.results]
        ]);
        let said = all.as_array().into_iter().flatten().filter(|one| !one[1].is_null());
        let said: String = said.map(|one| format!(" {}={}", one[0], one[1])).collect();
        Ok(said.replace('"', ""))
    }

    fn is_public(&self, config: &Config) -> Result<bool> {
        let is_restricted = self.vote.eligible_voters.is_some();
        let is_public = self.public.unwrap_or(config.public || is_restricted);
        if is_restricted && (!is_public || self.poll_type == PollType::Number) {
            return Err(Error::invalid(
                "the forum says only of a 'public' poll, and not of a 'number' poll, who voted for what, which 'eligible_voters' needs",
            ));
        }
        Ok(is_public)
    }

    fn groups(&self) -> Result<Option<String>> {
        let Some(groups) = &self.groups else { return Ok(None) };
        let ends_a_name = |letter: char| letter.is_whitespace() || "],\"'\\".contains(letter);
        if groups.iter().any(|name| name.is_empty() || name.contains(ends_a_name)) {
            return Err(Error::invalid("'groups' are names of groups, as in their URLs"));
        }
        Ok(Some(groups.join(",")))
    }
}
