//! Shows that the outbox has polled all endpoints, and so has sent everything that was due by then.

use moothall_tests::{Receiver, TestHost};
use serde_json::json;

/// An endpoint besides those under test.
pub struct Witness {
    receiver: Receiver,
    ping: String,
}

impl Witness {
    /// Create it before whatever it is to witness.
    pub async fn of(host: &TestHost) -> Self {
        let receiver = Receiver::start().await;
        let endpoint = json!({ "url": receiver.url, "event_types": ["nothing"] });
        let endpoint = host.post("/api/internal/endpoints", endpoint).await.expect(201);
        let id = endpoint["id"].as_str().expect("an id");
        Self { receiver, ping: format!("/api/internal/endpoints/{id}/ping") }
    }

    /// Sends two pings, one after the other. When the second arrives, the outbox has sent
    /// everything of the poll that sent the first: the second is sent by a later poll.
    pub async fn has_seen_a_poll(&self, host: &TestHost) {
        for _ in 0..2 {
            let before = self.receiver.received().len();
            host.post(&self.ping, json!({})).await.expect(202);
            self.receiver.wait_for(before + 1).await;
        }
    }
}
