//! Discussions, members and polls of Loomio groups.

mod api;
mod parameters;
mod poll;
mod results;

use api::Group;
use moothall_sdk::prelude::*;
use parameters::{CreateDiscussion, ListMembers};
use poll::Poll;

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The API key of the Loomio user who acts for the community.
    api_key: Secret,
    /// The keys of other users, for subgroups that the first one is not in.
    #[serde(default)]
    subgroup_api_keys: Vec<Secret>,
    /// The community's group, by its key or its handle. Without it: the first one of `api_key`'s user.
    group: Option<String>,
    /// Makes the URL for webhooks hard to guess.
    #[expect(dead_code, reason = "the host compares it with the URL")]
    webhook_slug: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// Where Loomio is.
    #[serde(default = "loomio_com")]
    api_url: String,
}

fn loomio_com() -> String {
    "https://www.loomio.com".to_owned()
}

struct Loomio;

#[plugin(
    name = "loomio",
    title = "Loomio",
    homepage = "https://www.loomio.com",
    config = Config,
    settings = Settings,
    description = "Discussions, members and polls of Loomio groups.",
    auth_type = "api_key",
    community_platform_id_key = "group",
    on_config_change = "keep",
    processes(Poll),
    requests(http("settings:/api_url"))
)]
impl Loomio {
    fn initialize(&self) -> Result<()> {
        Group::find(self, None).map(drop)
    }

    #[action(slug = "list-members", description = "The members of a group, and their users.")]
    fn list_members(&self, ListMembers { subgroup }: ListMembers) -> Result<Value> {
        Group::find(self, subgroup.as_deref())?.members()
    }

    #[action(slug = "create-discussion", description = "Starts a discussion in a group.")]
    fn create_discussion(&self, discussion: CreateDiscussion) -> Result<Value> {
        let group = Group::find(self, discussion.subgroup.as_deref())?;
        group.create("discussion", &discussion)
    }

    /// Loomio's webhooks are for polls, which receive them themselves.
    #[webhook]
    fn receive(&self, _request: WebhookRequest) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
