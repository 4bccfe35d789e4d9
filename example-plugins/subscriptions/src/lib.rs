//! Subscriptions: people say which stories they follow, and the plugin emits an event for each
//! follower when a story changes.

use std::collections::BTreeSet;

use moothall_sdk::serde_json::Value;
use moothall_sdk::{Change, Envelope, Error, Event, Plugin, Result, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most followers of a story: each gets an event, and a call can emit at most a hundred.
const SUBSCRIBERS: usize = 100;

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Whether the worker handles changes.
    #[serde(default = "yes")]
    enable_notifications: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, JsonSchema)]
struct Subscription {
    /// Who follows it.
    subscriber: String,
    /// The story's id.
    story: String,
}

#[derive(Deserialize, JsonSchema)]
struct Story {
    /// Its id.
    story: String,
}

#[derive(Serialize, JsonSchema)]
struct Subscribers {
    subscribers: BTreeSet<String>,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("story_changed", description = "A story that somebody follows has changed.")]
struct StoryChanged {
    /// Who follows it.
    subscriber: String,
    story: String,
    /// Who changed the story.
    author: Option<String>,
    method: String,
    before: Value,
    after: Value,
}

struct Subscriptions;

#[plugin(
    name = "subscriptions",
    title = "Subscriptions",
    config = Config,
    description = "Tells people about changes of the stories that they follow.",
    on_config_change = "keep",
    events(StoryChanged)
)]
impl Subscriptions {
    #[action(slug = "subscribe", description = "Begins to follow a story.")]
    fn subscribe(&self, parameters: Subscription) -> Result<Subscribers> {
        let mut subscribers = self.subscribers(&parameters.story)?;
        subscribers.insert(parameters.subscriber);
        if subscribers.len() > SUBSCRIBERS {
            let message = format!("a story has at most {SUBSCRIBERS} subscribers");
            return Err(Error::conflict(message));
        }
        self.state().set(&key(&parameters.story), &subscribers)?;
        Ok(Subscribers { subscribers })
    }

    #[action(slug = "unsubscribe", description = "Ends to follow a story.")]
    fn unsubscribe(&self, parameters: Subscription) -> Result<Subscribers> {
        let mut subscribers = self.subscribers(&parameters.story)?;
        if !subscribers.remove(&parameters.subscriber) {
            let Subscription { subscriber, story } = parameters;
            return Err(Error::not_found(format!(
                "'{subscriber}' does not follow story '{story}'"
            )));
        }
        self.state().set(&key(&parameters.story), &subscribers)?;
        Ok(Subscribers { subscribers })
    }

    #[action(slug = "subscribers", description = "Who follows a story.", read_only)]
    fn list(&self, Story { story }: Story) -> Result<Subscribers> {
        Ok(Subscribers { subscribers: self.subscribers(&story)? })
    }

    #[worker(
        name = "notify",
        events("api.change"),
        matches("/resource=story"),
        ordering = "fifo",
        enabled = wants
    )]
    fn notify(&self, event: Envelope) -> Result<()> {
        let change: Change = event.data()?;
        // Nobody can have followed a new story, which has no id yet.
        let Some(story) = change.resource_id.clone() else { return Ok(()) };
        for subscriber in self.subscribers(&story)? {
            self.events().emit(&story_changed(subscriber, story.clone(), change.clone()))?;
        }
        Ok(())
    }

    fn wants(&self, config: Config) -> Result<bool> {
        Ok(config.enable_notifications)
    }

    fn subscribers(&self, story: &str) -> Result<BTreeSet<String>> {
        Ok(self.state().get(&key(story))?.unwrap_or_default())
    }
}

fn key(story: &str) -> String {
    format!("story/{story}")
}

fn story_changed(subscriber: String, story: String, change: Change) -> StoryChanged {
    let Change { author, method, resource_before, resource_after, .. } = change;
    StoryChanged {
        subscriber,
        story,
        author,
        method,
        before: resource_before,
        after: resource_after,
    }
}

#[cfg(test)]
mod tests;
