//! `wasi:sockets`: `network::TcpGate` decides which sockets a guest gets.

mod lookup;

use std::sync::PoisonError;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, HostNetwork, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::{self, TcpSocket};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use crate::call_state::CallState;
use crate::network::{NO_LISTENING, OpenSockets, TcpGate};
use crate::quota::Place;

/// WASI's own sockets behind the gate.
struct Guarded<'a> {
    open: OpenSockets,
    gate: TcpGate,
    sockets: WasiSocketsCtxView<'a>,
}

impl HasData for Guarded<'static> {
    type Data<'a> = Guarded<'a>;
}

/// Links these functions in place of wasmtime's own.
pub fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<_, Guarded<'static>>(linker, guarded)?;
    lookup::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn guarded(state: &mut CallState) -> Guarded<'_> {
    state.note_sockets();
    let (open, gate) = (state.open_sockets(), state.tcp_gate());
    Guarded { open, gate, sockets: state.sockets() }
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
        if !self.gate.grants_any() {
            // A guest says only later what the socket is for.
            let refusal = self.gate.refusal("connect to", "HOST:PORT");
            self.gate.say(&format!("{refusal}; if it was to listen: {NO_LISTENING}"));
            return self.sockets.create_tcp_socket(family);
        }
        let place = self.place()?;
        let socket = self.sockets.create_tcp_socket(family)?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(place);
        Ok(socket)
    }
}

impl Guarded<'_> {
    /// Takes a permit for one more socket, and first gives back those of sockets that the guest has closed.
    fn place(&mut self) -> Result<Place, SocketError> {
        let open = self.sockets.table.iter_mut().filter(|entry| entry.is::<TcpSocket>()).count();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).truncate(open);
        let TcpGate { shared, plugin_context, .. } = &self.gate;
        let limit = plugin_context.limits.sockets_per_call;
        if open >= limit {
            let message =
                format!("no more sockets: a call has at most {limit} open (sockets_per_call)");
            self.gate.say(&message);
            return Err(ErrorCode::NewSocketLimit.into());
        }
        shared.quotas.sockets.take(&plugin_context.plugin).ok_or_else(|| {
            self.gate.say(
                "no more sockets: the plugin's calls have three quarters of all that guests may have \
                 open, or all are taken (sockets in [limits])",
            );
            ErrorCode::NewSocketLimit.into()
        })
    }
}
