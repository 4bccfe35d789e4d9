//! The plugin of the tutorial: a configuration with a secret and a default, state, actions,
//! receivers of webhooks, a producer, a governance process, and OAuth.

mod authorization;
mod double;
mod my_gov_process;
mod platform;

use double::double;
use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Number, Value, json};
use moothall_sdk::{
    Event, Plugin, Result, Routed, Secret, WebhookRequest, WebhookResponse, log, plugin,
};
use my_gov_process::MyGovProcess;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Config {
    /// The key of the community's account on the platform.
    api_key: Secret,
    #[serde(default = "default_foo")]
    foo: String,
    /// Makes the URL for webhooks hard to guess.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_slug: Option<String>,
    /// The platform's id of the community, for webhooks of the whole platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<String>,
    /// The platform's URL. Without it, the producer does nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_url: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// The platform's URL for OAuth: `https://platform.example`.
    oauth_base_url: Option<String>,
    /// The issuer that the platform must name in its answers.
    #[expect(dead_code, reason = "the host compares it with what the platform says")]
    oauth_issuer: Option<String>,
    #[serde(default = "default_client_id")]
    client_id: String,
    client_secret: Option<Secret>,
}

fn default_client_id() -> String {
    "tutorial".to_owned()
}

fn default_foo() -> String {
    "bar".to_owned()
}

#[derive(Deserialize, JsonSchema)]
struct TimesTwo {
    /// The number to double.
    value: Number,
}

#[derive(Serialize, JsonSchema)]
struct Doubled {
    result: Number,
}

#[derive(Deserialize, JsonSchema)]
struct MyAction {
    /// Stored as `obj.x`.
    x: i64,
}

#[derive(Serialize, JsonSchema)]
struct Stored {
    /// The state's `foo`, which `initialize` stored; the config's `foo` is another value.
    foo: Option<String>,
    obj: Obj,
}

#[derive(Serialize, JsonSchema)]
struct Obj {
    x: i64,
}

/// Something was posted on the platform; the data is the platform's.
#[derive(Event, Serialize, JsonSchema)]
#[event("post_created", description = "Something was posted on the platform.")]
#[serde(transparent)]
struct PostCreated(Value);

/// The body of the platform's webhook.
#[derive(Deserialize)]
struct Posted {
    data: Value,
    /// The account that posted.
    account: String,
}

struct Tutorial;

#[plugin(
    name = "tutorial",
    title = "Tutorial",
    homepage = "https://docs.metagov.org",
    config = Config,
    settings = Settings,
    description = "The plugin of the tutorial.",
    auth_type = "api_key",
    processes(MyGovProcess),
    route_keys("/community_id"),
    oauth(types("app", "user"), issuer = "settings:/oauth_issuer"),
    // The platform's URL and its URL for OAuth. The operator grants both.
    requests(http("config:/server_url", "settings:/oauth_base_url")),
)]
impl Tutorial {
    fn initialize(&self) -> Result<()> {
        log::info(format_args!("initialized with foo = {}", self.config()?.foo));
        // In the state, whatever the config's `foo` is.
        self.state().set("foo", "bar")
    }

    #[action(slug = "times-two", description = "Doubles a number.", public, read_only)]
    fn times_two(&self, parameters: TimesTwo) -> Result<Doubled> {
        Ok(Doubled { result: double(&parameters.value)? })
    }

    #[action(slug = "my-action", description = "Reads the state and adds an object to it.")]
    fn my_action(&self, parameters: MyAction) -> Result<Stored> {
        let obj = Obj { x: parameters.x };
        self.state().set("obj", &obj)?;
        Ok(Stored { foo: self.state().get("foo")?, obj })
    }

    #[webhook(events(PostCreated))]
    fn my_webhook_receiver(&self, request: WebhookRequest) -> Result<Option<WebhookResponse>> {
        if my_gov_process::is_vote(&request) {
            return Ok(None);
        }
        let Posted { data, account } = request.json()?;
        let initiator = json!({ "user_id": account, "provider": "identity-provider-key" });
        self.events().event(&PostCreated(data))?.initiator(initiator).emit()?;
        Ok(Some(WebhookResponse::ok()))
    }

    #[global_webhook]
    fn process_event(&self, request: WebhookRequest) -> Result<Routed> {
        if request.header("custom-event-header").is_none() {
            return Ok(Routed::nowhere());
        }
        let body: Value = request.json()?;
        let community = body.get("community_id").and_then(Value::as_str);
        Ok(community.map_or_else(Routed::nowhere, |id| Routed::to_route_key("/community_id", id)))
    }

    #[producer(every = "60s", jitter = "5s", events(PostCreated))]
    fn my_task_function(&self) -> Result<()> {
        let Some(server) = self.config()?.server_url else {
            return Ok(());
        };
        let since = self.state().get("last_post")?.unwrap_or(0);
        for post in platform::posts_after(&server, &self.secret("/api_key"), since)? {
            self.state().set("last_post", &post.id)?;
            self.events()
                .event(&PostCreated(post.data))?
                .dedupe_key(format!("post-{}", post.id))
                .emit()?;
        }
        Ok(())
    }

    #[authorize_url]
    fn construct_oauth_authorize_url(&self, request: AuthorizeRequest) -> Result<String> {
        authorization::url(&self.settings()?, &request)
    }

    #[oauth_callback]
    fn handle_oauth_callback(&self, callback: OAuthCallback) -> Result<Authorized> {
        authorization::complete(&self.settings()?, &callback)
    }
}

#[cfg(test)]
mod tests;
