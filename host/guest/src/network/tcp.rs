//! Decides what a guest may connect to by `wasi:sockets`: by TCP, to exactly the addresses that are granted.
//!
//! An address is compared with what its granted name stands for at the moment of the connection, and the egress's
//! policy is asked like everywhere. UDP and listening are never allowed, and other names are not even looked up.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tracing::Level;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

use crate::contexts::PluginContext;
use crate::log::CallLog;
use crate::quota::Place;
use crate::shared::Shared;
use moothall_egress::{Egress, EgressError, Sender};

/// Why a plugin may not listen: no grant allows it.
pub const NO_LISTENING: &str = "no plugin listens for connections, whatever is granted; the host does, and calls its routes, webhooks and actions";

/// The places of a guest's open sockets. Its table says how many there are.
pub type OpenSockets = Arc<Mutex<Vec<Place>>>;

/// Decides whether a guest may reach an address, and finds the addresses of granted names.
#[derive(Clone)]
pub struct TcpGate {
    pub shared: Arc<Shared>,
    pub plugin_context: Arc<PluginContext>,
    pub log: CallLog,
}

/// Lets a guest connect to the granted addresses, each `host:port`, and tells the operator of any other.
pub fn allow(builder: &mut WasiCtxBuilder, gate: TcpGate) {
    let any = gate.grants_any();
    builder.allow_tcp(any).allow_udp(false).allow_ip_name_lookup(any);
    builder.socket_addr_check(move |address, usage| {
        let gate = gate.clone();
        Box::pin(async move {
            match usage {
                // The local end of an outgoing connection.
                SocketAddrUse::TcpBind if is_anywhere(address) => true,
                SocketAddrUse::TcpConnect => gate.lets_connect(address).await,
                SocketAddrUse::TcpBind | SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
                    gate.say(&format!("the plugin may not listen on {address}: {NO_LISTENING}"));
                    false
                }
                _ => false,
            }
        })
    });
}

fn is_anywhere(address: SocketAddr) -> bool {
    address.ip().is_unspecified() && address.port() == 0
}

impl TcpGate {
    pub fn grants_any(&self) -> bool {
        !self.plugin_context.grants.tcp().is_empty()
    }

    /// Whether a granted host has that address now, and the egress's policy allows it.
    async fn lets_connect(self, address: SocketAddr) -> bool {
        let granted =
            self.plugin_context.grants.tcp().iter().filter_map(|one| one.rsplit_once(':'));
        let mut why = None;
        for (host, port) in granted {
            if port.parse() != Ok(address.port()) {
                continue;
            }
            match self.addresses(host.trim_matches(['[', ']'])).await {
                Ok(found) => {
                    let mut found = found.into_iter();
                    if found.any(|one| one.to_canonical() == address.ip().to_canonical()) {
                        return true;
                    }
                }
                Err(error) => why = Some(error),
            }
        }
        match why {
            None => self.refuse("connect to", &address.to_string()),
            Some(error) => {
                self.say(&format!("the plugin may not connect to {address} now: {error}"));
            }
        }
        false
    }

    /// Whether the name is the host of a granted address.
    pub fn may_look_up(&self, name: &str) -> bool {
        let granted =
            self.plugin_context.grants.tcp().iter().filter_map(|one| one.rsplit_once(':'));
        let mut hosts = granted.map(|(host, _)| host.trim_matches(['[', ']']));
        hosts.any(|host| host.eq_ignore_ascii_case(name))
    }

    /// The addresses of a granted host. A lookup holds a thread, and a plugin may hold only a few.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let plugin = &self.plugin_context.plugin;
        let mut place = None;
        if host.parse::<IpAddr>().is_err() {
            place = Some(self.shared.quotas.lookups.take(plugin).ok_or_else(|| {
                EgressError::Exhausted("too many names are looked up (lookups in [limits])".into())
            })?);
        }
        let egress: Egress = self.shared.egress.of(Sender::Plugin(plugin.clone()));
        egress.tcp_addresses(host, self.plugin_context.grants.cidr(), place).await
    }

    /// Says what is refused, and what to write to allow it.
    pub fn refuse(&self, deed: &str, address: &str) {
        self.say(&self.refusal(deed, address));
    }

    pub fn refusal(&self, deed: &str, address: &str) -> String {
        let line = self.plugin_context.grants.line_for_tcp(address);
        format!("the plugin may not {deed} {address}; to allow it, {line}")
    }

    pub fn say(&self, message: &str) {
        self.log.message(Level::WARN, message);
    }
}
