//! GitHub, as far as an app sees it: its REST API under `/api/v3`, as on a GitHub Enterprise Server, the pages on which people
//! install and authorise the app, and its webhooks. It refuses what GitHub refuses.

mod app;
mod authentication;
mod issues;
mod pages;
mod people;
mod repositories;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use super::traffic::Traffic;
use crate::{Answer, Driver};
use issues::Issue;
use people::CodeGrant;

pub const APP_ID: &str = "Iv23liMoothall";
pub const CLIENT_ID: &str = "Iv23liClient";
pub const CLIENT_SECRET: &str = "client-secret-of-the-app";
pub const WEBHOOK_SECRET: &str = "a-webhook-secret-of-32-characters";
/// The installation of the organisation `acme`, and the one of the user `ann`.
pub const ORGANISATION: u64 = 1_001;
pub const USER: u64 = 1_002;
/// The app's own user.
const BOT: u64 = 9_001;

/// A GitHub that listens: `acme` has the repository `tea`, and its owner is `ann`.
#[derive(Clone, Debug)]
pub struct GitHub {
    pub url: String,
    pub traffic: Traffic,
    data: Shared,
}

type Shared = Arc<Data>;

/// What handlers and the test share.
#[derive(Debug, Default)]
struct Data(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    url: String,
    /// The last number that was given to anything.
    last: u64,
    /// The id and the name of the account that has each installation.
    installations: BTreeMap<u64, (u64, String)>,
    /// The installation of each token that is valid.
    tokens: BTreeMap<String, u64>,
    /// What the installations let the app do.
    permissions: BTreeMap<&'static str, &'static str>,
    repositories: BTreeSet<String>,
    without_issues: BTreeSet<String>,
    /// The present names of repositories that were renamed.
    renamed: BTreeMap<String, String>,
    issues: Vec<Issue>,
    people: BTreeMap<String, u64>,
    /// The roles of people in organisations.
    roles: BTreeMap<(String, String), &'static str>,
    /// The app's callback, and who is at the browser.
    callback: String,
    visitor: String,
    installing: Option<u64>,
    is_installed: bool,
    codes: BTreeMap<String, CodeGrant>,
    /// The person of each user's token.
    user_tokens: BTreeMap<String, String>,
}

impl GitHub {
    pub async fn start() -> Self {
        let (traffic, data) = (Traffic::default(), Shared::default());
        let api = app::routes().merge(repositories::routes()).merge(issues::routes());
        let api = api.merge(people::routes()).layer(from_fn(authentication::check_headers));
        let url = traffic.serve(api.merge(pages::routes()).with_state(data.clone())).await;
        let mut kept = data.kept();
        kept.url.clone_from(&url);
        kept.people = [("ann", 1), ("bob", 2), ("eve", 3)].map(|(n, id)| (n.to_owned(), id)).into();
        kept.installations.insert(ORGANISATION, (501, "acme".to_owned()));
        kept.installations.insert(USER, (1, "ann".to_owned()));
        kept.repositories.extend(["acme/tea".to_owned(), "ann/notes".to_owned()]);
        kept.roles.insert(("acme".to_owned(), "ann".to_owned()), "admin");
        kept.roles.insert(("acme".to_owned(), "bob".to_owned()), "member");
        kept.permissions = [("issues", "write"), ("members", "read"), ("metadata", "read")].into();
        drop(kept);
        Self { url, traffic, data }
    }

    /// The plugin's table of `moothall.toml`, with which it uses this GitHub.
    pub fn toml(&self) -> String {
        format!(
            "[plugins.github]
settings = {{ app_name = \"moothall\", app_id = \"{APP_ID}\", private_key = '''{}''', webhook_secret = \"{WEBHOOK_SECRET}\", \
             client_id = \"{CLIENT_ID}\", client_secret = \"{CLIENT_SECRET}\", api_url = \"{1}/api/v3\", web_url = \"{1}\" }}
grants = {{ http = [\"settings:/api_url\", \"settings:/web_url\"], reveal = [\"settings:private_key\"], cidr = [\"127.0.0.0/8\"] }}",
            moothall_sdk::testing::keys::PRIVATE_KEY, self.url
        )
    }

    /// No token of an installation is valid any more, as after an hour.
    pub fn expire_tokens(&self) {
        self.data.kept().tokens.clear();
    }

    /// The installations let the app do this much of it, or nothing.
    pub fn permits(&self, what: &'static str, level: Option<&'static str>) {
        let permissions = &mut self.data.kept().permissions;
        permissions.remove(what);
        permissions.extend(level.map(|level| (what, level)));
    }

    /// A repository has no issues from now on.
    pub fn disables_issues(&self, repository: &str) {
        self.data.kept().without_issues.insert(repository.to_owned());
    }

    /// The app is no longer installed.
    pub fn uninstall(&self, installation: u64) {
        self.data.kept().installations.remove(&installation);
        self.expire_tokens();
    }

    pub fn rename(&self, old: &str, new: &str) {
        let mut kept = self.data.kept();
        kept.repositories.remove(old);
        kept.repositories.insert(new.to_owned());
        kept.issues.iter_mut().filter(|issue| issue.repository == old).for_each(|issue| {
            new.clone_into(&mut issue.repository);
        });
        kept.renamed.insert(old.to_owned(), new.to_owned());
    }

    /// Sends a webhook of the app, signed, to one of the host's URLs.
    pub async fn deliver(&self, driver: &Driver, path: &str, name: &str, body: &Value) -> Answer {
        self.send(driver, path, name, "application/json", body.to_string()).await
    }

    /// The same as a form, which an app's owner can choose.
    pub async fn deliver_form(
        &self,
        driver: &Driver,
        path: &str,
        name: &str,
        body: &Value,
    ) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("payload", &body.to_string()).finish();
        self.send(driver, path, name, "application/x-www-form-urlencoded", form).await
    }

    async fn send(
        &self,
        driver: &Driver,
        path: &str,
        name: &str,
        kind: &str,
        body: String,
    ) -> Answer {
        let request = driver.request(reqwest::Method::POST, path);
        let request = request
            .header("X-GitHub-Event", name)
            .header("X-GitHub-Delivery", format!("72d3162e-{:012}", self.data.kept().number()))
            .header("X-Hub-Signature-256", signature(&body))
            .header("User-Agent", "GitHub-Hookshot/044aadd")
            .header("Content-Type", kind);
        crate::answer(request.body(body)).await
    }
}

/// `sha256=…` of a body.
pub fn signature(body: &str) -> String {
    let mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(WEBHOOK_SECRET.as_bytes());
    let mut mac = mac.expect("a key of any length");
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().fold("sha256=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a text");
        text
    })
}

impl Data {
    fn kept(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// A refusal in GitHub's form.
fn refusal(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.as_u16().to_string(),
    });
    json_answer(status, &body)
}

/// What GitHub says of what is not there, and of what the token must not see.
fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "Not Found")
}

/// What GitHub says of what the app has no permission for.
fn not_permitted() -> Response {
    refusal(StatusCode::FORBIDDEN, "Resource not accessible by integration")
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// The plugin's README, with this GitHub in place of the real one.
pub async fn in_readme(text: &str) -> String {
    let github = GitHub::start().await;
    text.replace(&crate::curl::configuration(text), &format!("{}\n", github.toml()))
}
