//! Outbound HTTP: the one client of the host, for plugins, deliveries and whatever else is sent.
//!
//! A name is resolved once, every address is checked, and a checked address is the one connected
//! to. Nothing here follows a redirect, looks at a proxy variable, or puts a query or a header into
//! a message: both may hold a secret. `reqwest` is named here and nowhere else.

mod address;
mod clients;
mod error;
mod headers;
mod resolver;
mod response;
mod turns;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use address::Policy;
use clients::Clients;
use headers::{method_of, request_headers};
use resolver::Lookup;
use turns::Turns;

use crate::config::EgressConfig;

pub use crate::destination::{CheckedUrl, Cidr};
pub use error::{EgressError, EgressSetupError};

/// A request that is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute, `http` or `https`, without user information.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// How long it may take as a whole; never longer than `[egress] total_ms`.
    pub timeout: Option<Duration>,
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    pub status: u16,
    /// Lower-case names; bytes of a value that are not UTF-8 became U+FFFD.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// There was more than `Body::First` asked for.
    pub truncated: bool,
}

/// Which addresses a request may reach.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Those that are public, or in `[egress] allow_cidr`.
    Public,
    /// These as well: a plugin's grant `cidr`.
    Also(Arc<[Cidr]>),
    /// Any: the operator named this URL himself.
    Any,
    /// The machine's own beside public ones.
    Loopback,
}

/// How much of an answer's body is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// All; more than `[egress] response_bytes` is an error.
    Whole,
    /// The first bytes; the rest is not read.
    First(usize),
}

/// The client. Clones share connections and limits.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
}

struct Shared {
    config: EgressConfig,
    clients: Clients,
    turns: Turns,
}

impl Egress {
    pub fn new(config: &EgressConfig) -> Result<Self, EgressSetupError> {
        Self::with_lookup(config, resolver::system())
    }

    fn with_lookup(config: &EgressConfig, lookup: Lookup) -> Result<Self, EgressSetupError> {
        let shared = Shared {
            config: config.clone(),
            clients: Clients::new(config, lookup)?,
            turns: Turns::new(config.connections_per_host),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The largest body of a request, in bytes.
    pub fn request_bytes(&self) -> usize {
        self.shared.config.request_bytes
    }

    /// The largest body of an answer, in bytes.
    pub fn response_bytes(&self) -> usize {
        self.shared.config.response_bytes
    }

    /// What an endpoint's or a callback's URL must be when it is configured. Says nothing about
    /// addresses that names have: those are checked at each connection.
    pub fn check_url(url: &str) -> Result<CheckedUrl, EgressError> {
        CheckedUrl::parse(url).map_err(EgressError::Invalid)
    }

    /// The same, and that an address in it may be reached.
    pub fn check_address(&self, url: &str, reach: &Reach) -> Result<(), EgressError> {
        let (policy, _) = self.shared.clients.of(reach)?;
        check_literal(&policy, &Self::check_url(url)?)
    }

    /// Sends a request and reads its answer. Dropping the future ends the request.
    pub async fn send(
        &self,
        request: Outbound,
        reach: &Reach,
        body: Body,
    ) -> Result<Inbound, EgressError> {
        let Shared { config, clients, turns } = &*self.shared;
        let url = Self::check_url(&request.url)?;
        let (policy, client) = clients.of(reach)?;
        check_literal(&policy, &url)?;
        let prepared = prepare(&client, config, &url, &request)?;

        let longest = Duration::from_millis(config.total_ms);
        let end = Instant::now() + request.timeout.map_or(longest, |asked| asked.min(longest));
        let turn = turns.take(&url);
        let _turn = until(end, "waiting for other requests to the same host", turn).await??;
        let answer = until(end, "waiting for the answer", client.execute(prepared)).await?;
        let answer = answer.map_err(|error| EgressError::of_request(&error, &url))?;
        until(end, "reading the answer", response::read(answer, body, config.response_bytes))
            .await?
    }
}

async fn until<T>(
    end: Instant,
    stage: &'static str,
    step: impl Future<Output = T>,
) -> Result<T, EgressError> {
    timeout_at(end, step).await.map_err(|_| EgressError::Timeout(stage))
}

/// An address in a URL never reaches the resolver.
fn check_literal(policy: &Policy, url: &CheckedUrl) -> Result<(), EgressError> {
    let address = match url.host() {
        url::Host::Domain(_) => return Ok(()),
        url::Host::Ipv4(address) => (*address).into(),
        url::Host::Ipv6(address) => (*address).into(),
    };
    let refused = |refusal: address::Refusal| EgressError::Refused(refusal.to_string());
    policy.check(address).map_err(refused)
}

fn prepare(
    client: &reqwest::Client,
    config: &EgressConfig,
    url: &CheckedUrl,
    request: &Outbound,
) -> Result<reqwest::Request, EgressError> {
    if request.body.len() > config.request_bytes {
        let (is, limit) = (request.body.len(), config.request_bytes);
        let message = format!("the request's body has {is} bytes, at most {limit} are allowed");
        return Err(EgressError::Invalid(message));
    }
    let method = method_of(&request.method)?;
    let has_body = !request.body.is_empty();
    let mut builder = client.request(method, url.url().clone());
    builder = builder.headers(request_headers(&request.headers)?);
    if has_body {
        builder = builder.body(request.body.clone());
    }
    builder.build().map_err(|error| EgressError::of_request(&error, url))
}
