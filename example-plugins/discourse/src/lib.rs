//! Posts, topics, messages, users and polls of a Discourse forum.

mod api;
mod events;
mod markup;
mod poll;
mod results;
mod users;

use api::Posted;
use events::{PostCreated, TopicCreated, UserFieldsChanged};
use moothall_sdk::prelude::*;
use poll::Poll;

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The API key of a bot that is an admin. What the plugin does, this user does.
    api_key: Secret,
    /// The URL of the forum.
    server_url: String,
    /// A random text, entered on the forum as the webhook's secret too.
    #[expect(dead_code, reason = "the host checks signatures with it")]
    webhook_secret: Secret,
    /// The bot's name, for a key that is valid for all users.
    api_username: Option<String>,
    /// Where polls are, unless they say it: the id of a category, or of a topic.
    category: Option<i64>,
    /// The id of a topic.
    topic_id: Option<i64>,
    /// Whether polls show who voted for what, unless they say it.
    #[serde(default)]
    public: bool,
    /// The outcome of a poll has numbers of votes without voters, as that of Metagov's plugin.
    #[serde(default)]
    votes_as_numbers: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct CreateMessage {
    title: Option<String>,
    /// The text.
    raw: String,
    is_warning: Option<bool>,
    /// The thread that it answers; without it, it begins one.
    topic_id: Option<i64>,
    #[serde(skip_serializing)]
    target_usernames: Vec<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct CreatePost {
    /// The text.
    raw: String,
    topic_id: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct CreateTopic {
    /// The text.
    raw: String,
    title: String,
    category: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Id {
    id: i64,
}

#[derive(Deserialize, JsonSchema)]
struct LockPost {
    id: i64,
    locked: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Locked {
    locked: bool,
}

struct Discourse;

#[plugin(
    name = "discourse",
    title = "Discourse",
    homepage = "https://www.discourse.org",
    config = Config,
    description = "Posts, topics, messages, users and polls of a Discourse forum.",
    auth_type = "api_key",
    community_platform_id_key = "server_url",
    on_config_change = "keep",
    processes(Poll),
    requests(http("config:/server_url"))
)]
impl Discourse {
    fn initialize(&self) -> Result<()> {
        let about: Value = api::get(self, "about.json")?;
        self.state().set("community_name", &about["about"]["title"])?;
        users::learn(self)
    }

    #[action(slug = "create-message", description = "Starts or answers a private message.")]
    fn create_message(&self, message: CreateMessage) -> Result<Posted> {
        let recipients = message.target_usernames.join(",");
        let kind = message.topic_id.map_or("private_message", |_| "regular");
        api::create(
            self,
            &message,
            &[("target_recipients", recipients.as_str()), ("archetype", kind)],
        )
    }

    #[action(slug = "create-post", description = "Creates a post in a topic.")]
    fn create_post(&self, post: CreatePost) -> Result<Posted> {
        api::create(self, &post, &[])
    }

    #[action(slug = "create-topic", description = "Creates a topic in a category.")]
    fn create_topic(&self, topic: CreateTopic) -> Result<Posted> {
        api::create(self, &topic, &[])
    }

    #[action(slug = "delete-post", description = "Deletes a post.")]
    fn delete_post(&self, Id { id }: Id) -> Result<Value> {
        api::perform(self, "DELETE", &format!("posts/{id}.json"))
    }

    #[action(slug = "delete-topic", description = "Deletes a topic.")]
    fn delete_topic(&self, Id { id }: Id) -> Result<Value> {
        api::perform(self, "DELETE", &format!("t/{id}.json"))
    }

    #[action(slug = "recover-post", description = "Recovers a deleted post.")]
    fn recover_post(&self, Id { id }: Id) -> Result<Value> {
        api::perform(self, "PUT", &format!("posts/{id}/recover.json"))
    }

    #[action(slug = "recover-topic", description = "Recovers a deleted topic.")]
    fn recover_topic(&self, Id { id }: Id) -> Result<Value> {
        api::perform(self, "PUT", &format!("t/{id}/recover.json"))
    }

    #[action(slug = "lock-post", description = "Locks or unlocks a post.")]
    fn lock_post(&self, LockPost { id, locked }: LockPost) -> Result<Locked> {
        let form = [("locked", locked.to_string())];
        api::send(self, "PUT", &format!("posts/{id}/locked.json"), &form)
    }

    #[webhook(
        events(PostCreated, TopicCreated, UserFieldsChanged),
        verify(
            scheme = "hmac-sha256",
            secret = "/webhook_secret",
            header = "X-Discourse-Event-Signature",
            prefix = "sha256="
        )
    )]
    fn receive(&self, request: WebhookRequest) -> Result<()> {
        events::receive(self, &request)
    }

    /// Learns what user fields people have, some at a time, so that a change of them is seen as one.
    #[producer(every = "5m", jitter = "30s")]
    fn learn(&self) -> Result<()> {
        users::learn(self)
    }
}

#[cfg(test)]
mod tests;
