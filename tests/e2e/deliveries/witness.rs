//! Shows that the outbox has looked at all endpoints: what it was to send by then, it has sent.

use moothall_tests::{Receiver, TestHost};
use serde_json::json;

/// An endpoint beside those that are tested.
pub struct Witness {
    receiver: Receiver,
    ping: String,
}

impl Witness {
    /// Made before anything that it is to be a witness of.
    pub async fn of(host: &TestHost) -> Self {
        let receiver = Receiver::start().await;
        let endpoint = json!({ "url": receiver.url, "event_types": ["nothing"] });
        let endpoint = host.post("/api/internal/endpoints", endpoint).await.expect(201);
        let id = endpoint["id"].as_str().expect("an id");
        Self { receiver, ping: format!("/api/internal/endpoints/{id}/ping") }
    }

    /// What is sent in the look that sends the first of two pings has come when the second one comes: that one is
    /// sent by a later look, and each is answered before the next is asked for.
    pub async fn has_seen_a_look(&self, host: &TestHost) {
        for _ in 0..2 {
            let before = self.receiver.received().len();
            host.post(&self.ping, json!({})).await.expect(202);
            self.receiver.wait_for(before + 1).await;
        }
    }
}
