//! Outbound HTTP: the one client of the host, for plugins, deliveries and whatever else is sent.
//!
//! A name is resolved once, every address is checked, and a checked address is the one connected
//! to. Nothing here follows a redirect, looks at a proxy variable, or puts a query or a header into
//! a message: both may hold a secret. `reqwest` is named here and nowhere else.

mod address;
mod clients;
mod error;
mod exhausted;
mod headers;
mod resolver;
mod response;
mod room;
mod turns;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use address::Policy;
use clients::Clients;
use headers::{method_of, request_headers};
use resolver::Lookup;
use turns::Admission;

use crate::config::EgressConfig;
use crate::ids::PluginName;

pub use crate::destination::{CheckedUrl, Cidr};
pub use error::{EgressError, EgressSetupError};
pub use room::Room;

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

/// On whose behalf a request is sent. Each has turns and connections of its own, so that one whose requests hang
/// holds up nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    Deliveries,
    Hooks,
    Plugin(PluginName),
}

/// The client of one sender. Clones, and those of other senders, share the limits.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
    sender: Sender,
}

struct Shared {
    config: EgressConfig,
    deliveries: Clients,
    hooks: Clients,
    plugins: Clients,
    admission: Admission,
}

impl Egress {
    pub fn new(config: &EgressConfig) -> Result<Self, EgressSetupError> {
        Self::with_lookup(config, resolver::system())
    }

    fn with_lookup(config: &EgressConfig, lookup: Lookup) -> Result<Self, EgressSetupError> {
        let tls = clients::tls()?;
        let clients = || Clients::new(config, tls.clone(), lookup.clone());
        let shared = Shared {
            config: config.clone(),
            deliveries: clients(),
            hooks: clients(),
            plugins: clients(),
            admission: Admission::new(config),
        };
        let made = shared.deliveries.of(&Reach::Public);
        made.map_err(|error| EgressSetupError(error.to_string()))?;
        Ok(Self { shared: Arc::new(shared), sender: Sender::Deliveries })
    }

    /// The same client for what somebody else sends.
    pub fn of(&self, sender: Sender) -> Self {
        Self { shared: self.shared.clone(), sender }
    }

    fn clients(&self) -> &Clients {
        match self.sender {
            Sender::Deliveries => &self.shared.deliveries,
            Sender::Hooks => &self.shared.hooks,
            Sender::Plugin(_) => &self.shared.plugins,
        }
    }

    /// The addresses that a plugin may open TCP connections to under a host that was granted to it: an address, or
    /// what a name stands for now. `keep` lasts as long as the look-up.
    pub async fn tcp_addresses(
        &self,
        host: &str,
        cidr: &[Cidr],
        keep: impl Send + 'static,
    ) -> Result<Vec<IpAddr>, EgressError> {
        let policy = Policy::of_tcp(cidr, &self.shared.config.allow_cidr);
        if let Ok(address) = host.parse::<IpAddr>() {
            let checked = policy.check(address);
            return checked
                .map(|()| vec![address])
                .map_err(|refusal| EgressError::Refused(refusal.to_string()));
        }
        let end = Instant::now() + Duration::from_millis(self.shared.config.connect_ms);
        let found = self.clients().names().checked(host, &policy, keep);
        until(end, "looking up a name", found).await?.map_err(EgressError::of_name)
    }

    /// The largest body of a request, in bytes.
    pub fn request_bytes(&self) -> usize {
        self.shared.config.request_bytes
    }

    /// How much a request may hold.
    pub fn room(&self) -> Room {
        room(&self.shared.config)
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
        check_literal(&self.clients().policy(reach), &Self::check_url(url)?)
    }

    /// Sends a request and reads its answer. Dropping the future ends the request.
    pub async fn send(
        &self,
        request: Outbound,
        reach: &Reach,
        body: Body,
    ) -> Result<Inbound, EgressError> {
        let Shared { config, admission, .. } = &*self.shared;
        let url = Self::check_url(&request.url)?;
        let (policy, client) = self.clients().of(reach)?;
        check_literal(&policy, &url)?;
        let prepared = prepare(&client, config, &url, &request)?;

        let longest = Duration::from_millis(config.total_ms);
        let end = Instant::now() + request.timeout.map_or(longest, |asked| asked.min(longest));
        let _admitted = admission.take(&self.sender, &url, end).await?;
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

fn room(config: &EgressConfig) -> Room {
    let EgressConfig { headers, header_bytes, request_bytes, .. } = *config;
    Room { headers, header_bytes, body_bytes: request_bytes }
}

fn prepare(
    client: &reqwest::Client,
    config: &EgressConfig,
    url: &CheckedUrl,
    request: &Outbound,
) -> Result<reqwest::Request, EgressError> {
    room(config).check(request)?;
    let method = method_of(&request.method)?;
    let has_body = !request.body.is_empty();
    let mut builder = client.request(method, url.url().clone());
    builder = builder.headers(request_headers(&request.headers)?);
    if has_body {
        builder = builder.body(request.body.clone());
    }
    builder.build().map_err(|error| EgressError::of_request(&error, url))
}
