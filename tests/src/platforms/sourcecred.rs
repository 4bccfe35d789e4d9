//! A SourceCred instance: a web server of files, as `yarn sourcecred serve` is one.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::traffic::Traffic;

/// An instance that listens.
#[derive(Debug)]
pub struct SourceCred {
    pub url: String,
    pub traffic: Traffic,
    /// The file, once the analysis has made it.
    accounts: Shared,
}

type Shared = Arc<Mutex<Option<Value>>>;

impl SourceCred {
    /// An instance whose analysis has not run yet.
    pub async fn start() -> Self {
        let (traffic, accounts) = (Traffic::default(), Shared::default());
        let routes = Router::new().route("/output/accounts.json", get(file));
        let url = traffic.serve(routes.with_state(accounts.clone())).await;
        Self { url, traffic, accounts }
    }

    /// Runs the analysis: a name, an account on Discord and a score for each person.
    pub fn analyse(&self, people: &[(&str, &str, f64)]) {
        let accounts: Vec<Value> =
            people.iter().map(|(name, id, cred)| account(name, id, *cred)).collect();
        let file = json!({ "accounts": accounts, "intervals": [{ "startTimeMs": 1_599_955_200_000_i64, "endTimeMs": 1_600_560_000_000_i64 }], "unclaimedAliases": [] });
        *self.accounts.lock().expect("nobody panicked") = Some(file);
    }
}

fn account(name: &str, id: &str, cred: f64) -> Value {
    let alias = format!("N\0sourcecred\0discord\0MEMBER\0user\0{id}\0");
    let identity = json!({
        "id": format!("uuid-of-{name}"), "name": name, "subtype": "USER",
        "address": format!("N\0sourcecred\0core\0IDENTITY\0uuid-of-{name}\0"),
        "aliases": [{ "address": alias, "description": format!("discord/@{name}") }],
    });
    let account = json!({ "identity": identity, "balance": "0", "paid": "0", "active": true, "payoutAddresses": [] });
    json!({ "account": account, "cred": [cred], "totalCred": cred })
}

async fn file(State(accounts): State<Shared>) -> Response {
    let file = accounts.lock().expect("nobody panicked").clone();
    match file {
        Some(file) => {
            ([(header::CONTENT_TYPE, "application/json; charset=UTF-8")], file.to_string())
                .into_response()
        }
        None => (StatusCode::NOT_FOUND, "Cannot GET /output/accounts.json").into_response(),
    }
}

/// The plugin's README, with this instance in place of the one that it names.
pub async fn in_readme(text: &str) -> String {
    let instance = SourceCred::start().await;
    instance.analyse(&[("ann", "140750062325202944", 12.5), ("bob", "2", 3.0)]);
    text.replace("https://cred.example.org", &instance.url).replace(
        "http = [\"config:/server_url\"]",
        "http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"]",
    )
}
