//! What a loaded plugin may do and how much, and who a call is for: what a call brings with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use super::meter::LongCalls;
use super::quota::Quota;
use moothall_core::config::Limits;
use moothall_core::day_budget::{Charge, Spent, UsedUp};
use moothall_core::effects::StateWrites;
use moothall_core::grants::Grants;
use moothall_core::ids::{PluginName, RequestId};
use moothall_core::instance::{Instance, InstanceLock, ProcessRef};
use moothall_core::telemetry::metric::DAY_BUDGET_REFUSED;

/// The same for all calls of a loaded plugin.
pub struct PluginContext {
    pub plugin: PluginName,
    pub limits: Limits,
    /// What it had stored today.
    pub spent: Arc<Spent>,
    pub grants: Grants,
    pub settings: Settings,
    pub long_calls: LongCalls,
    /// What the plugin may have of the host, together with its other versions.
    pub quota: Arc<Quota>,
}

impl std::fmt::Debug for PluginContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terms").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl PluginContext {
    /// Counts bytes that are about to be stored for the plugin.
    pub fn charge(&self, now: i64, bytes: u64) -> Result<Charge, UsedUp> {
        self.spent.charge(now, bytes, self.limits.day_bytes()).inspect_err(|_| self.count_refusal())
    }

    /// Whether so many more bytes may be stored for the plugin today.
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

/// Who calls, for whom.
#[derive(Clone)]
pub struct CallContext {
    /// None in `describe`.
    pub instance: Option<Arc<Instance>>,
    /// The instance's config for the version that is called; `{}` in `describe`.
    pub config: Arc<str>,
    pub origin: Origin,
    pub request_id: Option<RequestId>,
    /// Declared `read_only`: shares the instance's lock and may not write.
    pub read_only: bool,
    /// The process that the call is about.
    pub process: Option<Arc<ProcessRef>>,
    /// In a dry run nothing leaves the host.
    pub may_send: bool,
    /// The calls that this one follows, whose effects are stored together with its own.
    pub batch: Option<Batch>,
    /// Wall-clock time in place of that of the plugin's limits, in milliseconds.
    pub wall_ms: Option<u64>,
}

/// Calls of one instance whose effects are stored together.
#[derive(Clone, Default)]
pub struct Batch {
    /// The instance's lock, once one of them took it. Not the call's own: one that fails must not release it.
    held: Arc<Mutex<Option<InstanceLock>>>,
    /// What those before wrote.
    pub before: Arc<StateWrites>,
    /// Bytes of what else those before want stored.
    pub stored_bytes: u64,
    /// Bytes of the instance's state with that, if one of them had to know.
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

    /// The lock, which goes into the write that stores them all.
    pub fn take_lock(&self) -> Option<InstanceLock> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The secrets of a configuration that is not stored yet, by JSON Pointer.
pub type PendingSecrets = Arc<BTreeMap<String, SecretString>>;

/// What brought a call about.
#[derive(Clone)]
pub enum Origin {
    Describe,
    Action,
    /// `initialize`: on an instance that nobody can resolve yet.
    Enable(PendingSecrets),
    /// `config-changed`: under the lock that the mutation holds.
    Reconfigure(PendingSecrets),
    /// `upgraded`: under the lock that the first call on a new version has taken for it.
    Upgrade,
    Webhook,
    GlobalWebhook,
    /// Unsigned: it reads and sends nothing.
    Handshake,
    Tick,
    Process,
    OAuth,
    /// A step of a hook.
    Hook,
    Worker,
    Monitoring,
    Route,
    /// `initialize` of a plugin of host scope, at a later start of the host.
    Start,
    /// `close` of a plugin of host scope.
    Shutdown,
}

impl Origin {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Action => "action",
            Self::Enable(_) => "enable",
            Self::Reconfigure(_) => "reconfigure",
            Self::Upgrade => "upgrade",
            Self::Webhook => "webhook",
            Self::GlobalWebhook => "global-webhook",
            Self::Handshake => "handshake",
            Self::Tick => "tick",
            Self::Process => "process",
            Self::OAuth => "oauth",
            Self::Hook => "hook",
            Self::Worker => "worker",
            Self::Monitoring => "monitoring",
            Self::Route => "route",
            Self::Start => "start",
            Self::Shutdown => "shutdown",
        }
    }

    /// Whether the call takes the instance's lock itself when it touches state.
    pub fn takes_lock(&self) -> bool {
        !matches!(self, Self::Enable(_) | Self::Reconfigure(_) | Self::Upgrade)
    }

    pub fn pending_secrets(&self) -> Option<&PendingSecrets> {
        match self {
            Self::Enable(secrets) | Self::Reconfigure(secrets) => Some(secrets),
            _ => None,
        }
    }
}
