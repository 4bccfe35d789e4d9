//! The webhooks that a forum sends, signed.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Discourse, SECRET, lock};

/// A webhook as the forum sends it.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Discourse {
    /// Somebody writes the post that was created last.
    pub fn tells_of_post(&self) -> Webhook {
        let post = lock(&self.kept).posts.last().expect("a post").shown();
        self.webhook("post", "post_created", &json!({ "post": post }))
    }

    /// Somebody begins the topic of that post.
    pub fn tells_of_topic(&self) -> Webhook {
        let post = lock(&self.kept).posts.last().expect("a post").clone();
        let topic = json!({
            "id": post.topic, "title": post.text("title"), "slug": post.slug(), "tags": [{ "id": 4, "name": "Küche", "slug": "kitchen", "original_name": "kitchen" }, { "id": 5, "name": "rota", "slug": "rota" }],
            "category_id": post.asked.get("category"), "created_by": { "id": 1, "username": "alice" }
        });
        self.webhook("topic", "topic_created", &json!({ "topic": topic }))
    }

    /// Somebody is changed to this.
    pub fn tells_of_user(&self, id: u64, username: &str, fields: Value) -> Webhook {
        let user =
            json!({ "id": id, "username": username, "user_fields": fields, "trust_level": 2 });
        self.webhook("user", "user_updated", &json!({ "user": user }))
    }

    /// The button *Ping* of the webhook.
    pub fn ping(&self) -> Webhook {
        self.webhook("ping", "ping", &json!({ "ping": "OK" }))
    }

    fn webhook(&self, kind: &str, event: &str, body: &Value) -> Webhook {
        let body = body.to_string();
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-discourse-instance", self.url.clone()),
            ("x-discourse-event-id", "42".to_owned()),
            ("x-discourse-event-type", kind.to_owned()),
            ("x-discourse-event", event.to_owned()),
            ("x-discourse-event-signature", format!("sha256={}", signature(&body))),
        ];
        Webhook { headers, body }
    }
}

impl Webhook {
    /// The same from another forum, with its right signature.
    pub fn from_elsewhere(mut self, url: &str) -> Self {
        self.headers[1].1 = url.to_owned();
        self
    }

    /// The same with another body under the old signature.
    pub fn forged(mut self) -> Self {
        self.body = self.body.replace("alice", "mallory");
        self
    }
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
