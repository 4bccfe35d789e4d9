//! A client of a running host, for commands that ask one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Longer than a call may take by default.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Where a host listens that was not told otherwise.
const DEFAULT_HOST: &str = "http://127.0.0.1:8000";
/// Bytes of an answer.
const ANSWER: u64 = 64 << 20;

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

pub struct HostClient {
    url: String,
    key: Option<String>,
    agent: Agent,
}

/// An answer of the host, or of a plugin through it.
pub struct HostAnswer {
    pub status: u16,
    pub text: String,
}

impl HostClient {
    /// A client with the API key that is in a file.
    pub fn with_key_file(url: &str, file: Option<&Path>) -> anyhow::Result<Self> {
        let read = |file: &Path| {
            let key = std::fs::read_to_string(file);
            key.with_context(|| format!("the key file {} cannot be read", file.display()))
        };
        let key = file.map(read).transpose()?;
        Self::new(url, key.map(|key| key.trim().to_owned()))
    }

    pub fn new(url: &str, key: Option<String>) -> anyhow::Result<Self> {
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

    /// What is at that path, as JSON.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, self.key_header(), Vec::new())?.json(path)
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
        self.send(method, path, headers.iter().cloned(), body)
    }

    fn key_header(&self) -> Option<(String, String)> {
        let key = self.key.as_ref()?;
        Some(("authorization".to_owned(), format!("Bearer {key}")))
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: impl IntoIterator<Item = (String, String)>,
        body: Vec<u8>,
    ) -> anyhow::Result<HostAnswer> {
        let url = format!("{}{path}", self.url);
        let mut request = Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).context("this is no HTTP request")?;
        let answer = self.agent.run(request).map_err(|error| {
            anyhow!(
                "the host at {} does not answer ({error}); start it, or name another with --host",
                self.url
            )
        })?;
        read(answer).with_context(|| format!("the answer to {method} {path} cannot be read"))
    }
}

impl HostAnswer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The JSON of a success; else the host's own words about the failure.
    pub fn json(self, path: &str) -> anyhow::Result<Value> {
        if !self.is_success() {
            bail!("{path}: {}", self.failure());
        }
        serde_json::from_str(&self.text)
            .with_context(|| format!("{path}: a host answers JSON there, and this does not"))
    }

    /// `503 instance_busy: the instance …`
    pub fn failure(&self) -> String {
        let problem: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let field = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        let (code, detail) = (field("code"), field("detail"));
        if detail.is_empty() {
            return format!("{} {}", self.status, self.text).trim_end().to_owned();
        }
        let hint = match self.status {
            401 => "; name a file with an API key with --key-file",
            _ => "",
        };
        format!("{} {code}: {detail}{hint}", self.status)
    }
}

fn read(mut answer: Response<ureq::Body>) -> Result<HostAnswer, ureq::Error> {
    let status = answer.status().as_u16();
    let bytes = answer.body_mut().with_config().limit(ANSWER).read_to_vec()?;
    Ok(HostAnswer { status, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// The authorities that this system trusts.
fn roots() -> anyhow::Result<RootCerts> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        bail!("this system trusts no certificates; set SSL_CERT_FILE to a file of authorities");
    }
    let certificates = found.certs.iter().map(|one| Certificate::from_der(one).to_owned());
    Ok(RootCerts::Specific(Arc::new(certificates.collect())))
}
