//! A driver: an HTTP client of one host. Must never hide a failure: it returns every answer.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use crate::{Answer, until};

pub const COMMUNITY: &str = "X-Metagov-Community";
/// The longest wait, longer than any limit of a call in these tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A TLS configuration that trusts nobody: the hosts of these tests speak plain HTTP.
pub fn without_roots() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions of the provider")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// Clones share their connections.
#[derive(Clone, Debug)]
pub struct Driver {
    http: reqwest::Client,
    pub url: String,
    key: Option<String>,
}

impl Driver {
    pub fn new(url: String) -> Self {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(without_roots())
            .timeout(PATIENCE)
            .no_proxy()
            .build();
        Self { http: http.expect("a client without TLS"), url, key: None }
    }

    /// The same client with an API key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = Url::parse(&format!("{}{path}", self.url)).expect("a path");
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn put_community(&self, slug: &str, plugins: Value) -> Answer {
        self.put(&format!("/api/internal/community/{slug}"), json!({ "plugins": plugins })).await
    }

    /// Creates a community with one plugin.
    pub async fn community(&self, slug: &str, plugin: &str, config: Value) -> Value {
        let plugins = json!([{ "name": plugin, "config": config }]);
        self.put_community(slug, plugins).await.expect(201)
    }

    pub async fn enable(&self, community: &str, plugin: &str, config: Value) -> Answer {
        let path = format!("/api/internal/plugin/{plugin}");
        answer(self.request(Method::POST, &path).header(COMMUNITY, community).json(&config)).await
    }

    pub fn action_request(
        &self,
        community: &str,
        action: &str,
        parameters: Value,
    ) -> RequestBuilder {
        self.request(Method::POST, &format!("/api/internal/action/{action}"))
            .header(COMMUNITY, community)
            .json(&json!({ "parameters": parameters }))
    }

    pub async fn action(&self, community: &str, action: &str, parameters: Value) -> Answer {
        answer(self.action_request(community, action, parameters)).await
    }

    /// The result of an action that must succeed.
    pub async fn result(&self, community: &str, action: &str, parameters: Value) -> Value {
        self.action(community, action, parameters).await.expect(200)
    }

    /// Starts a process; returns its URL.
    pub async fn process(&self, community: &str, process: &str, parameters: Value) -> String {
        let started = self.start_process(community, process, parameters).await;
        started.expect(202);
        started.header("location").to_owned()
    }

    pub async fn start_process(&self, community: &str, process: &str, parameters: Value) -> Answer {
        let request = self.request(Method::POST, &format!("/api/internal/process/{process}"));
        answer(request.header(COMMUNITY, community).json(&parameters)).await
    }

    /// Waits until a process is what the test says.
    pub async fn process_that(
        &self,
        location: &str,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Value {
        until(&format!("the process {what}"), async || {
            Some(self.get(location).await.expect(200)).filter(&is_it)
        })
        .await
    }

    /// Performs an action on a host that may die meanwhile.
    pub async fn try_action(
        &self,
        community: &str,
        action: &str,
        parameters: Value,
    ) -> Result<Answer, reqwest::Error> {
        Answer::read(self.action_request(community, action, parameters).send().await?).await
    }

    /// The listing of one plugin file.
    pub async fn file(&self, name: &str) -> Value {
        let all = self.get("/api/internal/plugins").await.expect(200);
        let files = all["plugins"].as_array().cloned().unwrap_or_default();
        files.into_iter().find(|file| file["file"] == name).unwrap_or_default()
    }
}

/// Sends a request that must be answered.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the host answers");
    Answer::read(response).await.expect("the answer arrives whole")
}
