//! All exports that no driver calls, without a warning.

#![deny(warnings)]

use moothall_sdk::manifest::Hook;
use moothall_sdk::serde_json::Value;
use moothall_sdk::{
    Change, Empty, Envelope, Moment, Point, Result, RouteRequest, Sending, Verdict, WebhookResponse, metrics,
    plugin,
};

const LISTED: &str = "org.example.listed.v1";

struct Watcher;

#[plugin(
    name = "watcher",
    scope = "host",
    resident,
    hooks(Hook::new(LISTED).alias("Listed").mutable("/courses"), own_hook()),
    requests(tcp("redis.internal:6379", "[::1]:6379"))
)]
impl Watcher {
    fn close(&self) -> Result<()> {
        Ok(())
    }

    #[filter(hook = "org.moothall.action.requested.v1", order = -1, fail_silently = false)]
    fn guard(&self, _data: Value) -> Result<Verdict> {
        Ok(Verdict::halt("PreventAction", "not now").status_code(409))
    }

    #[filter(hook = "org.example.listed.v1", description = "Shows less.")]
    fn list(&self, data: Vec<String>) -> Result<Verdict> {
        Verdict::update(data)
    }

    #[worker(name = "changes", events("api.change"), enabled = wants)]
    fn changed(&self, event: Envelope) -> Result<()> {
        event.data::<Change>().map(drop)
    }

    #[worker(name = "sender", events("sending_event"), ordering = "unordered")]
    fn sent(&self, event: Envelope) -> moothall_sdk::Result<()> {
        event.data::<Sending>().map(drop)
    }

    fn wants(&self, _config: Empty) -> Result<bool> {
        Ok(metrics()?.is_empty())
    }

    #[monitoring]
    fn points(&self, points: Vec<Point>) -> Result<()> {
        drop(points);
        Ok(())
    }

    #[schedule(name = "morning", cron = "0 9 * * 1", time_zone = "Europe/Berlin")]
    fn morning(&self, _scheduled_at: Moment) -> Result<()> {
        Ok(())
    }

    #[schedule(name = "flush", every = "10s", jitter = "1s")]
    fn flush(&self, _scheduled_at: Moment) -> Result<()> {
        Ok(())
    }

    #[route(path = "/teapot/{id}", auth = "public")]
    fn teapot(&self, request: RouteRequest) -> Result<WebhookResponse> {
        let id = request.capture("id").unwrap_or_default();
        Ok(WebhookResponse::status(418).text(id))
    }
}

fn own_hook() -> Hook {
    Hook::new("org.example.opened.v1").input::<Empty>().exception("PreventOpening").budget_ms(500)
}

fn main() {}
