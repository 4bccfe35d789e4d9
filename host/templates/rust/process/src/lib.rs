//! A vote: webhooks bring the ballots; it ends when enough people have voted, or when somebody closes it.

mod vote;

use moothall_sdk::prelude::*;
use vote::Vote;

/// What a community sets when it enables the plugin.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Makes the URL for ballots hard to guess: its last part.
    #[expect(dead_code, reason = "the host compares it with the URL of a webhook")]
    webhook_slug: String,
}

struct MyPlugin;

#[plugin(
    name = "my-plugin",
    title = "My Plugin",
    config = Config,
    description = "Votes.",
    processes(Vote)
)]
impl MyPlugin {}

#[cfg(test)]
mod tests;
