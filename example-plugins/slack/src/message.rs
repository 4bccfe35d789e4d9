//! Posts messages: in a channel, or in a conversation with some people.

use moothall_sdk::serde_json::{Map, Value};
use moothall_sdk::{Error, Instance, Result};

use crate::Slack;
use crate::web_api::{Parameters, call};

/// Posts a message in its channel, or, if it has none, in a conversation with these people.
pub fn post(
    slack: &impl Instance<Slack>,
    users: &[String],
    mut message: Parameters,
) -> Result<Value> {
    if !message.contains_key("channel") {
        if users.is_empty() {
            return Err(Error::invalid("users or channel are required"));
        }
        message.insert("channel".to_owned(), conversation(slack, users)?);
    }
    call(slack, "chat.postMessage", message)
}

/// The conversation with these people, at most eight, which Slack opens if there is none.
fn conversation(slack: &impl Instance<Slack>, users: &[String]) -> Result<Value> {
    let people = Map::from_iter([("users".to_owned(), users.join(",").into())]);
    let mut opened = call(slack, "conversations.open", people)?;
    let channel = opened.pointer_mut("/channel/id").map(Value::take);
    channel.ok_or_else(|| Error::internal("Slack opened a conversation and did not say which"))
}
