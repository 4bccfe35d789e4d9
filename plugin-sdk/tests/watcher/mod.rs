//! A plugin with one of each export that no driver calls, and one without host scope.

use std::cell::Cell;

use moothall_sdk::manifest::Hook;
use moothall_sdk::serde_json::json;
use moothall_sdk::{
    Change, Envelope, Error, Moment, Plugin, Point, Result, RouteRequest, Verdict, WebhookResponse,
    metrics, plugin,
};
use schemars::JsonSchema;
use serde::Deserialize;

thread_local! {
    static POINTS: Cell<usize> = const { Cell::new(0) };
}

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    #[serde(default)]
    is_off: bool,
}

#[derive(Deserialize)]
struct Wish {
    wish: String,
}

pub struct Watcher;

#[plugin(
    name = "watcher",
    config = Config,
    scope = "host",
    resident,
    hooks(
        Hook::new("org.example.opened.v1")
            .alias("Opened")
            .description("Before it is opened.")
            .mutable("/form")
            .sensitive("/form/password")
            .exception("PreventOpening")
            .exception("RedirectToPage")
            .exception("RenderCustomResponse")
            .halt_exception("RedirectToPage")
            .budget_ms(500)
    ),
    requests(tcp("redis.internal:6379"))
)]
impl Watcher {
    fn close(&self) -> Result<()> {
        self.state().set("closed", &POINTS.get())
    }

    #[filter(hook = "org.example.opened.v1", order = -5, fail_silently = false)]
    fn guard(&self, data: Wish) -> Result<Verdict> {
        match data.wish.as_str() {
            "stop" => Ok(Verdict::stop()),
            "change" => Verdict::update(json!({ "form": 1 })),
            "halt" => {
                let halted = Verdict::halt("RenderCustomResponse", "closed");
                Ok(halted.with("content", "<p>closed</p>"))
            }
            _ => self.state().set("written", &true).map(|()| Verdict::pass()),
        }
    }

    #[worker(
        name = "count",
        events("api.change", "watcher:*"),
        matches("/resource=story"),
        ordering = "fifo",
        max_attempts = 3,
        timeout_ms = 500,
        enabled = is_on
    )]
    fn count(&self, event: Envelope) -> Result<()> {
        let change: Change = event.data()?;
        let story = change.resource_id.unwrap_or_default();
        self.state().set(&story, &event.id)?;
        if story == "7" { Ok(()) } else { Err(Error::unavailable("only story 7 is there")) }
    }

    #[worker(name = "others", events("sending_event"))]
    fn others(&self, event: Envelope) -> Result<()> {
        self.state().set("sent", &event.data)
    }

    fn is_on(&self, config: Config) -> Result<bool> {
        Ok(!config.is_off)
    }

    #[monitoring]
    fn measure(&self, points: Vec<Point>) -> Result<()> {
        POINTS.set(POINTS.get() + points.len());
        Ok(())
    }

    #[schedule(name = "flush", every = "10s", jitter = "1s")]
    fn flush(&self, scheduled_at: Moment) -> Result<()> {
        self.state().set("flushed", &json!([POINTS.get(), scheduled_at]))
    }

    #[route(path = "/stories/{id}", methods("GET", "POST"), auth = "public")]
    fn story(&self, request: RouteRequest) -> Result<WebhookResponse> {
        let (id, a) = (request.capture("id").unwrap_or_default(), request.query_param("a"));
        let text = format!("{id} {} {}", a.unwrap_or_default(), POINTS.get());
        Ok(WebhookResponse::ok().text(text))
    }

    #[action(slug = "numbers")]
    fn numbers(&self) -> Result<(String, String, f64)> {
        let number = metrics()?.pop().ok_or_else(|| Error::not_found("there are no numbers"))?;
        Ok((number.name, number.labels.into_values().collect(), number.value))
    }
}

pub struct Neighbour;

#[plugin(name = "neighbour")]
impl Neighbour {
    #[action(slug = "numbers")]
    fn numbers(&self) -> Result<()> {
        metrics().map(drop)
    }
}
