//! An option without effect is a mistake.

use moothall_sdk::{
    Envelope, Moment, Result, RouteRequest, WebhookRequest, WebhookResponse, plugin, process,
};

struct Vote;

#[process(name = "vote", every = "5m")]
impl Vote {
    fn start(&self) -> Result<()> {
        Ok(())
    }
}

struct Slack;

#[plugin(name = "slack", processes(Vote))]
impl Slack {
    #[webhook(
        verify(scheme = "slack-v0", secret = "/key", header = "X-Signature", prefix = "v0="),
        handshakes(
            post(body = "/c", json("challenge={tokn}", "text={\"a\":1}")),
            get(body = "/c"),
        ),
    )]
    fn receive(&self, request: WebhookRequest) -> Result<()> {
        request.text().map(drop)
    }

    #[schedule(name = "late", every = "30s", jitter = "1m")]
    fn late(&self, at: Moment) -> Result<()> {
        self.state().set("at", &at)
    }

    #[route(path = "/a/{x}/{x}")]
    fn route(&self, request: RouteRequest) -> Result<WebhookResponse> {
        Ok(WebhookResponse::ok().body(request.body.clone()))
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}

struct GitHub;

#[plugin(name = "github", resident)]
impl GitHub {
    #[action(slug = "ping")]
    fn ping(&self) -> Result<()> {
        Ok(())
    }
}

struct Stripe;

#[plugin(name = "stripe")]
impl Stripe {
    #[webhook(verify(scheme = "hmac-sha256", secret = "/key", header = "X-S", tolerance_s = 60))]
    fn receive(&self, request: WebhookRequest) -> Result<()> {
        request.text().map(drop)
    }

    #[worker(name = "tell", events("api.change"), enabled = wants)]
    fn tell(&self, event: Envelope) -> Result<()> {
        self.state().set("event", &event.id)
    }

    fn wants(&self) -> bool {
        true
    }

    #[action(slug = "twice")]
    #[producer]
    fn twice(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
