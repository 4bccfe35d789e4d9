//! Open Collective's API, as the account whose token the community has.

use std::time::Duration;

use moothall_sdk::http;
use moothall_sdk::prelude::*;

use crate::{OpenCollective, Settings, queries};

/// For how long a call waits when Open Collective is asked too often.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks as the community's account.
pub fn ask(
    instance: &impl Instance<OpenCollective>,
    query: &str,
    variables: &Value,
) -> Result<Value> {
    let token = instance.config()?.access_token;
    ask_with(&instance.settings()?, &token, query, variables)
}

/// Asks as the account that the token is of.
pub fn ask_with(
    settings: &Settings,
    token: &Secret,
    query: &str,
    variables: &Value,
) -> Result<Value> {
    http::post(&settings.api_url).patient(PATIENCE).bearer(token).graphql(query, variables)
}

/// Creates a conversation in the collective; returns it with its URL.
pub fn converse(
    instance: &impl Instance<OpenCollective>,
    title: &str,
    html: &str,
    tags: &[String],
) -> Result<Value> {
    let slug = instance.config()?.collective_slug;
    let asked = json!({ "title": title, "html": html, "tags": tags, "account": { "slug": slug } });
    let mut answer = ask(instance, queries::CREATE_CONVERSATION, &asked)?;
    let mut made = answer["createConversation"].take();
    let (own, id) = (text(&made, "/slug")?, text(&made, "/id")?);
    let url = format!("{}/{slug}/conversations/{own}-{id}", instance.settings()?.web_url);
    made["url"] = url.into();
    Ok(made)
}

pub fn comment(instance: &impl Instance<OpenCollective>, comment: &Value) -> Result<Value> {
    let asked = json!({ "comment": comment });
    Ok(ask(instance, queries::CREATE_COMMENT, &asked)?["createComment"].take())
}

/// A query about an expense, by the name of its answer; returns the expense with its URL, none if there is none.
pub fn expense(
    instance: &impl Instance<OpenCollective>,
    (name, query): (&str, &str),
    variables: &Value,
) -> Result<Option<Value>> {
    let query = format!("{query}{}", queries::EXPENSE_FIELDS);
    let mut expense = ask(instance, &query, variables)?[name].take();
    if expense.is_null() {
        return Ok(None);
    }
    let (own, web) = (instance.config()?.collective_slug, instance.settings()?.web_url);
    // An expense of a project has that in its path.
    let account = text(&expense, "/account/slug")?;
    let path = if account == own { own } else { format!("{own}/{account}") };
    expense["url"] = format!("{web}/{path}/expenses/{}", expense["legacyId"]).into();
    Ok(Some(expense))
}

pub fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.ok_or_else(|| Error::internal(format!("Open Collective answered without {pointer}")))
}
