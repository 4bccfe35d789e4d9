//! What a call brings with it: what its plugin may do and how much (`PluginContext`), and for whom it is made
//! (`CallContext`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use super::meter::LongCalls;
use super::quota::Quota;
use super::tape::Tape;
use moothall_core::chain::StateWrites;
use moothall_core::config::{Limits, Record};
use moothall_core::day_budget::{Charge, Spent, UsedUp};
use moothall_core::grants::Grants;
use moothall_core::ids::{PluginName, RequestId};
use moothall_core::instance::{Instance, InstanceLock, ProcessRef};
use moothall_core::telemetry::metric::DAY_BUDGET_REFUSED;

/// What all calls of a loaded plugin have in common.
pub struct PluginContext {
    pub plugin: PluginName,
    pub limits: Limits,
    /// How much it had stored today.
    pub spent: Arc<Spent>,
    pub grants: Grants,
    pub settings: Settings,
    pub long_calls: LongCalls,
    /// Which of its calls are recorded.
    pub record: Record,
    /// What the plugin may have of the host, together with its other versions.
    pub quota: Arc<Quota>,
}

impl std::fmt::Debug for PluginContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginContext").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl PluginContext {
    /// Counts bytes that are about to be stored for the plugin.
    pub fn charge(&self, now: i64, bytes: u64) -> Result<Charge, UsedUp> {
        self.spent.charge(now, bytes, self.limits.day_bytes()).inspect_err(|_| self.count_refusal())
    }

    /// Whether this many more bytes may be stored for the plugin today.
    pub fn has_day_room(&self, now: i64, bytes: u64) -> Result<(), UsedUp> {
        let room = self.spent.has_room(now, bytes, self.limits.day_bytes());
        room.inspect_err(|_| self.count_refusal())
    }

    fn count_refusal(&self) {
        DAY_BUDGET_REFUSED.of(&[("plugin", self.plugin.as_str())]).increment(1);
    }
}

/// The operator's settings of a plugin.
#[derive(Default)]
pub struct Settings {
    /// JSON; each secret that is set as `{"$secret": name}`.
    pub public: String,
    pub secrets: BTreeMap<String, SecretString>,
}

/// For whom a call is made, and within which bounds of its own.
#[derive(Clone)]
pub struct CallContext {
    /// None in `describe`.
    pub instance: Option<Arc<Instance>>,
    /// The instance's config for the version that is called; `{}` in `describe`.
    pub config: Arc<str>,
    pub request_id: Option<RequestId>,
    /// The secrets of a config that is about to be stored; they count in place of the stored ones.
    pub pending_secrets: Option<PendingSecrets>,
    /// The call's process.
    pub process: Option<Arc<ProcessRef>>,
    /// Whether the call may send requests; in a dry run it may not.
    pub may_send: bool,
    /// The calls that this one follows, whose effects are stored together with its own.
    pub batch: Option<Batch>,
    /// Its time limit in milliseconds, in place of the plugin's `wall_ms`.
    pub wall_ms: Option<u64>,
    /// It may run on writes of earlier calls that are queued and not stored yet. Whoever makes the call shows nothing of it
    /// before they are.
    pub may_run_ahead: bool,
    /// Notes the call, or answers its imports from a recording.
    pub tape: Option<Tape>,
}

/// Calls of one instance whose effects are stored together.
#[derive(Clone, Default)]
pub struct Batch {
    /// The instance's lock, once one of the calls took it. It belongs to the batch: a call that fails must not release it.
    held: Arc<Mutex<Option<InstanceLock>>>,
    /// What the earlier calls wrote.
    pub before: Arc<StateWrites>,
    /// Bytes of everything else that the earlier calls want stored.
    pub stored_bytes: u64,
    /// Bytes of the instance's state with those writes, if a call had to find out.
    pub state_bytes: Option<u64>,
}

impl Batch {
    pub fn is_held(&self) -> bool {
        self.with_lock(|_| ()).is_some()
    }

    pub fn keep(&self, held: InstanceLock) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
    }

    pub fn with_lock<T>(&self, use_it: impl FnOnce(&mut InstanceLock) -> T) -> Option<T> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(use_it)
    }

    /// Takes the lock out, for the write that stores all effects.
    pub fn take_lock(&self) -> Option<InstanceLock> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The secrets of a configuration that is not stored yet, by JSON Pointer.
pub type PendingSecrets = Arc<BTreeMap<String, SecretString>>;
