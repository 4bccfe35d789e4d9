//! `wasi:sockets`: TCP connections to exactly the addresses that are granted, nothing else.
//!
//! An address is compared with what its granted name stands for at the moment of the connection. UDP and
//! listening are never allowed, and other names are not even looked up.

use std::collections::BTreeSet;
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
use wasmtime_wasi::p2::{DynPollable, SocketError};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsCtxView, WasiSocketsView};

use crate::grants::line_for_tcp;
use crate::guest::call_state::CallState;
use crate::guest::log::CallLog;
use crate::guest::terms::Terms;

/// Lets a guest connect to the granted addresses, each `host:port`.
pub fn allow(builder: &mut WasiCtxBuilder, granted: &BTreeSet<String>, plugin: &str, log: CallLog) {
    if granted.is_empty() {
        builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        return;
    }
    let granted: Arc<[String]> = granted.iter().cloned().collect();
    let plugin: Arc<str> = plugin.into();
    builder.allow_tcp(true).allow_udp(false).allow_ip_name_lookup(true);
    builder.socket_addr_check(move |address, usage| {
        let (granted, plugin, log) = (granted.clone(), plugin.clone(), log.clone());
        Box::pin(async move {
            let may = match usage {
                // Where an outgoing connection begins.
                SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
                SocketAddrUse::TcpConnect => is_granted(granted, address).await,
                _ => false,
            };
            if !may && matches!(usage, SocketAddrUse::TcpConnect) {
                let line = line_for_tcp(&plugin, &address.to_string());
                let said = format!("the plugin may not connect to {address}; to allow it, {line}");
                log.message(Level::WARN, &said);
            }
            may
        })
    });
}

/// Whether one of them stands for it now.
async fn is_granted(granted: Arc<[String]>, address: SocketAddr) -> bool {
    let stands_for = move || {
        granted.iter().filter(|one| has_port(one, address.port())).any(|one| {
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

/// Name lookups behind the grants.
struct Names<'a> {
    sockets: WasiSocketsCtxView<'a>,
    terms: Arc<Terms>,
}

impl HasData for Names<'static> {
    type Data<'a> = Names<'a>;
}

/// Takes the place of the lookup that WASI has.
pub fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    ip_name_lookup::add_to_linker::<_, Names<'static>>(linker, names)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn names(state: &mut CallState) -> Names<'_> {
    let terms = state.terms.clone();
    Names { sockets: state.sockets(), terms }
}

impl network::Host for Names<'_> {
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

impl HostNetwork for Names<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        HostNetwork::drop(&mut self.sockets, network)
    }
}

impl Host for Names<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        let host = |granted: &String| {
            granted.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned())
        };
        if !self
            .terms
            .grants
            .tcp()
            .iter()
            .filter_map(host)
            .any(|host| host.eq_ignore_ascii_case(&name))
        {
            return Err(ErrorCode::AccessDenied.into());
        }
        self.sockets.resolve_addresses(network, name)
    }
}

impl HostResolveAddressStream for Names<'_> {
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
