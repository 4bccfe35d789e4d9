//! Receives a platform's webhooks, whose signatures the host checks, and tells drivers of each as an event.

use moothall_sdk::log;
use moothall_sdk::prelude::*;

/// What a community sets when it enables the plugin.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// With what the platform signs its webhooks.
    #[expect(dead_code, reason = "the host checks the signatures, see `verify`")]
    signing_secret: Secret,
    /// Posts of these accounts are no events.
    #[serde(default)]
    ignored_accounts: Vec<String>,
}

/// The body of the platform's webhook.
#[derive(Deserialize)]
struct Posted {
    id: String,
    account: String,
    text: String,
}

/// What drivers are told.
#[derive(Event, Serialize, JsonSchema)]
#[event("posted", description = "Somebody posted on the platform.")]
struct PostedEvent {
    /// The platform's id of the post.
    id: String,
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Received {
    /// How many posts became events.
    posts: u64,
}

struct MyPlugin;

#[plugin(
    name = "my-plugin",
    title = "My Plugin",
    config = Config,
    description = "Turns a platform's webhooks into events.",
    auth_type = "api_key"
)]
impl MyPlugin {
    #[webhook(
        events(PostedEvent),
        verify(
            scheme = "hmac-sha256",
            secret = "/signing_secret",
            header = "X-Signature-256",
            prefix = "sha256="
        )
    )]
    fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse> {
        let Posted { id, account, text } = request.json()?;
        if self.config()?.ignored_accounts.contains(&account) {
            log::info(format_args!("post {id} of {account} is ignored"));
            return Ok(WebhookResponse::ok());
        }
        let posts = self.state().get::<u64>("posts")?.unwrap_or(0) + 1;
        self.state().set("posts", &posts)?;
        let initiator = json!({ "user_id": account, "provider": "my-plugin" });
        // A platform that sends a post twice makes one event.
        let dedupe_key = format!("post-{id}");
        let event = self.events().event(&PostedEvent { id, text })?;
        event.initiator(initiator).dedupe_key(dedupe_key).emit()?;
        Ok(WebhookResponse::ok())
    }

    #[action(
        slug = "received",
        description = "How many posts became events.",
        read_only
    )]
    fn received(&self) -> Result<Received> {
        Ok(Received {
            posts: self.state().get("posts")?.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests;
