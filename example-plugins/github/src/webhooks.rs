//! GitHub's webhooks, each of which becomes one event.

use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::{Events, Result, WebhookRequest};

use crate::Github;

/// The longest type of an event, in bytes.
const LONGEST_TYPE: usize = 100;

/// Something that has happened on GitHub.
pub struct Happening {
    /// `issue_comment`: the header `X-GitHub-Event`.
    pub name: String,
    pub body: Value,
    /// The delivery's id, which is the same when GitHub sends it again.
    delivery: Option<String>,
}

impl Happening {
    /// None if it is no webhook of GitHub's.
    pub fn read(request: &WebhookRequest) -> Result<Option<Self>> {
        let Some(name) = request.header("X-GitHub-Event") else { return Ok(None) };
        let body = match request.form_payload()? {
            Some(body) => body,
            None => request.json()?,
        };
        let delivery = request.header("X-GitHub-Delivery").map(str::to_owned);
        Ok(Some(Self { name: name.to_owned(), body, delivery }))
    }

    pub fn installation_id(&self) -> Option<String> {
        self.body["installation"]["id"].as_u64().map(|id| id.to_string())
    }

    pub fn action(&self) -> Option<&str> {
        self.body["action"].as_str()
    }

    /// `created issue_comment`; only `push` where there is no action, or one that cannot be in an event's type.
    fn event_type(&self) -> String {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.: -".contains(&byte);
        let is_type = |text: &String| text.len() <= LONGEST_TYPE && text.bytes().all(is_allowed);
        let whole = self.action().map(|action| format!("{action} {}", self.name));
        whole.filter(is_type).unwrap_or_else(|| self.name.clone())
    }

    pub fn emit(&self, events: Events<Github>) -> Result<()> {
        let (mut event, sender) =
            (events.raw(&self.event_type(), &self.body)?, &self.body["sender"]);
        if let Some(id) = sender["id"].as_u64() {
            let initiator =
                json!({ "user_id": id, "user_name": sender["login"], "provider": "github" });
            event = event.initiator(initiator);
        }
        if let Some(delivery) = &self.delivery {
            event = event.dedupe_key(delivery);
        }
        event.emit().map(drop)
    }
}
