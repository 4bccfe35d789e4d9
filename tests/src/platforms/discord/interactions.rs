//! People use commands and press buttons. Discord sends each as a signed request, takes what is answered for it, and tells
//! the person "This interaction failed" if nothing is.
//! <https://discord.com/developers/docs/interactions/receiving-and-responding>

use std::time::Duration;

use moothall_sdk::WebhookRequest;
use moothall_sdk::testing::signed::ed25519;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{APPLICATION, CHANNEL, Discord, GUILD, KEY, messages};
use crate::{Answer, Driver, answer};

const URL: &str = "/api/hooks/discord";
/// How long Discord waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

impl Discord {
    /// Sends an interaction; returns the answer, which has come in time.
    pub async fn sends(&self, host: &Driver, interaction: &Value) -> Answer {
        let request = answer(signed(host, URL, &interaction.to_string(), &KEY));
        timeout(PATIENCE, request).await.expect("Discord waits three seconds")
    }

    /// Somebody uses a slash command of the guild; returns what they are told.
    pub async fn uses(&self, host: &Driver, user: &str, command: &str) -> Option<String> {
        let data = json!({ "id": "1", "name": command, "type": 1, "options": [{ "name": "command", "type": 3, "value": "hello" }] });
        let interaction = self.interaction(2, user, GUILD, data, Value::Null);
        self.takes(user, None, &self.sends(host, &interaction).await)
    }

    /// Somebody presses the button of this number; returns what they alone are told. The message changes as the answer says.
    pub async fn presses(
        &self,
        host: &Driver,
        user: &str,
        message: &str,
        at: usize,
    ) -> Option<String> {
        let sent = self.sends(host, &self.press(user, message, at)).await;
        self.takes(user, Some(message), &sent)
    }

    /// The interaction that pressing a button is.
    pub fn press(&self, user: &str, message: &str, at: usize) -> Value {
        let message = self.message(message).expect("the message is there");
        let rows = message["components"].as_array().expect("it has rows").clone();
        let mut buttons =
            rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
        let button = buttons.nth(at).expect("there is such a button");
        assert_eq!(button["disabled"], false, "nobody can press it");
        let data = json!({ "custom_id": button["custom_id"], "component_type": 2 });
        self.interaction(3, user, GUILD, data, message)
    }

    /// Any interaction with the application.
    pub fn interaction(
        &self,
        kind: u8,
        user: &str,
        guild: &str,
        data: Value,
        message: Value,
    ) -> Value {
        let id = self.guilds().new_id();
        let mut interaction = json!({
            "id": id, "application_id": APPLICATION, "type": kind, "token": format!("token-of-{id}"), "version": 1,
            "guild_id": guild, "channel_id": CHANNEL, "data": data,
            "member": { "user": { "id": user, "username": "ann", "discriminator": "0" }, "roles": [], "permissions": "0" }
        });
        if !message.is_null() {
            interaction["message"] = message;
        }
        interaction
    }

    fn takes(&self, user: &str, message: Option<&str>, answer: &Answer) -> Option<String> {
        let said = answer.expect(200);
        assert!(answer.header("content-type").starts_with("application/json"), "{answer:?}");
        assert_eq!(messages::check(&said["data"]), Ok(()), "{said}");
        let mut guilds = self.guilds();
        match said["type"].as_u64() {
            Some(4) => {
                assert_eq!(said["data"]["flags"], 64, "only the person sees it: {said}");
                let text = said["data"]["content"].as_str()?.to_owned();
                guilds.whispered.push((user.to_owned(), text.clone()));
                Some(text)
            }
            Some(7) => {
                let changed =
                    messages::change(&mut guilds, message.expect("a button"), &said["data"]);
                changed.expect("the message is there");
                None
            }
            other => panic!("this interaction failed: {other:?}, {said}"),
        }
    }
}

/// A request with a signature of this moment, by this key.
pub fn signed(host: &Driver, url: &str, body: &str, key: &[u8; 32]) -> RequestBuilder {
    let request = WebhookRequest { body: body.as_bytes().to_vec(), ..WebhookRequest::default() };
    let request = ed25519(request, key);
    let send = host.request(Method::POST, url).header("Content-Type", "application/json");
    request
        .headers
        .iter()
        .fold(send, |send, (name, value)| send.header(name, value))
        .body(body.to_owned())
}
