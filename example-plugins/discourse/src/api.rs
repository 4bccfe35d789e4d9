//! Discourse's API. The host places the key.

use std::time::Duration;

use moothall_sdk::http::{self, Request};
use moothall_sdk::prelude::*;
use moothall_sdk::{from_value, to_value};
use serde::de::DeserializeOwned;

use crate::Discourse;

/// For how long a call waits when it asks the forum too often.
const PATIENCE: Duration = Duration::from_secs(3);

/// The post that was created.
#[derive(Serialize, JsonSchema)]
pub struct Posted {
    pub url: String,
    pub post_id: i64,
    topic_id: i64,
}

/// A post as the forum and its webhooks say it.
#[derive(Deserialize)]
pub struct Post {
    pub id: i64,
    pub topic_id: i64,
    topic_slug: String,
    post_number: i64,
    pub username: String,
    #[serde(default)]
    pub raw: String,
}

impl Post {
    pub fn url(&self, forum: &str) -> String {
        format!("{forum}/t/{}/{}/{}", self.topic_slug, self.topic_id, self.post_number)
    }
}

/// The forum's URL.
pub fn forum(instance: &impl Instance<Discourse>) -> Result<String> {
    Ok(instance.config()?.server_url.trim_end_matches('/').to_owned())
}

pub fn get<T: DeserializeOwned>(instance: &impl Instance<Discourse>, path: &str) -> Result<T> {
    request(instance, "GET", path)?.fetch_for_caller()
}

/// Does something that needs no more than its path; returns `{}`, as the original, whatever the forum says.
pub fn perform(instance: &impl Instance<Discourse>, method: &str, path: &str) -> Result<Value> {
    request(instance, method, path)?.send()?.error_for_caller()?;
    Ok(json!({}))
}

/// Sends a form.
pub fn send<T: DeserializeOwned>(
    instance: &impl Instance<Discourse>,
    method: &str,
    path: &str,
    form: &[(&str, String)],
) -> Result<T> {
    request(instance, method, path)?.form(form).fetch_for_caller()
}

/// Creates a post: what a driver said, and more.
pub fn create<T: Serialize>(
    instance: &impl Instance<Discourse>,
    post: &T,
    more: &[(&str, &str)],
) -> Result<Posted> {
    let mut body = to_value(post)?;
    for (name, value) in more {
        body[*name] = (*value).into();
    }
    let created: Value =
        request(instance, "POST", "posts.json")?.json_given(&body).fetch_for_caller()?;
    if created["action"] == "enqueued" {
        return Err(Error::conflict("the forum holds the post back until a moderator approves it"));
    }
    let post: Post = from_value(&created)?;
    Ok(Posted { url: post.url(&forum(instance)?), post_id: post.id, topic_id: post.topic_id })
}

fn request(instance: &impl Instance<Discourse>, method: &str, path: &str) -> Result<Request> {
    let config = instance.config()?;
    let url = format!("{}/{path}", config.server_url.trim_end_matches('/'));
    let request = http::request(method, url).patient(PATIENCE);
    let request = request.secret_header("Api-Key", "", &config.api_key);
    Ok(match config.api_username {
        Some(name) => request.header("Api-Username", name),
        None => request,
    })
}
