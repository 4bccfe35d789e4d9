//! Asks a feed for news, tells drivers of each item as an event, and counts them once a day: what a plugin does by itself.

mod feed;

use moothall_sdk::prelude::*;
use moothall_sdk::{Envelope, log};

/// What a community sets when it enables the plugin.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The feed's URL. The operator grants its host.
    feed_url: String,
}

/// What drivers are told, and this plugin's worker.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event("item_found", description = "The feed has a new item.")]
struct ItemFound {
    id: u64,
    title: String,
}

#[derive(Serialize, JsonSchema)]
struct Report {
    /// The items of today so far.
    today: u64,
    /// The items of the day before.
    yesterday: Option<u64>,
}

struct MyPlugin;

#[plugin(
    name = "my-plugin",
    title = "My Plugin",
    config = Config,
    description = "Asks a feed for news.",
    requests(http("config:/feed_url"))
)]
impl MyPlugin {
    /// Called for each community. What it writes is committed together with the time of the next call.
    #[producer(every = "60s", jitter = "5s", events(ItemFound))]
    fn poll(&self) -> Result<()> {
        let last = self.state().get("last_id")?.unwrap_or(0);
        for item in feed::items_after(&self.config()?.feed_url, last)? {
            self.state().set("last_id", &item.id)?;
            self.events().emit(&item)?;
        }
        Ok(())
    }

    /// Handles each event once, at its own pace.
    #[worker(name = "count", events("my-plugin:item_found"))]
    fn count(&self, event: Envelope) -> Result<()> {
        let item: ItemFound = event.data()?;
        let today = self.state().get::<u64>("today")?.unwrap_or(0) + 1;
        log::info(format_args!("`{}` is item {today} of today", item.title));
        self.state().set("today", &today)
    }

    #[schedule(name = "midnight", cron = "0 0 * * *")]
    fn midnight(&self, _scheduled_at: Moment) -> Result<()> {
        let today = self.state().get::<u64>("today")?.unwrap_or(0);
        self.state().set("yesterday", &today)?;
        self.state().set("today", &0)
    }

    #[action(slug = "report", description = "How many items there were.", read_only)]
    fn report(&self) -> Result<Report> {
        let today = self.state().get("today")?.unwrap_or(0);
        Ok(Report {
            today,
            yesterday: self.state().get("yesterday")?,
        })
    }
}

#[cfg(test)]
mod tests;
