//! One HTTP client for each kind of reach. A resolver does not see the request, so the client is
//! chosen by what the request may reach; connections are never shared between two of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy as Redirects;

use super::address::Policy;
use super::resolver::{CheckedResolver, Lookup, Names};
use super::{Cidr, EgressError, EgressSetupError, Reach};
use crate::config::EgressConfig;

/// Idle connections that are kept for one host and port.
const IDLE_CONNECTIONS: usize = 32;
/// How long an idle connection is kept.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Clients for grants of addresses that are kept; beyond it the oldest is made again when needed.
const GRANT_CLIENTS: usize = 64;
const USER_AGENT: &str = concat!("moothall/", env!("CARGO_PKG_VERSION"));

type Pair = (Arc<Policy>, Client);

pub struct Clients {
    making: Making,
    public: Pair,
    any: Pair,
    loopback: Pair,
    granted: Mutex<VecDeque<(Arc<[Cidr]>, Pair)>>,
}

/// What every client is made of.
struct Making {
    names: Names,
    tls: rustls::ClientConfig,
    allow_cidr: Vec<Cidr>,
    connect: Duration,
}

impl Clients {
    pub fn new(config: &EgressConfig, lookup: Lookup) -> Result<Self, EgressSetupError> {
        let making = Making {
            names: Names::new(&config.resolve, lookup),
            tls: tls()?,
            allow_cidr: config.allow_cidr.clone(),
            connect: Duration::from_millis(config.connect_ms),
        };
        let make = |reach| making.client(&reach).map_err(EgressSetupError);
        let (public, any) = (make(Reach::Public)?, make(Reach::Any)?);
        let loopback = make(Reach::Loopback)?;
        Ok(Self { making, public, any, loopback, granted: Mutex::default() })
    }

    pub fn of(&self, reach: &Reach) -> Result<Pair, EgressError> {
        match reach {
            Reach::Public => Ok(self.public.clone()),
            Reach::Any => Ok(self.any.clone()),
            Reach::Loopback => Ok(self.loopback.clone()),
            Reach::Also(cidrs) if cidrs.is_empty() => Ok(self.public.clone()),
            Reach::Also(cidrs) => self.of_grant(cidrs, reach),
        }
    }

    fn of_grant(&self, cidrs: &Arc<[Cidr]>, reach: &Reach) -> Result<Pair, EgressError> {
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pair)) = granted.iter().find(|(known, _)| known == cidrs) {
            return Ok(pair.clone());
        }
        let pair = self.making.client(reach).map_err(EgressError::Connect)?;
        granted.truncate(GRANT_CLIENTS - 1);
        granted.push_front((cidrs.clone(), pair.clone()));
        Ok(pair)
    }
}

impl Making {
    fn client(&self, reach: &Reach) -> Result<Pair, String> {
        let policy = Arc::new(Policy::new(reach, &self.allow_cidr));
        let resolver = CheckedResolver { names: self.names.clone(), policy: policy.clone() };
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(resolver))
            .redirect(Redirects::none())
            .no_proxy()
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect)
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build();
        client.map(|client| (policy, client)).map_err(|error| error.to_string())
    }
}

/// Mozilla's roots, which are always there, and those of the operating system, where a company's
/// own are.
fn tls() -> Result<rustls::ClientConfig, EgressSetupError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificates that this machine trusts cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressSetupError(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
