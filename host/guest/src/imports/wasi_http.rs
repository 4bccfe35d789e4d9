//! `wasi:http/outgoing-handler`: what is sent goes through `network::Outgoing`.

use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::call_state::CallState;
use crate::fault::Fault;

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.sending();
        let handles = self.table.iter_mut().count();
        let outgoing = self.outgoing.as_mut().expect("it was just made");
        let (room, hooks, ctx) = outgoing.wasi(handles);
        if let Err(full) = room {
            self.fatal.get_or_insert(Fault::Overloaded(full.reason()));
        }
        WasiHttpCtxView { hooks, ctx, table: &mut self.table }
    }
}
