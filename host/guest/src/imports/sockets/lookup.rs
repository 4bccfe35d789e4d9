//! `wasi:sockets/ip-name-lookup`: the addresses of a granted name. The egress's resolver finds them, with its pinned
//! names, its policy and its limit of look-ups at once.

use std::net::IpAddr;
use std::vec::IntoIter;

use futures_util::FutureExt;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use crate::call_state::CallState;
use crate::network::TcpGate;
use moothall_egress::EgressError;

/// The name of WASI's own interface, which this replaces.
const INTERFACE: &str = "wasi:sockets/ip-name-lookup@0.2.12";
const STREAM: &str = "resolve-address-stream";

type Found = Result<IntoIter<IpAddr>, ErrorCode>;

/// A look-up as the guest holds it.
enum Lookup {
    Waiting(AbortOnDropJoinHandle<Found>),
    Done(Found),
}

pub fn add_to_linker(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.resource(STREAM, ResourceType::host::<Lookup>(), |mut store, rep| {
        store.data_mut().table.delete(Resource::<Lookup>::new_own(rep))?;
        Ok(())
    })?;
    instance.func_wrap("resolve-addresses", resolve)?;
    instance.func_wrap(&format!("[method]{STREAM}.resolve-next-address"), next)?;
    instance.func_wrap(&format!("[method]{STREAM}.subscribe"), wait)
}

fn resolve(
    mut store: StoreContextMut<'_, CallState>,
    (network, name): (Resource<Network>, String),
) -> Result<(Result<Resource<Lookup>, ErrorCode>,)> {
    let state = store.data_mut();
    state.table.get(&network)?;
    state.note_sockets();
    let gate = state.tcp_gate();
    if !gate.may_look_up(&name) {
        gate.refuse("look up", &format!("{name}:PORT"));
        return Ok((Err(ErrorCode::AccessDenied),));
    }
    let lookup = Lookup::Waiting(spawn(async move { look_up(&gate, &name).await }));
    Ok((state.table.push(lookup).map_err(|_| ErrorCode::OutOfMemory),))
}

fn next(
    mut store: StoreContextMut<'_, CallState>,
    (lookup,): (Resource<Lookup>,),
) -> Result<(Result<Option<IpAddress>, ErrorCode>,)> {
    let lookup = store.data_mut().table.get_mut(&lookup)?;
    let found = lookup.found().map(|found| match found {
        Ok(addresses) => Ok(addresses.next().map(IpAddress::from)),
        Err(code) => Err(*code),
    });
    Ok((found.unwrap_or(Err(ErrorCode::WouldBlock)),))
}

fn wait(
    mut store: StoreContextMut<'_, CallState>,
    (lookup,): (Resource<Lookup>,),
) -> Result<(Resource<DynPollable>,)> {
    Ok((subscribe(&mut store.data_mut().table, lookup)?,))
}

impl Lookup {
    /// None while the look-up is still running.
    fn found(&mut self) -> Option<&mut Found> {
        if let Self::Waiting(waiting) = self {
            let found = waiting.now_or_never()?;
            *self = Self::Done(found);
        }
        match self {
            Self::Done(found) => Some(found),
            Self::Waiting(_) => None,
        }
    }
}

#[async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        if let Self::Waiting(waiting) = self {
            let found = waiting.await;
            *self = Self::Done(found);
        }
    }
}

async fn look_up(gate: &TcpGate, name: &str) -> Found {
    let found = gate.addresses(name).await;
    let canonical = |found: Vec<IpAddr>| {
        found.into_iter().map(|address| address.to_canonical()).collect::<Vec<_>>().into_iter()
    };
    found.map(canonical).map_err(|error| {
        gate.say(&format!("the plugin cannot look up `{name}`: {error}"));
        match error {
            EgressError::Refused(_) => ErrorCode::AccessDenied,
            EgressError::Exhausted(_) | EgressError::Timeout(_) => {
                ErrorCode::TemporaryResolverFailure
            }
            _ => ErrorCode::NameUnresolvable,
        }
    })
}
