//! One HTTP client for each reach. A resolver does not see the request, so the client is chosen by
//! what the request may reach; two of them never share a connection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy as Redirects;
use rustls::pki_types::CertificateDer;
use tower::util::MapResponseLayer;

use super::address::Policy;
use super::resolver::{CheckedResolver, Lookup, Names};
use super::{Cidr, EgressError, EgressSetupError, Reach};
use moothall_core::config::EgressConfig;

/// The most idle connections to one host and port.
const IDLE_CONNECTIONS: usize = 32;
/// How long an idle connection is kept.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// The most clients that are kept; beyond it the oldest is dropped, and made again when needed.
const CLIENTS: usize = 64;
const USER_AGENT: &str = concat!("moothall/", env!("CARGO_PKG_VERSION"));

type Pair = (Arc<Policy>, Client);

pub struct Clients {
    making: Making,
    /// How many connections a client opens before it is replaced, which closes its idle ones.
    idle: usize,
    kept: Mutex<Kept>,
}

/// Clients, and how many connections they have opened: no more can be idle.
#[derive(Default)]
struct Kept {
    by_reach: VecDeque<(Reach, Pair)>,
    opened: Arc<AtomicUsize>,
}

/// The parts of every client.
struct Making {
    names: Names,
    tls: rustls::ClientConfig,
    allow_cidr: Vec<Cidr>,
    connect: Duration,
}

impl Clients {
    pub fn new(config: &EgressConfig, tls: rustls::ClientConfig, lookup: Lookup) -> Self {
        let making = Making {
            names: Names::new(&config.resolve, lookup),
            tls,
            allow_cidr: config.allow_cidr.clone(),
            connect: Duration::from_millis(config.connect_ms),
        };
        Self { making, idle: config.idle_connections.max(1), kept: Mutex::default() }
    }

    pub fn names(&self) -> &Names {
        &self.making.names
    }

    pub fn policy(&self, reach: &Reach) -> Policy {
        Policy::new(reach, &self.making.allow_cidr)
    }

    pub fn of(&self, reach: &Reach) -> Result<Pair, EgressError> {
        let public = Reach::Public;
        let reach = match reach {
            Reach::Also(cidrs) if cidrs.is_empty() => &public,
            reach => reach,
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.opened.load(Ordering::Relaxed) >= self.idle {
            // Their idle connections are closed with them; a request in flight keeps its connection
            // to its end.
            *kept = Kept::default();
        }
        if let Some((_, pair)) = kept.by_reach.iter().find(|(known, _)| known == reach) {
            return Ok(pair.clone());
        }
        let pair = self.making.client(reach, kept.opened.clone()).map_err(EgressError::Connect)?;
        kept.by_reach.truncate(CLIENTS - 1);
        kept.by_reach.push_front((reach.clone(), pair.clone()));
        Ok(pair)
    }
}

impl Making {
    fn client(&self, reach: &Reach, opened: Arc<AtomicUsize>) -> Result<Pair, String> {
        let policy = Arc::new(Policy::new(reach, &self.allow_cidr));
        let resolver = CheckedResolver { names: self.names.clone(), policy: policy.clone() };
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(resolver))
            .redirect(Redirects::none())
            .no_proxy()
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect)
            .connector_layer(MapResponseLayer::new(move |connection| {
                opened.fetch_add(1, Ordering::Relaxed);
                connection
            }))
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build();
        client.map(|client| (policy, client)).map_err(|error| error.to_string())
    }
}

/// Mozilla's roots, and those of the operating system, which may include a company's own.
pub fn tls() -> Result<rustls::ClientConfig, EgressSetupError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(system_certificates());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressSetupError(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The authorities that this machine trusts. What cannot be read is logged, and left out.
pub fn system_certificates() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificates that this machine trusts cannot be read");
    }
    found.certs
}
