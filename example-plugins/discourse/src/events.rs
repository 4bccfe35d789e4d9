//! The forum's webhooks, as events.

use moothall_sdk::prelude::*;

use crate::{Discourse, api, users};

#[derive(Event, Serialize, JsonSchema)]
#[event("post_created", description = "Somebody posted.")]
pub struct PostCreated {
    raw: String,
    topic_id: i64,
    id: i64,
    url: String,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("topic_created", description = "Somebody began a topic.")]
pub struct TopicCreated {
    title: Value,
    id: i64,
    /// Their names; null if the forum does not show them.
    tags: Option<Vec<Value>>,
    category: Value,
    url: String,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("user_fields_changed", description = "The user fields of somebody changed.")]
pub struct UserFieldsChanged {
    pub id: i64,
    pub username: String,
    pub user_fields: Value,
    /// Null if they were not known.
    pub old_user_fields: Option<Value>,
}

/// Emits what the webhook says. The host has checked its signature.
pub fn receive(plugin: &Discourse, request: &WebhookRequest) -> Result<()> {
    let forum = api::forum(plugin)?;
    let from = request.header("X-Discourse-Instance").unwrap_or_default();
    if from.trim_end_matches('/') != forum {
        return Err(Error::forbidden(format!(
            "the webhook is from '{from}', and not from {forum}"
        )));
    }
    let body: Value = request.json()?;
    match request.header("X-Discourse-Event") {
        Some("post_created") => post_created(plugin, &forum, &body["post"]),
        Some("topic_created") => topic_created(plugin, &forum, &body["topic"]),
        Some("user_updated") => user_updated(plugin, &body["user"]),
        _ => Ok(()),
    }
}

fn post_created(plugin: &Discourse, forum: &str, post: &Value) -> Result<()> {
    let post = api::Post::deserialize(post)?;
    let url = post.url(forum);
    let api::Post { id, topic_id, raw, username, .. } = post;
    let event = plugin.events().event(&PostCreated { raw, topic_id, id, url })?;
    event.initiator(by(&username)).dedupe_key(format!("post-{id}")).emit().map(drop)
}

fn topic_created(plugin: &Discourse, forum: &str, topic: &Value) -> Result<()> {
    let (Some(id), Some(slug)) = (topic["id"].as_i64(), topic["slug"].as_str()) else {
        return Err(Error::invalid("the webhook has no topic with an id and a slug"));
    };
    let url = format!("{forum}/t/{slug}/{id}");
    let by = by(topic["created_by"]["username"].as_str().unwrap_or_default());
    let [title, category] = ["title", "category_id"].map(|name| topic[name].clone());
    let tags = topic["tags"].as_array().map(|tags| tags.iter().map(name_of).collect());
    let event = plugin.events().event(&TopicCreated { title, id, tags, category, url })?;
    event.initiator(by).dedupe_key(format!("topic-{id}")).emit().map(drop)
}

/// A tag's own name: since 2026 the forum sends an object for each tag, with the translated name as `name`.
fn name_of(tag: &Value) -> Value {
    ["original_name", "name"].iter().find_map(|name| tag.get(name)).unwrap_or(tag).clone()
}

fn user_updated(plugin: &Discourse, user: &Value) -> Result<()> {
    let Some(changed) = users::changed(plugin, users::User::deserialize(user)?)? else {
        return Ok(());
    };
    plugin.events().event(&changed)?.initiator(by(&changed.username)).emit().map(drop)
}

fn by(username: &str) -> Value {
    json!({ "user_id": username, "provider": "discourse" })
}
