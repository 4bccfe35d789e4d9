//! Takes monitoring points of the host's requests, keeps them in memory, and writes one batch at
//! each tick. It is resident, and loses at most the points since the last tick.

mod batch;
mod line;

use moothall_sdk::serde_json::json;
use moothall_sdk::{
    Error, Moment, Point, Result, RouteRequest, Secret, WebhookResponse, http, plugin,
};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The URL to write points to: `https://influx.example/api/v2/write?org=acme&bucket=requests`.
    influx_url: String,
    /// The server's token.
    token: Option<Secret>,
}

struct PointsBatcher;

#[plugin(
    name = "points-batcher",
    title = "Points Batcher",
    homepage = "https://www.influxdata.com",
    config = Config,
    description = "Writes points of the host's requests to InfluxDB, in batches.",
    scope = "host",
    resident,
    requests(http("config:/influx_url"))
)]
impl PointsBatcher {
    #[monitoring]
    fn collect(&self, points: Vec<Point>) -> Result<()> {
        batch::add(&points);
        Ok(())
    }

    #[schedule(name = "flush", every = "10s")]
    fn flush(&self, _scheduled_at: Moment) -> Result<()> {
        let Some(batch) = batch::first() else { return Ok(()) };
        let Config { influx_url, token } = self.config()?;
        let request = http::post(influx_url).header("content-type", "text/plain; charset=utf-8");
        let request = match &token {
            Some(token) => request.secret_header("authorization", "Token ", token),
            None => request,
        };
        let answer = request.body(batch.text).send()?;
        match answer.status {
            // The server would refuse a batch that it cannot read for ever.
            200..300 | 400 => batch::remove(batch.lines),
            status => return Err(Error::unavailable(format!("the server answered {status}"))),
        }
        Ok(())
    }

    #[route(path = "/teapot", auth = "public")]
    fn teapot(&self, _request: RouteRequest) -> Result<WebhookResponse> {
        Ok(WebhookResponse::status(418).text("I'm a teapot"))
    }

    #[route(path = "/waiting")]
    fn waiting(&self, _request: RouteRequest) -> Result<WebhookResponse> {
        WebhookResponse::ok().json(&json!({ "lines": batch::waiting(), "lost": batch::lost() }))
    }
}

#[cfg(test)]
mod tests;
