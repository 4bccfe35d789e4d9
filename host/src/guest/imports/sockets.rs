//! `wasi:sockets`: TCP connections to exactly the addresses that are granted, nothing else.
//!
//! An address is compared with what its granted name stands for at the moment of the connection. UDP and
//! listening are never allowed, and other names are not even looked up.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tracing::Level;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    self, Host, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{
    self, ErrorCode, HostNetwork, IpAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::{self, TcpSocket};
use wasmtime_wasi::p2::{DynPollable, SocketError};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsCtxView, WasiSocketsView};

use crate::grants::line_for_tcp;
use crate::guest::call_state::CallState;
use crate::guest::log::CallLog;
use crate::guest::terms::Terms;

/// Lets a guest connect to the granted addresses, each `host:port`, and tells the operator of any other.
pub fn allow(builder: &mut WasiCtxBuilder, terms: &Arc<Terms>, log: CallLog) {
    let terms = terms.clone();
    let any = !terms.grants.tcp().is_empty();
    builder.allow_tcp(any).allow_udp(false).allow_ip_name_lookup(any);
    builder.socket_addr_check(move |address, usage| {
        let (terms, log) = (terms.clone(), log.clone());
        Box::pin(async move {
            match usage {
                // Where an outgoing connection begins.
                SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
                SocketAddrUse::TcpConnect => {
                    let may = is_granted(terms.clone(), address).await;
                    if !may {
                        refuse(&terms, &log, "connect to", &address.to_string());
                    }
                    may
                }
                _ => false,
            }
        })
    });
}

/// Says what is refused, and what to write to allow it.
fn refuse(terms: &Terms, log: &CallLog, deed: &str, address: &str) {
    let line = line_for_tcp(terms.plugin.as_str(), address);
    log.message(Level::WARN, &format!("the plugin may not {deed} {address}; to allow it, {line}"));
}

/// Whether one of them stands for it now.
async fn is_granted(terms: Arc<Terms>, address: SocketAddr) -> bool {
    let stands_for = move || {
        terms.grants.tcp().iter().filter(|one| has_port(one, address.port())).any(|one| {
            let mut found = one.to_socket_addrs().into_iter().flatten();
            found.any(|one| canonical(one) == canonical(address))
        })
    };
    // The system's resolver blocks.
    tokio::task::spawn_blocking(stands_for).await.unwrap_or(false)
}

fn has_port(granted: &str, port: u16) -> bool {
    granted.rsplit_once(':').is_some_and(|(_, granted)| granted.parse() == Ok(port))
}

fn canonical(address: SocketAddr) -> (IpAddr, u16) {
    (address.ip().to_canonical(), address.port())
}

/// What stands before WASI's own: a socket and a lookup only for what is granted.
struct Guarded<'a> {
    sockets: WasiSocketsCtxView<'a>,
    terms: Arc<Terms>,
    log: CallLog,
}

impl HasData for Guarded<'static> {
    type Data<'a> = Guarded<'a>;
}

/// Takes the place of what WASI has.
pub fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    ip_name_lookup::add_to_linker::<_, Guarded<'static>>(linker, guarded)?;
    tcp_create_socket::add_to_linker::<_, Guarded<'static>>(linker, guarded)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn guarded(state: &mut CallState) -> Guarded<'_> {
    let (terms, log) = (state.terms.clone(), state.log());
    Guarded { sockets: state.sockets(), terms, log }
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

impl Host for Guarded<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        let host = |granted: &String| {
            granted.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned())
        };
        let mut granted = self.terms.grants.tcp().iter().filter_map(host);
        if !granted.any(|host| host.eq_ignore_ascii_case(&name)) {
            refuse(&self.terms, &self.log, "look up", &format!("{name}:PORT"));
            return Err(ErrorCode::AccessDenied.into());
        }
        self.sockets.resolve_addresses(network, name)
    }
}

impl tcp_create_socket::Host for Guarded<'_> {
    fn create_tcp_socket(
        &mut self,
        family: network::IpAddressFamily,
    ) -> Result<Resource<TcpSocket>, SocketError> {
        if self.terms.grants.tcp().is_empty() {
            refuse(&self.terms, &self.log, "connect to", "HOST:PORT");
        }
        self.sockets.create_tcp_socket(family)
    }
}

impl HostResolveAddressStream for Guarded<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        self.sockets.resolve_next_address(stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        HostResolveAddressStream::subscribe(&mut self.sockets, stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        HostResolveAddressStream::drop(&mut self.sockets, stream)
    }
}
