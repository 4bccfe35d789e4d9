//! Limits the connections of each address, so that one client cannot use them all.
//!
//! Connections from this machine and from the operator's proxies are not counted: they carry requests of many clients.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::peer::{Peer, client};
use moothall_core::telemetry::metric::HTTP_CONNECTIONS_CUT;
use moothall_values::destination::Cidr;

/// How often refusals are logged.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// The open connections, by address.
pub struct Addresses {
    most: usize,
    proxies: Vec<Cidr>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    by_address: HashMap<IpAddr, usize>,
    warned_at: Option<Instant>,
}

/// A connection's permit, given back when it is dropped.
pub struct Counted {
    addresses: Arc<Addresses>,
    address: Option<IpAddr>,
}

impl Addresses {
    pub fn new(most: usize, proxies: Vec<Cidr>) -> Arc<Self> {
        Arc::new(Self { most, proxies, open: Mutex::default() })
    }

    /// None: the address has as many as it may have.
    pub fn admit(self: &Arc<Self>, peer: Peer) -> Option<Counted> {
        let address = match peer {
            Peer::Address(address) if !peer.is_trusted(&self.proxies) => client(address),
            _ => return Some(Counted { addresses: self.clone(), address: None }),
        };
        let mut open = self.lock();
        let count = open.by_address.entry(address).or_default();
        if *count >= self.most {
            self.refused(&mut open, address);
            return None;
        }
        *count += 1;
        Some(Counted { addresses: self.clone(), address: Some(address) })
    }

    fn refused(&self, open: &mut Open, address: IpAddr) {
        HTTP_CONNECTIONS_CUT.of(&[("reason", "address_full")]).increment(1);
        if open.by_address.get(&address) == Some(&0) {
            open.by_address.remove(&address);
        }
        if open.warned_at.is_some_and(|at| at.elapsed() < WARN_INTERVAL) {
            return;
        }
        open.warned_at = Some(Instant::now());
        tracing::warn!(
            %address,
            "connections are refused: the address has {} already; if it is a proxy of yours, name it in [http] trusted_proxies, else raise connections_per_address",
            self.most
        );
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut open = self.addresses.lock();
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Peer {
        Peer::Address(address.parse().unwrap())
    }

    #[test]
    fn an_address_has_as_many_connections_as_one_may_and_others_have_theirs() {
        let addresses = Addresses::new(2, Vec::new());
        let first = addresses.admit(from("192.0.2.1")).unwrap();
        let _second = addresses.admit(from("192.0.2.1")).unwrap();
        assert!(addresses.admit(from("192.0.2.1")).is_none());
        assert!(addresses.admit(from("192.0.2.2")).is_some());
        drop(first);
        let _again = addresses.admit(from("192.0.2.1")).expect("one has ended");
        assert_eq!(addresses.lock().by_address.len(), 1, "who has none is forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let addresses = Addresses::new(1, Vec::new());
        let _first = addresses.admit(from("2001:db8:1:2::1")).unwrap();
        assert!(addresses.admit(from("2001:db8:1:2:ffff::9")).is_none());
        assert!(addresses.admit(from("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn this_machine_and_trusted_proxies_are_not_counted() {
        let addresses = Addresses::new(1, vec!["192.0.2.0/24".parse().unwrap()]);
        for peer in
            [from("127.0.0.1"), from("127.9.9.9"), from("::1"), from("192.0.2.7"), Peer::Unix]
        {
            let held: Vec<_> = (0..5).map(|_| addresses.admit(peer)).collect();
            assert!(held.iter().all(Option::is_some), "{peer:?}");
        }
    }
}
