//! Open Collective with the collective `makers` and its project `makers-garden`: the part of its GraphQL API, version 2, that the
//! plugin asks for, consent, and people who react and submit expenses. Refuses what Open Collective refuses, with its codes.

mod consent;
mod graphql;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::traffic::Traffic;

pub const CLIENT_ID: &str = "oc-client";
pub const CLIENT_SECRET: &str = "oc-client-secret";
/// The token of an admin of `makers`, whose account is `makers-bot`.
pub const TOKEN: &str = "oc-token-of-the-makers-bot";
pub const COLLECTIVE: &str = "makers";
pub const PROJECT: &str = "makers-garden";

/// Open Collective, listening.
#[derive(Debug)]
pub struct OpenCollective {
    pub url: String,
    pub traffic: Traffic,
    shared: Shared,
}

type Shared = Arc<Mutex<Collectives>>;

/// What Open Collective knows.
#[derive(Debug, Default)]
struct Collectives {
    members: usize,
    webhooks: Vec<String>,
    conversations: BTreeMap<String, Value>,
    comments: Vec<Value>,
    /// By their numbers.
    expenses: BTreeMap<u64, Value>,
    /// Whose each token is: what `me` says.
    accounts: BTreeMap<String, Value>,
    codes: BTreeMap<String, consent::GivenConsent>,
    consenting: Value,
    made: u64,
}

/// An account that is in these collectives, each with its role.
pub fn account(slug: &str, name: &str, member_of: &[(&str, &str)]) -> Value {
    let nodes: Vec<Value> = member_of
        .iter()
        .map(|(slug, role)| json!({ "role": role, "account": { "name": slug, "slug": slug } }))
        .collect();
    let member_of = json!({ "totalCount": nodes.len(), "nodes": nodes });
    json!({ "id": format!("id-{slug}"), "slug": slug, "name": name, "memberOf": member_of })
}

impl OpenCollective {
    pub async fn start() -> Self {
        let (traffic, shared) = (Traffic::default(), Shared::default());
        let routes = Router::new()
            .route("/graphql/v2", post(graphql::answer))
            .route("/oauth/authorize", get(consent::authorize))
            .route("/oauth/token", post(consent::token))
            .with_state(shared.clone());
        let url = traffic.serve(routes).await;
        let here = Self { url, traffic, shared };
        let bot = account("makers-bot", "Makers Governance Bot", &[(COLLECTIVE, "ADMIN")]);
        here.collectives().accounts.insert(TOKEN.to_owned(), bot.clone());
        here.collectives().members = 3;
        here.consents(bot);
        here
    }

    /// The configuration of a host whose plugin talks to this Open Collective.
    pub fn toml(&self, more: &str) -> String {
        format!(
            "[plugins.opencollective]\nsettings = {{ api_url = \"{0}/graphql/v2\", web_url = \"{0}\", \
             client_id = \"{CLIENT_ID}\", client_secret = \"{CLIENT_SECRET}\"{more} }}\n\
             grants = {{ http = [\"settings:/api_url\", \"settings:/web_url\"], cidr = [\"127.0.0.0/8\"] }}",
            self.url
        )
    }

    pub fn has_members(&self, members: usize) {
        self.collectives().members = members;
    }

    /// This token is of this account.
    pub fn has_account(&self, token: &str, account: Value) {
        self.collectives().accounts.insert(token.to_owned(), account);
    }

    pub fn webhooks(&self) -> Vec<String> {
        self.collectives().webhooks.clone()
    }

    pub fn comments(&self) -> Vec<Value> {
        self.collectives().comments.clone()
    }

    /// A conversation, as it is now.
    pub fn conversation(&self, id: &str) -> Option<Value> {
        self.collectives().conversations.get(id).cloned()
    }

    /// The conversation that was started last, by its id.
    pub fn last_conversation(&self) -> (String, Value) {
        let kept = self.collectives();
        let last = kept.conversations.last_key_value().expect("a conversation");
        (last.0.clone(), last.1.clone())
    }

    /// So many people have reacted with this.
    pub fn reacts(&self, id: &str, emoji: &str, count: u64) {
        let mut kept = self.collectives();
        let conversation = kept.conversations.get_mut(id).expect("a conversation");
        conversation["body"]["reactions"][emoji] = count.into();
    }

    pub fn delete(&self, id: &str) {
        self.collectives().conversations.remove(id);
    }

    /// Somebody submits an expense to the collective, its project, or another; returns the webhook.
    pub fn submits(&self, account: &str) -> Value {
        self.collectives().submit(account)
    }

    /// Somebody does that to an expense; returns the webhook.
    pub fn does(&self, number: u64, what: &str, person: &str) -> Value {
        self.collectives().note(number, what, person)
    }

    /// From now on this account consents.
    pub fn consents(&self, account: Value) {
        self.collectives().consenting = account;
    }

    fn collectives(&self) -> MutexGuard<'_, Collectives> {
        lock(&self.shared)
    }
}

impl Collectives {
    fn new_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn submit(&mut self, account: &str) -> Value {
        let number = 700 + self.new_number();
        let parent = if account == PROJECT { json!({ "slug": COLLECTIVE }) } else { Value::Null };
        let person = json!({ "id": "id-ann", "legacyId": 5, "slug": "ann" });
        let expense = json!({
            "id": format!("ex_{number}"), "legacyId": number, "description": "Nails",
            "longDescription": null, "amount": 1250, "createdAt": "2026-02-03T04:05:06.000Z",
            "currency": "EUR", "type": "RECEIPT", "status": "PENDING",
            "account": { "id": format!("id-{account}"), "legacyId": 11, "slug": account, "parent": parent },
            "payee": person, "createdByAccount": person, "requestedByAccount": null,
            "activities": [], "items": [], "tags": []
        });
        self.expenses.insert(number, expense);
        self.note(number, "created", "ann")
    }

    fn note(&mut self, number: u64, what: &str, person: &str) -> Value {
        let at = format!("2026-02-03T04:06:{:02}.000Z", self.new_number());
        let expense = self.expenses.get_mut(&number).expect("an expense");
        let activity = json!({
            "id": format!("act_{at}"), "type": format!("COLLECTIVE_EXPENSE_{}", what.to_uppercase()),
            "createdAt": at, "data": {}, "individual": { "id": format!("id-{person}"), "slug": person }
        });
        expense["activities"].as_array_mut().expect("a list").push(activity);
        // Without most of the expense, and unsigned.
        let data = json!({ "expense": { "id": number, "description": "Nails", "amount": 1250, "currency": "EUR" } });
        json!({ "createdAt": at, "id": 9_000 + self.made, "type": format!("collective.expense.{what}"), "CollectiveId": 11, "data": data })
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Collectives> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The plugin's README, with this Open Collective in place of the real one.
pub async fn in_readme(text: &str) -> String {
    let here = OpenCollective::start().await;
    here.submits(COLLECTIVE);
    let settings = "settings = { client_id = \"…\", client_secret = \"…\" }";
    let grants = "grants = { http = [\"settings:/api_url\", \"settings:/web_url\"] }";
    assert!(
        text.contains(settings) && text.contains(grants),
        "the README grants what is asked for"
    );
    let url = &here.url;
    text.replace(settings, &format!("settings = {{ api_url = \"{url}/graphql/v2\", web_url = \"{url}\", client_id = \"{CLIENT_ID}\", client_secret = \"{CLIENT_SECRET}\" }}"))
        .replace(grants, "grants = { http = [\"settings:/api_url\", \"settings:/web_url\"], cidr = [\"127.0.0.0/8\"] }")
}
