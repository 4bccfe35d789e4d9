//! What successful calls leave behind. It is one value, so that the host can undo a failed call by putting the
//! earlier value back.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::accounts::Account;
pub use crate::bindings::imports::moothall::plugin::process::ProcessStatus;

/// Everything that outlives a call.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub state: BTreeMap<String, String>,
    pub events: Vec<EmittedEvent>,
    pub processes: BTreeMap<String, ProcessRecord>,
    pub accounts: Vec<Account>,
    /// How many people there are; a person's id is their number.
    pub people: u64,
}

impl Kept {
    /// Deletes what a recreated instance loses.
    pub fn recreate(&mut self) {
        self.state.clear();
        let pending = self.processes.values_mut();
        for process in pending.filter(|one| one.status != ProcessStatus::Completed) {
            process.status = ProcessStatus::Completed;
            process.errors = serde_json::json!({ "code": "instance_replaced" });
        }
    }
}

/// An event that the plugin emitted.
#[derive(Debug, Clone, PartialEq)]
pub struct EmittedEvent {
    /// `evt_` and a number.
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// Its data.
    pub data: Value,
    /// Who caused it.
    pub initiator: Option<Value>,
    /// Its dedupe key.
    pub dedupe_key: Option<String>,
}

/// A governance process as drivers see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessRecord {
    /// Its name in the plugin.
    pub name: String,
    /// Whether it is completed.
    pub status: ProcessStatus,
    /// `{}` until it is set.
    pub outcome: Value,
    /// `{}` until they are set.
    pub errors: Value,
    /// Where people see it or vote on it.
    pub url: Option<String>,
    /// When the host closes it.
    pub closing_at: Option<String>,
    pub(super) state: BTreeMap<String, String>,
}

impl ProcessRecord {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: ProcessStatus::Created,
            outcome: Value::Object(serde_json::Map::new()),
            errors: Value::Object(serde_json::Map::new()),
            url: None,
            closing_at: None,
            state: BTreeMap::new(),
        }
    }
}
