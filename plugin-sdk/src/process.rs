//! What every governance process has. All of it is about the process that the host calls, and what a call sets
//! is committed with the call.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::host::process as host;
use crate::{Error, Moment, Result, manifest, read, write};

/// A governance process; implemented by the attribute [`process`](macro@crate::process) on its
/// `impl` block. What it shares with its plugin, its configuration too, comes from [`Instance`](crate::Instance).
pub trait Process: Sized + 'static {
    /// What it keeps between calls: the attribute's `state`.
    type State: Serialize + DeserializeOwned;

    /// Its outcome: the attribute's `outcome`.
    type Outcome: Serialize;

    /// The process's name in the plugin.
    const NAME: &'static str;

    /// The process's part of the manifest.
    fn manifest(&self) -> manifest::GovernanceProcess;

    /// The process's id, as in its URL.
    fn id(&self) -> Result<String> {
        Ok(host::id()?)
    }

    /// The process's own key-value state.
    fn state(&self) -> ProcessState {
        ProcessState { _private: () }
    }

    /// The value that [`store`](Self::store) kept. `not-found`: there is none yet.
    fn load(&self) -> Result<Self::State> {
        self.state().get(STATE)?.ok_or_else(|| Error::not_found("the process has no state yet"))
    }

    /// Keeps `state` until the next call.
    fn store(&self, state: &Self::State) -> Result<()> {
        self.state().set(STATE, state)
    }

    /// Whether it is pending; a completed process is never called again.
    fn is_completed(&self) -> Result<bool> {
        Ok(host::status()? == host::ProcessStatus::Completed)
    }

    /// Makes it pending. A process whose `start` sets no status becomes pending by itself.
    fn pending(&self) -> Result<()> {
        Ok(host::set_status(host::ProcessStatus::Pending)?)
    }

    /// Completes it with this outcome. Final.
    fn complete(&self, outcome: &Self::Outcome) -> Result<()> {
        self.set_outcome(outcome)?;
        Ok(host::set_status(host::ProcessStatus::Completed)?)
    }

    /// Completes it with the outcome so far and with these errors, for what has ended without a proper end: somebody
    /// deleted it on the platform, for example. Final.
    fn complete_with_errors<T: Serialize + ?Sized>(&self, errors: &T) -> Result<()> {
        self.set_errors(errors)?;
        Ok(host::set_status(host::ProcessStatus::Completed)?)
    }

    /// Sets the outcome so far.
    fn set_outcome(&self, outcome: &Self::Outcome) -> Result<()> {
        Ok(host::set_outcome(&write::json(outcome)?)?)
    }

    /// The outcome so far; `{}` before one is set.
    fn outcome(&self) -> Result<Value> {
        read::of_host(host::outcome()?)
    }

    /// The errors that were set; `{}` before any were.
    fn errors(&self) -> Result<Value> {
        read::of_host(host::errors()?)
    }

    /// Sets errors, which drivers can see.
    fn set_errors<T: Serialize + ?Sized>(&self, errors: &T) -> Result<()> {
        Ok(host::set_errors(&write::json(errors)?)?)
    }

    /// Where people see it or vote on it.
    fn url(&self) -> Result<Option<String>> {
        Ok(host::url()?)
    }

    /// Sets where people see it or vote on it.
    fn set_url(&self, url: &str) -> Result<()> {
        Ok(host::set_url(Some(url))?)
    }

    /// When the host closes it.
    fn closing_at(&self) -> Result<Option<Moment>> {
        host::closing_at()?.map(|text| text.parse()).transpose()
    }

    /// Sets when the host closes it. To read a moment from a text: `text.parse()?`.
    fn set_closing_at(&self, moment: Moment) -> Result<()> {
        Ok(host::set_closing_at(Some(&moment.to_string()))?)
    }

    /// Lets the host close it after this time.
    fn set_closing_after(&self, duration: Duration) -> Result<()> {
        self.set_closing_at(Moment::now().plus(duration)?)
    }

    /// Removes the time at which the host closes it.
    fn set_never_closing(&self) -> Result<()> {
        Ok(host::set_closing_at(None)?)
    }
}

/// The key of the state that `load` and `store` use.
const STATE: &str = "state";

/// A process's own state, from [`Process::state`]. It is deleted with the process.
///
/// ```
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::Host;
///
/// struct Queue;
///
/// #[process(name = "queue")]
/// impl Queue {
///     fn start(&self) -> Result<()> {
///         self.state().set("waiting", &["ann", "bob"])
///     }
///
///     fn update(&self) -> Result<()> {
///         let mut waiting: Vec<String> = self.state().get("waiting")?.unwrap_or_default();
///         waiting.pop();
///         if waiting.is_empty() {
///             return self.complete(&json!({ "served": true }));
///         }
///         self.state().set("waiting", &waiting)
///     }
/// }
///
/// struct Office;
///
/// #[plugin(name = "office", processes(Queue))]
/// impl Office {}
///
/// # let mut host = Host::new(Office);
/// # let queue = host.start("queue", json!({})).expect("it starts");
/// # host.update(&queue).expect("one is left");
/// # host.update(&queue).expect("none is left");
/// # assert_eq!(host.process(&queue).map(|one| &one.outcome), Some(&json!({ "served": true })));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ProcessState {
    _private: (),
}

impl ProcessState {
    /// The value under `key`, if there is one.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(json) = host::get(key)? else {
            return Ok(None);
        };
        read::json(&json).map(Some).map_err(|error| {
            Error::internal(format!("the process's '{key}' does not fit its type: {error}"))
        })
    }

    /// Writes `value` under `key`.
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<()> {
        Ok(host::set(key, &write::json(value)?)?)
    }

    /// Removes `key`; returns whether it was there.
    pub fn remove(&self, key: &str) -> Result<bool> {
        Ok(host::remove(key)?)
    }
}
