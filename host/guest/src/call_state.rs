//! What the host keeps for one call while its guest runs: the data of its `Store`.
//!
//! Filled by `Sandbox::call`, changed by the imports, taken apart when the guest has returned.
//! Lives as long as one call and is shared with nobody.

use std::sync::Arc;
use std::time::Duration;

use tracing::Level;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::Error;
use super::contexts::{Batch, CallContext, PluginContext};
use super::fault::Fault;
use super::function::{Function, Lock};
use super::limits::{Limiter, Refusal};
use super::log::{CallLog, Stdio};
use super::memory::{Full, MemoryReservation, Of};
use super::network::{self, OpenSockets, Outgoing, Sending, TcpGate};
use super::refusal::fatal_error;
use super::shared::Shared;
use super::tape::{self, Tape};
use moothall_core::effects::Effects;
use moothall_core::ids::CallId;
use moothall_core::instance::{Access, Instance, InstanceLock, LockError};
use moothall_store::{ProcessRow, StoreError, Trouble};

/// Random bytes that a guest may ask for at once.
const RANDOM_BYTES: u64 = 64 << 10;

/// The data of one call's `Store`.
pub struct CallState {
    pub(super) shared: Arc<Shared>,
    pub(super) plugin_context: Arc<PluginContext>,
    pub(super) call_context: CallContext,
    /// What is called.
    pub(super) function: Function,
    pub(super) limiter: Limiter,
    pub(super) effects: Effects,
    /// The effects' part of all guests' memory.
    pub(super) effects_reservation: MemoryReservation,
    /// How many times the call has set or removed a key of its state.
    pub(super) writes: usize,
    /// Its outbound requests; none until it asks for one.
    pub(super) outgoing: Option<Box<Outgoing>>,
    /// Bytes of the instance's state with this call's writes, once a write had to know.
    pub(super) state_bytes: Option<u64>,
    pub(super) lock: Option<InstanceLock>,
    /// Whether the call is waiting for that lock.
    waits_for_lock: bool,
    /// The call's process, as it was stored when the call first read it.
    pub(super) process_row: Option<ProcessRow>,
    pub(super) table: ResourceTable,
    /// The places of its open TCP sockets; none until it opens one.
    sockets: Option<OpenSockets>,
    /// If set, the call ends with this fault whatever the guest answers: an import met something that the guest cannot
    /// handle.
    pub(super) fatal: Option<Fault>,
    wasi: Option<WasiCtx>,
    call: Option<CallId>,
    log: Option<CallLog>,
}

/// What becomes of the guest after the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AfterCall {
    Dropped,
    /// It waits for the next call.
    LivesOn,
}

impl CallState {
    pub fn new(
        shared: Arc<Shared>,
        plugin_context: Arc<PluginContext>,
        call_context: CallContext,
        function: Function,
        of: Of,
    ) -> Self {
        let memory = &plugin_context.quota.memory;
        let limiter = Limiter::new(memory.clone(), of, &plugin_context.limits);
        let mut table = ResourceTable::new();
        table.set_max_capacity(plugin_context.limits.handles);
        let effects_reservation = MemoryReservation::none_of(memory.clone(), Of::Call);
        let (effects, state_bytes) = match &call_context.batch {
            Some(batch) => (Effects::after(batch.before.clone()), batch.state_bytes),
            None => (Effects::default(), None),
        };
        Self {
            shared,
            plugin_context,
            call_context,
            function,
            limiter,
            effects,
            effects_reservation,
            writes: 0,
            outgoing: None,
            state_bytes,
            lock: None,
            waits_for_lock: false,
            process_row: None,
            table,
            sockets: None,
            fatal: None,
            wasi: None,
            call: None,
            log: None,
        }
    }

    /// Prepares for the next call of a guest that lives on. Keeps what the guest holds: handles, sockets, streams.
    pub(super) fn renew(
        &mut self,
        plugin_context: Arc<PluginContext>,
        call_context: CallContext,
        function: Function,
    ) {
        let shared = self.shared.clone();
        let fresh = Self::new(shared, plugin_context, call_context, function, Of::Resident);
        let old = std::mem::replace(self, fresh);
        self.table = old.table;
        self.sockets = old.sockets;
        self.wasi = old.wasi;
        self.limiter = old.limiter;
        self.limiter.refused = None;
        if let Some(log) = old.log {
            // The guest's open streams still write to this log.
            let (call, bytes) = (self.call_id(), self.plugin_context.limits.log_bytes);
            log.renew(call, bytes);
            self.log = Some(log);
        }
    }

    pub(super) fn cpu_budget(&self) -> Duration {
        Duration::from_millis(self.plugin_context.limits.cpu_ms)
    }

    pub(super) fn out_of_cpu(&mut self) {
        self.fatal =
            Some(Fault::Timeout(format!("CPU time of {} ms", self.plugin_context.limits.cpu_ms)));
    }

    /// The call's id, made at first use: most calls need none.
    pub fn call_id(&mut self) -> CallId {
        self.call.get_or_insert_with(|| CallId::new(&self.shared.clock)).clone()
    }

    pub(super) fn call_id_if_any(&self) -> Option<CallId> {
        self.call.clone()
    }

    pub(super) fn log(&mut self) -> CallLog {
        if self.log.is_none() {
            let call = self.call_id();
            let (quota, bytes) =
                (self.plugin_context.quota.clone(), self.plugin_context.limits.log_bytes);
            self.log = Some(CallLog::new(quota, self.call_context.instance.clone(), call, bytes));
        }
        self.log.clone().expect("it was just made")
    }

    pub(super) fn open_sockets(&mut self) -> OpenSockets {
        self.sockets.get_or_insert_default().clone()
    }

    /// The guest uses sockets: if they lead anywhere, or did in the call that is repeated, no recording has what they answer.
    pub(super) fn note_sockets(&self) {
        let Some(tape) = &self.call_context.tape else { return };
        if tape.had_tcp().unwrap_or_else(|| !self.plugin_context.grants.tcp().is_empty()) {
            tape.cannot_be_replayed("it used TCP connections, which are not recorded");
        }
    }

    /// Ends the call where the recorded one ended.
    pub(super) fn end_as_recorded(&mut self) {
        let end = self.call_context.tape.as_ref().and_then(Tape::take_end);
        if let Some(fault) = end {
            self.fatal.get_or_insert(fault);
        }
    }

    /// What the call may connect to.
    pub(super) fn tcp_gate(&mut self) -> TcpGate {
        let log = self.log();
        TcpGate { shared: self.shared.clone(), plugin_context: self.plugin_context.clone(), log }
    }

    /// Ends the log and returns its last lines.
    pub(super) fn end_log(&mut self, guest: AfterCall) -> String {
        if guest == AfterCall::Dropped {
            // Standard output logs its last line when it is dropped.
            self.table = ResourceTable::new();
            self.wasi = None;
        }
        self.log.as_ref().map(CallLog::end).unwrap_or_default()
    }

    /// Takes the instance's lock at the call's first touch of state.
    pub(super) async fn touch_state(&mut self) -> Result<Arc<Instance>, Fault> {
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        let Some(instance) = self.call_context.instance.clone() else {
            return Err(Fault::BadOutput("`describe` has no state".into()));
        };
        if !self.is_held() && self.function.lock == Lock::Own {
            let access =
                if self.function.is_read_only { Access::Shared } else { Access::Exclusive };
            let wait = Duration::from_millis(self.plugin_context.limits.lock_wait_ms);
            self.waits_for_lock = true;
            let lock = match self.runs_ahead() {
                true => instance.lock_ahead(access, wait).await,
                false => instance.lock(access, wait).await,
            };
            self.waits_for_lock = false;
            let mut lock = lock.map_err(|error| self.lock_fault(error))?;
            if let Some(unstored) = lock.take_unstored() {
                self.effects.follow(unstored);
            }
            match &self.call_context.batch {
                Some(batch) => batch.keep(lock),
                None => self.lock = Some(lock),
            }
        }
        Ok(instance)
    }

    /// Whether the call may see what is not stored yet: not if it may have begun to tell somebody outside what it sees, by a
    /// request or a connection.
    fn runs_ahead(&self) -> bool {
        self.call_context.may_run_ahead
            && self.outgoing.is_none()
            && self.plugin_context.grants.tcp().is_empty()
    }

    fn is_held(&self) -> bool {
        self.lock.is_some() || self.call_context.batch.as_ref().is_some_and(Batch::is_held)
    }

    /// Runs `use_it` on the instance's lock, if this call or its batch holds it.
    pub(super) fn with_lock<T>(
        &mut self,
        use_it: impl FnOnce(&mut InstanceLock) -> T,
    ) -> Option<T> {
        match (&mut self.lock, &self.call_context.batch) {
            (Some(lock), _) => Some(use_it(lock)),
            (None, Some(batch)) => batch.with_lock(use_it),
            (None, None) => None,
        }
    }

    /// Makes the call end with `fault` whatever the guest answers. Returns the error that the guest sees.
    pub(super) fn end_with(&mut self, fault: Fault) -> Error {
        let error = fatal_error(&fault);
        self.fatal.get_or_insert(fault);
        error
    }

    /// Counts what the call wants stored as guests' memory; ends the call where that is full.
    pub(super) fn keep(&mut self, bytes: u64) -> Result<(), Error> {
        let kept = self.effects_reservation.grow(bytes);
        kept.map_err(|full: Full| self.end_with(Fault::Overloaded(full.reason())))
    }

    /// Counts and permits the call's requests.
    pub(super) fn sending(&mut self) -> &mut Sending {
        if self.outgoing.is_none() {
            let log = self.log();
            let seen = self.lock.as_ref().and_then(InstanceLock::seen).cloned();
            let sending =
                Sending::new(&self.shared, &self.plugin_context, &self.call_context, seen, log);
            self.outgoing = Some(Box::new(Outgoing::new(sending)));
        }
        &mut self.outgoing.as_mut().expect("it was just made").sending
    }

    /// What the call wants stored, and what goes with it.
    pub(super) fn take_effects(
        &mut self,
    ) -> (Effects, MemoryReservation, Option<InstanceLock>, Option<u64>) {
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(outgoing) = &self.outgoing {
            effects.http = outgoing.sending.take_sent();
        }
        let none = MemoryReservation::none_of(self.plugin_context.quota.memory.clone(), Of::Call);
        let reservation = std::mem::replace(&mut self.effects_reservation, none);
        (effects, reservation, self.lock.take(), self.state_bytes)
    }

    fn lock_fault(&self, error: LockError) -> Fault {
        // Whoever has the lock keeps it until its write is stored.
        if error == LockError::Busy && self.shared.store.health().has(Trouble::Stalled) {
            return StoreError::Stalled.into();
        }
        error.into()
    }

    /// The fault of a call that reached its time limit: a timeout, unless the host kept it waiting.
    pub(super) fn out_of_time(&mut self, wall: Duration) -> Fault {
        match self.fatal.take() {
            Some(fatal) => fatal,
            None if self.waits_for_lock => self.lock_fault(LockError::Busy),
            None => Fault::Timeout(format!("time of {} ms", wall.as_millis())),
        }
    }

    /// The fault behind a trap: an earlier fatal fault, a refused growth, or the trap itself.
    pub(super) fn fault_of(&self, error: &wasmtime::Error) -> Fault {
        if let Some(fatal) = &self.fatal {
            return fatal.clone();
        }
        match &self.limiter.refused {
            Some(Refusal::Own(what)) => Fault::Limit(what.clone()),
            Some(Refusal::Shared(full)) => Fault::Overloaded(full.reason()),
            None => Fault::from_engine(error),
        }
    }
}

impl WasiView for CallState {
    /// An empty `wasi:cli`: no files, arguments or environment. Built when the guest first uses any of it.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.is_none() {
            let log = self.log();
            let mut builder = WasiCtxBuilder::new();
            builder
                .stdout(Stdio::new(log.clone(), Level::INFO))
                .stderr(Stdio::new(log, Level::WARN))
                .max_random_size(RANDOM_BYTES);
            network::allow(&mut builder, self.tcp_gate());
            if let Some(tape) = &self.call_context.tape {
                tape::surround(&mut builder, tape);
            }
            self.wasi = Some(builder.build());
        }
        WasiCtxView { ctx: self.wasi.as_mut().expect("it was just built"), table: &mut self.table }
    }
}
