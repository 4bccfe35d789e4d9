//! A guest that lives on between calls: one store, one instance, its memory kept.
//!
//! Only the guest's memory and handles outlive a call. A fault ends the guest: one that trapped cannot be entered again,
//! and its memory cannot be trusted.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store as EngineStore;
use wasmtime::component::Instance;

use super::call_state::{AfterCall, CallState};
use super::contexts::{CallContext, PluginContext};
use super::exports::{Export, Returned};
use super::fault::{self, Blame, Fault};
use super::guest::{Ended, Guest, ended};
use super::memory::Of;
use super::meter::{Metered, metered};

/// A live guest.
pub struct Live {
    store: EngineStore<CallState>,
    /// None until the first call has instantiated it.
    instance: Option<Instance>,
}

impl Guest {
    /// Makes one call in a live guest, or in a new one. The guest lives on unless the call ended by a fault of the plugin.
    pub async fn call_live(
        &self,
        live: Option<Live>,
        export: Export,
        plugin_context: Arc<PluginContext>,
        call_context: CallContext,
    ) -> (Ended, Option<Live>) {
        let wall = Duration::from_millis(plugin_context.limits.wall_ms);
        let function = export.function();
        let mut live = match live {
            Some(mut live) => {
                live.store.set_epoch_deadline(1);
                live.store.set_hostcall_fuel(plugin_context.limits.hostcall_bytes);
                live.store.data_mut().renew(plugin_context, call_context, function);
                live
            }
            None => Live {
                store: self.store(plugin_context, call_context, function, Of::Resident),
                instance: None,
            },
        };
        let (end, cpu) = metered(pin!(self.enter_live(&mut live, export)), wall).await;
        let returned = matches!(end, Metered::Done(Ok(_)));
        let guest = if returned { AfterCall::LivesOn } else { AfterCall::Dropped };
        let mut ended = ended(live.store.data_mut(), end, cpu, wall, guest);
        let blamed = |fault: &Fault| fault.blame() == Blame::Plugin;
        if returned && !ended.result.as_ref().is_err_and(blamed) {
            return (ended, Some(live));
        }
        if ended.log.is_empty() {
            ended.log = live.store.into_data().end_log(AfterCall::Dropped);
        }
        (ended, None)
    }

    async fn enter_live(&self, live: &mut Live, export: Export) -> Returned {
        let instance = match live.instance {
            Some(instance) => instance,
            None => {
                let made = self.pre.instantiate_async(&mut live.store).await;
                *live.instance.insert(made.map_err(fault::while_instantiating)?)
            }
        };
        self.exports.call(&mut live.store, &instance, export).await
    }
}
