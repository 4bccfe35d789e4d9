//! Resolves names to checked addresses. The client connects to these very addresses: there is no
//! second look-up that could return others.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::Policy;
use super::exhausted;

/// The most look-ups at once. Each occupies a thread, also when nobody waits for it any more.
const LOOKUPS: usize = 64;
/// The most addresses of one name.
const ADDRESSES: usize = 64;

/// Resolves a name to its addresses; may block.
pub type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// The operating system's resolver.
pub fn system() -> Lookup {
    Arc::new(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
}

/// Why a name has no allowed address, as sentences.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReached {
    /// With the address alone, for a grant.
    #[error("{0}")]
    Refused(String, String),
    #[error("{0}")]
    NotFound(String),
    /// The host could not send a query.
    #[error("{0}")]
    Exhausted(&'static str),
}

/// The resolver that all clients share: pinned names, and the way to resolve others.
#[derive(Clone)]
pub struct Names {
    pinned: Arc<BTreeMap<String, Vec<IpAddr>>>,
    lookup: Lookup,
    lookups: Arc<Semaphore>,
}

/// The resolver of one client, which returns only addresses that the client's policy allows.
pub struct CheckedResolver {
    pub names: Names,
    pub policy: Arc<Policy>,
}

impl Names {
    pub fn new(pinned: &BTreeMap<String, Vec<IpAddr>>, lookup: Lookup) -> Self {
        let pinned = pinned.iter().map(|(name, addresses)| (canonical(name), addresses.clone()));
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Self { pinned: Arc::new(pinned.collect()), lookup, lookups }
    }

    /// The addresses of a name, unchecked. `keep` is dropped when the look-up ends, also if nobody
    /// waits for it any more.
    async fn addresses(&self, name: &str, keep: impl Send + 'static) -> io::Result<Vec<IpAddr>> {
        if let Some(pinned) = self.pinned.get(&canonical(name)) {
            return Ok(pinned.clone());
        }
        let permit = self.lookups.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (lookup, name) = (self.lookup.clone(), name.to_owned());
        let blocking = move || {
            let addresses = lookup(&name);
            drop((permit, keep));
            addresses
        };
        exhausted::spawn_blocking(blocking)?.await.map_err(io::Error::other)?
    }

    /// The addresses that the policy allows: all of a name's, or none.
    pub async fn checked(
        &self,
        name: &str,
        policy: &Policy,
        keep: impl Send + 'static,
    ) -> Result<Vec<IpAddr>, NotReached> {
        checked(name, self.addresses(name, keep).await, policy)
    }
}

fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, policy) = (self.names.clone(), self.policy.clone());
        Box::pin(async move {
            let checked = names.checked(name.as_str(), &policy, ()).await?;
            Ok(Box::new(checked.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

/// All of a name's addresses or none: a refused one among them is no accident.
fn checked(
    name: &str,
    found: io::Result<Vec<IpAddr>>,
    policy: &Policy,
) -> Result<Vec<IpAddr>, NotReached> {
    let nothing =
        |why: String| NotReached::NotFound(format!("the name `{name}` cannot be resolved: {why}"));
    let found = found.map_err(|error| {
        let missing = exhausted::of_io(&error).or_else(exhausted::descriptors);
        missing.map_or_else(|| nothing(error.to_string()), NotReached::Exhausted)
    })?;
    if found.is_empty() {
        return Err(nothing("it has no address".into()));
    }
    for address in &found {
        policy.check(*address).map_err(|refusal| {
            let among = if found.len() > 1 { "among others " } else { "" };
            NotReached::Refused(format!("`{name}` resolves {among}to {refusal}"), refusal.cidr())
        })?;
    }
    Ok(found.into_iter().take(ADDRESSES).collect())
}
