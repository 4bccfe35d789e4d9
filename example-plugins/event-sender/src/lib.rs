//! Sends the events of plugins to another server, one request for each call that emitted some.

mod server;

use moothall_sdk::{Envelope, Result, Secret, Sending, plugin};
use schemars::JsonSchema;
use serde::Deserialize;
use server::Server;

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The server's URL: `https://events.example`.
    server_url: String,
    /// The bucket on the server.
    #[serde(default = "events")]
    bucket: String,
    /// The server's key.
    token: Option<Secret>,
}

fn events() -> String {
    "events".to_owned()
}

struct EventSender;

#[plugin(
    name = "event-sender",
    title = "Event Sender",
    config = Config,
    description = "Sends what plugins emit to another server.",
    auth_type = "api_key",
    requests(http("config:/server_url"))
)]
impl EventSender {
    fn initialize(&self) -> Result<()> {
        self.server()?.create_bucket()
    }

    #[worker(name = "send", events("sending_event"), timeout_ms = 30000)]
    fn send(&self, event: Envelope) -> Result<()> {
        let sending: Sending = event.data()?;
        self.server()?.send(&event.id, &sending)
    }

    fn server(&self) -> Result<Server> {
        let Config { server_url, bucket, token } = self.config()?;
        Ok(Server { url: server_url.trim_end_matches('/').to_owned(), bucket, token })
    }
}

#[cfg(test)]
mod tests;
