//! Filters, workers, monitoring, schedules and routes have their own signatures and keys.

use moothall_sdk::{Envelope, Point, Result, RouteRequest, Verdict, WebhookResponse, plugin};

struct Tutorial;

#[plugin(name = "tutorial", scope = "planet", requests(tcp("redis")))]
impl Tutorial {
    #[filter(hook = "org.example.a.v1")]
    fn guard(&self) -> Result<Verdict> {
        Ok(Verdict::pass())
    }

    #[filter(hook = "org.example.b.v1")]
    fn first(&self, data: String) -> Result<Verdict> {
        Verdict::update(data)
    }

    #[filter(hook = "org.example.b.v1")]
    fn second(&self, data: String) -> Result<Verdict> {
        Verdict::update(data)
    }

    #[worker(name = "tell", events("api.change"), matches("resource"))]
    fn tell(&self, event: String) -> Result<()> {
        drop(event);
        Ok(())
    }

    #[worker(name = "late")]
    fn late(&self, event: Envelope) -> Result<()> {
        drop(event);
        Ok(())
    }

    #[monitoring]
    fn points(&self, points: Point) -> Result<()> {
        drop(points);
        Ok(())
    }

    #[schedule(name = "flush", every = "10")]
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    #[route(path = "teapot", methods("BREW"))]
    fn teapot(&self, request: RouteRequest) -> Result<()> {
        drop(request);
        Ok(())
    }

    #[route(path = "/a")]
    fn one(&self, request: RouteRequest) -> Result<WebhookResponse> {
        Ok(WebhookResponse::ok().body(request.body.clone()))
    }

    #[route(path = "/a")]
    fn two(&self, request: RouteRequest) -> Result<WebhookResponse> {
        Ok(WebhookResponse::ok().body(request.body.clone()))
    }
}

fn main() {}
