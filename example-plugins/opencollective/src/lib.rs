//! Expenses, conversations and votes of an Open Collective.

mod api;
mod authorization;
mod queries;
mod vote;
mod webhook;

use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::prelude::*;
use moothall_sdk::{context, http};
use vote::ReactionVote;
use webhook::Activity;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Config {
    /// The OAuth token of the account that acts for the collective.
    access_token: Secret,
    /// The collective, as in its URL.
    collective_slug: String,
    /// Makes the URL for webhooks hard to guess: Open Collective does not sign them.
    webhook_slug: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    client_id: Option<String>,
    client_secret: Option<Secret>,
    /// The GraphQL API, version 2.
    #[serde(default = "default_api_url")]
    api_url: String,
    /// Where people see what the API is about, and authorise, without a slash at its end.
    #[serde(default = "default_web_url")]
    web_url: String,
    /// Where platforms reach the host, without a slash at its end. With it, the plugin registers its webhook.
    public_url: Option<String>,
}

fn default_api_url() -> String {
    "https://api.opencollective.com/graphql/v2".to_owned()
}

fn default_web_url() -> String {
    "https://opencollective.com".to_owned()
}

#[derive(Deserialize, JsonSchema)]
struct CreateConversation {
    title: String,
    /// The first comment, in HTML.
    raw: String,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
struct CreateComment {
    /// In HTML.
    raw: String,
    conversation_id: Option<String>,
    expense_id: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct ProcessExpense {
    expense_id: String,
    action: ExpenseAction,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum ExpenseAction {
    Approve,
    Unapprove,
    Reject,
}

struct OpenCollective;

#[plugin(
    name = "opencollective",
    config = Config,
    settings = Settings,
    title = "Open Collective",
    description = "Expenses, conversations and votes of an Open Collective.",
    homepage = "https://opencollective.com",
    auth_type = "oauth",
    community_platform_id_key = "collective_slug",
    oauth(types("app", "user")),
    on_config_change = "keep",
    processes(ReactionVote),
    requests(http("settings:/api_url", "settings:/web_url"))
)]
impl OpenCollective {
    fn initialize(&self) -> Result<()> {
        let Config { collective_slug: slug, webhook_slug, .. } = self.config()?;
        let found = api::ask(self, queries::COLLECTIVE, &json!({ "slug": slug }))?;
        if found["collective"].is_null() {
            return Err(Error::invalid(format!("Collective '{slug}' not found.")));
        }
        let Some(host) = self.settings()?.public_url else { return Ok(()) };
        let hard_to_guess = webhook_slug.map(|text| format!("/{text}")).unwrap_or_default();
        let community = context::community();
        self.register(&slug, &format!("{host}/api/hooks/{community}/opencollective{hard_to_guess}"))
    }

    fn config_changed(&self, _previous: Config) -> Result<()> {
        self.initialize()
    }

    #[action(slug = "list-members", description = "The members of the collective.")]
    fn list_members(&self) -> Result<Value> {
        let slug = self.config()?.collective_slug;
        let accounts = http::all_pages(0, |offset: usize| {
            let asked = json!({ "slug": slug, "offset": offset });
            let page = api::ask(self, queries::MEMBERS, &asked)?;
            let members = &page["collective"]["members"];
            let nodes = members["nodes"].as_array().cloned().unwrap_or_default();
            let (next, all) = (offset + nodes.len(), members["totalCount"].as_u64().unwrap_or(0));
            let is_more = !nodes.is_empty() && (next as u64) < all;
            let accounts = nodes.into_iter().map(|mut member| member["account"].take()).collect();
            Ok((accounts, is_more.then_some(next)))
        })?;
        Ok(json!({ "accounts": accounts }))
    }

    #[action(slug = "create-conversation", description = "Starts a conversation.")]
    fn create_conversation(&self, asked: CreateConversation) -> Result<Value> {
        api::converse(self, &asked.title, &asked.raw, &asked.tags)
    }

    #[action(slug = "create-comment", description = "Comments on a conversation or an expense.")]
    fn create_comment(&self, asked: CreateComment) -> Result<Value> {
        let mut comment = json!({ "html": asked.raw });
        match (asked.conversation_id, asked.expense_id) {
            (Some(id), None) => comment["conversation"] = json!({ "id": id }),
            (None, Some(id)) => comment["expense"] = json!({ "id": id }),
            _ => return Err(Error::invalid("give either 'conversation_id' or 'expense_id'")),
        }
        api::comment(self, &comment)
    }

    #[action(slug = "process-expense", description = "Approves, unapproves or rejects an expense.")]
    fn process_expense(&self, asked: ProcessExpense) -> Result<Value> {
        let asked = json!({ "reference": { "id": asked.expense_id }, "action": asked.action });
        let expense = api::expense(self, ("processExpense", queries::PROCESS_EXPENSE), &asked)?;
        expense.ok_or_else(|| Error::internal("Open Collective answered without the expense"))
    }

    #[webhook]
    fn receive(&self, request: WebhookRequest) -> Result<()> {
        request.json::<Activity>()?.emit(self)
    }

    #[authorize_url]
    fn authorize_url(&self, request: AuthorizeRequest) -> Result<String> {
        authorization::url(&self.settings()?, &request)
    }

    #[oauth_callback]
    fn oauth_callback(&self, callback: OAuthCallback) -> Result<Authorized> {
        authorization::complete(&self.settings()?, &callback)
    }
}

impl OpenCollective {
    /// Has Open Collective send all activities of the collective to the host, unless it does so already.
    fn register(&self, slug: &str, url: &str) -> Result<()> {
        let known = api::ask(self, queries::WEBHOOKS, &json!({ "slug": slug }))?;
        let known = known.pointer("/collective/webhooks/nodes").and_then(Value::as_array);
        if known.is_some_and(|known| known.iter().any(|one| one["webhookUrl"] == url)) {
            return Ok(());
        }
        let webhook = json!({ "account": { "slug": slug }, "activityType": "ACTIVITY_ALL", "webhookUrl": url });
        api::ask(self, queries::CREATE_WEBHOOK, &json!({ "webhook": webhook })).map(drop)
    }
}

#[cfg(test)]
mod tests;
