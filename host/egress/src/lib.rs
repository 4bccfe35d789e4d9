//! Outbound HTTP: the host's only client, for plugins, deliveries and everything else.
//!
//! A name is resolved once, every address is checked, and the client connects to a checked address.
//! It never follows a redirect, uses a proxy variable, or puts a query or a header into a message:
//! both may contain a secret. Only this crate uses `reqwest`.

mod address;
mod clients;
mod error;
mod exhausted;
mod headers;
mod permits;
mod resolver;
mod response;
mod room;

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
use permits::Admission;
use resolver::{Lookup, NotReached};

use moothall_core::config::EgressConfig;
use moothall_core::ids::PluginName;

pub use clients::system_certificates;
pub use error::{EgressError, EgressSetupError};
pub use moothall_values::destination::{CheckedUrl, Cidr};
pub use room::Room;

/// A request to send.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute, `http` or `https`, without user information.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The time of the whole request; never longer than `[egress] total_ms`.
    pub timeout: Option<Duration>,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    pub status: u16,
    /// Names are in lower case; bytes of a value that are not UTF-8 became U+FFFD.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Why the body is incomplete, if the caller wants only its first bytes.
    pub cut_off: Option<EgressError>,
}

/// Which addresses a request may reach.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Public addresses, and those in `[egress] allow_cidr`.
    Public,
    /// Also these: a plugin's grant `cidr`.
    Also(Arc<[Cidr]>),
    /// Any address: the operator set this URL.
    Any,
    /// Public addresses, and this machine's own.
    Loopback,
}

/// How much of an answer's body to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it; more than `[egress] response_bytes` is an error.
    Whole,
    /// Only the first bytes, because the status matters. A body that does not come within this
    /// time, or breaks off, is no error.
    First { bytes: usize, within: Duration },
}

/// Who sends a request. Each sender has its own permits and connections, so that one whose requests
/// hang delays nobody else.
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

    /// The same client for another sender.
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

    /// The addresses to which a plugin may open TCP connections by the grant of this host: an
    /// address, or what a name resolves to now. `keep` is dropped when the look-up ends.
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
                .map_err(|refusal| refused(refusal, &self.sender));
        }
        let end = Instant::now() + Duration::from_millis(self.shared.config.connect_ms);
        let found = self.clients().names().checked(host, &policy, keep);
        until(end, "looking up a name", found)
            .await?
            .map_err(|error| EgressError::of_name(error, &self.sender))
    }

    /// The largest body of a request, in bytes.
    pub fn request_bytes(&self) -> usize {
        self.shared.config.request_bytes
    }

    /// The limits of a request.
    pub fn room(&self) -> Room {
        room(&self.shared.config)
    }

    /// The largest body of an answer, in bytes.
    pub fn response_bytes(&self) -> usize {
        self.shared.config.response_bytes
    }

    /// Checks the form of an endpoint's or a callback's URL when it is configured. It does not
    /// check the addresses of names: those are checked at each connection.
    pub fn check_url(url: &str) -> Result<CheckedUrl, EgressError> {
        CheckedUrl::parse(url).map_err(EgressError::Invalid)
    }

    /// The same; also checks an address in the URL.
    pub fn check_address(&self, url: &str, reach: &Reach) -> Result<(), EgressError> {
        check_literal(&self.clients().policy(reach), &Self::check_url(url)?, &self.sender)
    }

    /// The same; also resolves its name now and checks the addresses. A name that does not resolve
    /// passes, because it may exist later; so does one whose look-up takes longer than `[egress]
    /// connect_ms`.
    pub async fn check_reachable(&self, url: &str, reach: &Reach) -> Result<(), EgressError> {
        let (url, policy) = (Self::check_url(url)?, self.clients().policy(reach));
        check_literal(&policy, &url, &self.sender)?;
        let url::Host::Domain(name) = url.host() else { return Ok(()) };
        let end = Instant::now() + Duration::from_millis(self.shared.config.connect_ms);
        let found = self.clients().names().checked(name, &policy, ());
        match until(end, "looking up a name", found).await {
            Ok(Err(refusal @ NotReached::Refused(..))) => {
                Err(EgressError::of_name(refusal, &self.sender))
            }
            _ => Ok(()),
        }
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
        check_literal(&policy, &url, &self.sender)?;
        let prepared = prepare(&client, config, &url, &request, &self.sender)?;

        let longest = Duration::from_millis(config.total_ms);
        let end = Instant::now() + request.timeout.map_or(longest, |asked| asked.min(longest));
        let _admitted = admission.take(&self.sender, &url, end).await?;
        let answer = until(end, "waiting for the answer", client.execute(prepared)).await?;
        let answer = answer.map_err(|error| EgressError::of_request(&error, &url, &self.sender))?;
        response::read(answer, body, config.response_bytes, end).await
    }
}

async fn until<T>(
    end: Instant,
    stage: &'static str,
    step: impl Future<Output = T>,
) -> Result<T, EgressError> {
    timeout_at(end, step).await.map_err(|_| EgressError::Timeout(stage))
}

/// Checks an address in a URL, which never reaches the resolver.
fn check_literal(policy: &Policy, url: &CheckedUrl, sender: &Sender) -> Result<(), EgressError> {
    let address = match url.host() {
        url::Host::Domain(_) => return Ok(()),
        url::Host::Ipv4(address) => (*address).into(),
        url::Host::Ipv6(address) => (*address).into(),
    };
    policy.check(address).map_err(|refusal| refused(refusal, sender))
}

fn refused(refusal: address::Refusal, sender: &Sender) -> EgressError {
    EgressError::refused(&refusal.to_string(), &refusal.cidr(), sender)
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
    sender: &Sender,
) -> Result<reqwest::Request, EgressError> {
    room(config).check(request)?;
    let method = method_of(&request.method)?;
    let has_body = !request.body.is_empty();
    let mut builder = client.request(method, url.url().clone());
    builder = builder.headers(request_headers(&request.headers)?);
    if has_body {
        builder = builder.body(request.body.clone());
    }
    builder.build().map_err(|error| EgressError::of_request(&error, url, sender))
}
