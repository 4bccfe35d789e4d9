//! `wasi:sockets`: TCP connections to exactly the addresses that are granted, nothing else.
//!
//! An address is compared with what its granted name stands for at the moment of the connection, and the egress's
//! policy is asked like everywhere. UDP and listening are never allowed, and other names are not even looked up.

mod lookup;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, HostNetwork, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::{self, TcpSocket};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsCtxView, WasiSocketsView};

use crate::Shared;
use crate::call_state::CallState;
use crate::contexts::PluginContext;
use crate::log::CallLog;
use crate::quota::Place;
use moothall_egress::{Egress, EgressError, Sender};

/// What no grant helps with.
const NO_LISTENING: &str = "no plugin listens for connections, whatever is granted; the host does, and calls its routes, webhooks and actions";

/// Whether a guest may reach an address, and the way to what granted names stand for.
#[derive(Clone)]
struct Doorman {
    shared: Arc<Shared>,
    plugin_context: Arc<PluginContext>,
    log: CallLog,
}

/// Lets a guest connect to the granted addresses, each `host:port`, and tells the operator of any other.
pub fn allow(
    builder: &mut WasiCtxBuilder,
    shared: &Arc<Shared>,
    plugin_context: &Arc<PluginContext>,
    log: CallLog,
) {
    let doorman = Doorman { shared: shared.clone(), plugin_context: plugin_context.clone(), log };
    let any = !plugin_context.grants.tcp().is_empty();
    builder.allow_tcp(any).allow_udp(false).allow_ip_name_lookup(any);
    builder.socket_addr_check(move |address, usage| {
        let doorman = doorman.clone();
        Box::pin(async move {
            match usage {
                // Where an outgoing connection begins.
                SocketAddrUse::TcpBind if is_anywhere(address) => true,
                SocketAddrUse::TcpConnect => doorman.lets_connect(address).await,
                SocketAddrUse::TcpBind | SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
                    doorman.say(&format!("the plugin may not listen on {address}: {NO_LISTENING}"));
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

impl Doorman {
    /// Whether something that is granted stands for the address now, and may be reached.
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

    /// What a granted host stands for. A look-up holds a thread, of which a plugin has its share.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
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
    fn refuse(&self, deed: &str, address: &str) {
        self.say(&self.refusal(deed, address));
    }

    fn refusal(&self, deed: &str, address: &str) -> String {
        let line = self.plugin_context.grants.line_for_tcp(address);
        format!("the plugin may not {deed} {address}; to allow it, {line}")
    }

    fn say(&self, message: &str) {
        self.log.message(Level::WARN, message);
    }
}

/// The places of a guest's open sockets. Its table says how many there are.
pub type OpenSockets = Arc<Mutex<Vec<Place>>>;

/// What stands before WASI's own: a socket only for what is granted.
struct Guarded<'a> {
    open: OpenSockets,
    doorman: Doorman,
    sockets: WasiSocketsCtxView<'a>,
}

impl HasData for Guarded<'static> {
    type Data<'a> = Guarded<'a>;
}

/// Takes the place of what WASI has.
pub fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<_, Guarded<'static>>(linker, guarded)?;
    lookup::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn guarded(state: &mut CallState) -> Guarded<'_> {
    let (open, doorman) = (state.open_sockets(), doorman(state));
    Guarded { open, doorman, sockets: state.sockets() }
}

fn doorman(state: &mut CallState) -> Doorman {
    Doorman {
        shared: state.shared.clone(),
        plugin_context: state.plugin_context.clone(),
        log: state.log(),
    }
}

impl network::Host for Guarded<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        network::Host::convert_error_code(&mut self.sockets, error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.sockets, error)
    }
}

impl HostNetwork for Guarded<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        HostNetwork::drop(&mut self.sockets, network)
    }
}

impl tcp_create_socket::Host for Guarded<'_> {
    fn create_tcp_socket(
        &mut self,
        family: network::IpAddressFamily,
    ) -> Result<Resource<TcpSocket>, SocketError> {
        if self.doorman.plugin_context.grants.tcp().is_empty() {
            // What the socket is for is not said yet.
            let refusal = self.doorman.refusal("connect to", "HOST:PORT");
            self.doorman.say(&format!("{refusal}; if it was to listen: {NO_LISTENING}"));
            return self.sockets.create_tcp_socket(family);
        }
        let place = self.place()?;
        let socket = self.sockets.create_tcp_socket(family)?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(place);
        Ok(socket)
    }
}

impl Guarded<'_> {
    /// A place for one more socket. Those that the guest has closed since it opened one give back theirs.
    fn place(&mut self) -> Result<Place, SocketError> {
        let open = self.sockets.table.iter_mut().filter(|entry| entry.is::<TcpSocket>()).count();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).truncate(open);
        let Doorman { shared, plugin_context, .. } = &self.doorman;
        let limit = plugin_context.limits.sockets_per_call;
        if open >= limit {
            let message =
                format!("no more sockets: a call has at most {limit} open (sockets_per_call)");
            self.doorman.say(&message);
            return Err(ErrorCode::NewSocketLimit.into());
        }
        shared.quotas.sockets.take(&plugin_context.plugin).ok_or_else(|| {
            self.doorman.say(
                "no more sockets: the plugin's calls have three quarters of all that guests may have \
                 open, or all are taken (sockets in [limits])",
            );
            ErrorCode::NewSocketLimit.into()
        })
    }
}
