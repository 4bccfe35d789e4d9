//! Polls the platform for new posts. It never keeps the key.

use moothall_sdk::serde_json::Value;
use moothall_sdk::{Result, Secret, http};
use serde::Deserialize;

/// A post on the platform. Newer posts have greater ids.
#[derive(Deserialize)]
pub struct Post {
    pub id: u64,
    #[serde(flatten)]
    pub data: Value,
}

/// The posts after the one with this id, oldest first.
pub fn posts_after(server: &str, key: &Secret, id: u64) -> Result<Vec<Post>> {
    http::get(format!("{}/posts", server.trim_end_matches('/')))
        .query(&[("after", id.to_string())])
        .bearer(key)
        .fetch()
}
