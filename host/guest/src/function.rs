//! What the host knows of an exported function, whoever calls it and with whatever input.

use std::sync::Arc;

/// What the host knows of an exported function. Each interface's file says it of its own.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// As WIT names it.
    pub name: &'static str,
    /// What brought the call about.
    pub origin: Origin,
    /// How metrics count it.
    pub group: CallGroup,
    /// It shares the instance's lock and may not write.
    pub is_read_only: bool,
    /// Who takes the instance's lock.
    pub lock: Lock,
    /// Which guest of a resident plugin serves it.
    pub guests: Guests,
    /// Its result goes straight back to the caller, so an error whose kind means a bad request is not listed as the plugin's
    /// failure.
    pub answers_its_caller: bool,
}

impl Function {
    /// A function that may write, in a fresh guest, under a lock of its own.
    pub const fn new(name: &'static str, origin: Origin, group: CallGroup) -> Self {
        Self {
            name,
            origin,
            group,
            is_read_only: false,
            lock: Lock::Own,
            guests: Guests::Fresh,
            answers_its_caller: false,
        }
    }
}

/// What is called, for logs and lists.
#[derive(Clone, Debug)]
pub enum CallName {
    /// As WIT names the function.
    Function(&'static str),
    /// As the manifest names what the function is called for.
    Declared(Arc<str>),
}

impl CallName {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Function(name) => name,
            Self::Declared(name) => name,
        }
    }
}

/// Who takes the instance's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The call, when it first touches state.
    Own,
    /// The caller, before the call; or nobody, because no other call can find the instance yet.
    OfCaller,
}

/// Which guest serves a resident plugin's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    Fresh,
    /// The one that lives on between calls.
    Resident,
}

/// What brought a call about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Describe,
    Action,
    Enable,
    Reconfigure,
    Upgrade,
    Webhook,
    GlobalWebhook,
    Handshake,
    Tick,
    Process,
    OAuth,
    Hook,
    Worker,
    Monitoring,
    Route,
    Start,
    Shutdown,
}

impl Origin {
    /// As the log and the list of failed calls name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Action => "action",
            Self::Enable => "enable",
            Self::Reconfigure => "reconfigure",
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
}

/// Calls that metrics count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallGroup {
    Action,
    Filter,
    Lifecycle,
    Monitoring,
    OAuth,
    Process,
    Route,
    Tick,
    Webhook,
    Worker,
}

impl CallGroup {
    pub const ALL: [Self; 10] = [
        Self::Action,
        Self::Filter,
        Self::Lifecycle,
        Self::Monitoring,
        Self::OAuth,
        Self::Process,
        Self::Route,
        Self::Tick,
        Self::Webhook,
        Self::Worker,
    ];

    /// The value of the metrics' label `origin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Filter => "filter",
            Self::Lifecycle => "lifecycle",
            Self::Monitoring => "monitoring",
            Self::OAuth => "oauth",
            Self::Process => "process",
            Self::Route => "route",
            Self::Tick => "tick",
            Self::Webhook => "webhook",
            Self::Worker => "worker",
        }
    }
}
