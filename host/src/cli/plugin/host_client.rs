//! A client of a running host, for commands that ask one.

mod answer;
mod failure;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

pub use answer::HostAnswer;
pub use stream::{EventsGone, Heard};

use answer::SentRequest;

/// Longer than a call may take by default.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Where a host listens that was not told otherwise.
const DEFAULT_HOST: &str = "http://127.0.0.1:8000";
/// The most bytes of an answer.
const ANSWER_BYTES: u64 = 64 << 20;
/// How a host's own failures are marked.
const PROBLEM: &str = "application/problem+json";
/// What stays as it is in a part of a path.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[derive(Clone, Debug, Args)]
pub struct HostArgs {
    /// The host's URL. [default: http://127.0.0.1:8000]
    #[arg(long, value_name = "URL")]
    host: Option<String>,
    /// A file with an API key of the host.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl HostArgs {
    pub fn client(&self) -> anyhow::Result<HostClient> {
        let host = self.host.as_deref().unwrap_or(DEFAULT_HOST);
        HostClient::with_key_file(host, self.key_file.as_deref())
    }

    /// Whether any of the options is there.
    pub fn is_given(&self) -> bool {
        self.host.is_some() || self.key_file.is_some()
    }
}

/// Clones share their connections.
#[derive(Clone)]
pub struct HostClient {
    url: String,
    key: Option<Key>,
    agent: Agent,
}

#[derive(Clone)]
struct Key {
    text: String,
    file: PathBuf,
}

/// A name as a part of a URL's path: no character of it leads elsewhere.
pub fn in_path(name: &str) -> String {
    match name {
        // These would be taken out of the path with what is before them.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        name => utf8_percent_encode(name, IN_PATH).to_string(),
    }
}

impl HostClient {
    /// A client with the API key that is in a file.
    pub fn with_key_file(url: &str, file: Option<&Path>) -> anyhow::Result<Self> {
        let read = |file: &Path| {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("the key file {} cannot be read", file.display()))?;
            anyhow::Ok(Key { text: text.trim().to_owned(), file: file.to_owned() })
        };
        Self::new(url, file.map(read).transpose()?)
    }

    /// A client of a host that needs no key.
    pub fn without_key(url: &str) -> anyhow::Result<Self> {
        Self::new(url, None)
    }

    fn new(url: &str, key: Option<Key>) -> anyhow::Result<Self> {
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        if !is_web {
            bail!("`{url}` is no URL of a host; write `http://…` or `https://…`");
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            // A proxy of the environment is for others, not for hosts.
            .proxy(None)
            .max_redirects(0)
            .user_agent(concat!("moothall/", env!("CARGO_PKG_VERSION")));
        if url.starts_with("https://") {
            config = config.tls_config(TlsConfig::builder().root_certs(roots()?).build());
        }
        let agent = Agent::new_with_config(config.build());
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key, agent })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its API key is from, if it has one.
    pub fn key_file(&self) -> Option<&Path> {
        self.key.as_ref().map(|key| key.file.as_path())
    }

    /// What is at that path, as JSON.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, self.key_header(), Vec::new())?.json()
    }

    /// The same; nothing if there is no such thing.
    pub fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let answer = self.send("GET", path, self.key_header(), Vec::new())?;
        if answer.status == 404 && answer.is_of_host() {
            return Ok(None);
        }
        answer.json().map(Some)
    }

    /// What the host lists of its plugin files.
    pub fn plugin_files(&self) -> anyhow::Result<Vec<Value>> {
        let mut listed = self.get("/api/internal/plugins")?;
        match listed.get_mut("plugins").map(Value::take) {
            Some(Value::Array(files)) => Ok(files),
            _ => bail!("the host lists no plugin files"),
        }
    }

    /// Sends JSON to the API.
    pub fn send_json(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &Value,
    ) -> anyhow::Result<HostAnswer> {
        let json = ("content-type".to_owned(), "application/json".to_owned());
        let headers = headers.iter().cloned().chain([json]).chain(self.key_header());
        self.send(method, path, headers, body.to_string().into_bytes())
    }

    /// Sends what others send to the host: without the key.
    pub fn send_openly(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> anyhow::Result<HostAnswer> {
        let mut answer = self.send(method, path, headers.iter().cloned(), body)?;
        answer.asked.is_open = true;
        Ok(answer)
    }

    fn key_header(&self) -> Option<(String, String)> {
        let key = self.key.as_ref()?;
        Some(("authorization".to_owned(), format!("Bearer {}", key.text)))
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: impl IntoIterator<Item = (String, String)>,
        body: Vec<u8>,
    ) -> anyhow::Result<HostAnswer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).context("this is no HTTP request")?;
        let answer = self.agent.run(request);
        let answer = answer.map_err(|error| failure::of_request(&self.url, error))?;
        self.read(format!("{method} {path}"), answer)
    }

    fn read(&self, what: String, mut answer: Response<ureq::Body>) -> anyhow::Result<HostAnswer> {
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let (status, location) = (answer.status().as_u16(), header("location"));
        let is_problem = header("content-type").is_some_and(|kind| kind.starts_with(PROBLEM));
        let bytes = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
        let bytes = bytes.map_err(|error| failure::of_answer(&self.url, &what, error))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let key_file = self.key.as_ref().map(|key| key.file.clone());
        let asked = SentRequest { url: self.url.clone(), what, key_file, is_open: false };
        Ok(HostAnswer { status, text, location, is_problem, asked })
    }
}

/// The authorities that this system trusts.
fn roots() -> anyhow::Result<RootCerts> {
    let found = moothall_egress::system_certificates();
    if found.is_empty() {
        bail!("this system trusts no certificates; set SSL_CERT_FILE to a file of authorities");
    }
    let certificates = found.iter().map(|one| Certificate::from_der(one).to_owned());
    Ok(RootCerts::Specific(Arc::new(certificates.collect())))
}

#[cfg(test)]
pub mod tests;
