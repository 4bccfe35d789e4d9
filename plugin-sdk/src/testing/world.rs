//! All that an in-memory host knows, and the one that this thread's call runs in. Outside a call
//! there is an empty one, in which everything is refused.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::answer::{Answer, Sent};
use super::kept::{Kept, ProcessRecord};
use super::sealing::{in_config, in_settings};
use crate::log::Level;
use crate::{Error, Result};

/// What a host knows. Tests arrange it, calls change it.
#[derive(Debug, Default)]
pub struct World {
    pub manifest: Value,
    pub community: String,
    pub config: Value,
    pub settings: Value,
    /// The values of secrets, by their JSON Pointer or `settings:<name>`.
    pub secrets: BTreeMap<String, String>,
    pub granted_reveal: BTreeSet<String>,
    pub kept: Kept,
    pub script: Vec<(String, String, Answer)>,
    pub sent: Vec<Sent>,
    pub lines: Vec<(Level, String)>,
    /// What the snapshot of metrics answers.
    pub metrics: Value,
    pub call: Option<Call>,
    /// How many calls there were, which is the id of the last.
    pub calls: u64,
}

/// The call that runs.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub origin: &'static str,
    pub has_instance: bool,
    pub read_only: bool,
    /// The id of the process that it is about.
    pub process: Option<String>,
    pub writes: usize,
    pub events: usize,
    pub requests: usize,
}

impl Call {
    /// A call of the instance.
    pub fn of_instance(origin: &'static str) -> Self {
        Self { origin, has_instance: true, ..Self::default() }
    }

    /// The same, which may not write.
    pub fn reading(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// A call about a process.
    pub fn of_process(origin: &'static str, id: &str) -> Self {
        Self { process: Some(id.to_owned()), ..Self::of_instance(origin) }
    }

    /// A call that no instance is behind.
    pub fn of_platform(origin: &'static str) -> Self {
        Self { origin, ..Self::default() }
    }
}

impl World {
    pub fn new(manifest: Value) -> Self {
        let requested = manifest["requests"]["reveal"].as_array().into_iter().flatten();
        let granted_reveal = requested.filter_map(|one| Some(one.as_str()?.to_owned())).collect();
        let empty = || Value::Object(serde_json::Map::new());
        Self {
            granted_reveal,
            manifest,
            community: "test".to_owned(),
            config: empty(),
            settings: empty(),
            metrics: Value::Array(Vec::new()),
            ..Self::default()
        }
    }

    pub fn configure(&mut self, config: Value) {
        self.secrets.retain(|place, _| !place.starts_with('/'));
        self.config = in_config(config, &self.manifest["config_schema"], &mut self.secrets);
    }

    pub fn set_settings(&mut self, settings: Value) {
        self.secrets.retain(|place, _| place.starts_with('/'));
        self.settings = in_settings(settings, &self.manifest["settings_schema"], &mut self.secrets);
    }

    pub fn plugin(&self) -> &str {
        self.manifest["name"].as_str().unwrap_or_default()
    }

    /// Whether it is the plugin's own platform, or one whose accounts its manifest asks for.
    pub fn has_accounts_of(&self, platform: &str) -> bool {
        let mut asked = self.manifest["requests"]["accounts"].as_array().into_iter().flatten();
        platform == self.plugin() || asked.any(|one| *one == platform || *one == "*")
    }

    pub fn the_call(&mut self) -> Result<&mut Call> {
        self.call.as_mut().ok_or_else(|| {
            Error::forbidden("no call runs; call the plugin through `moothall_sdk::testing::Host`")
        })
    }

    /// The call, which must be one of an instance.
    pub fn instance_call(&mut self) -> Result<&mut Call> {
        let call = self.the_call()?;
        if call.has_instance {
            return Ok(call);
        }
        Err(Error::forbidden("this call is for no instance"))
    }

    /// The call, which must be one that may write.
    pub fn writing_call(&mut self) -> Result<&mut Call> {
        let call = self.instance_call()?;
        if call.read_only {
            return Err(Error::forbidden("this call is read-only"));
        }
        Ok(call)
    }

    /// The process that the call is about.
    pub fn the_process(&mut self) -> Result<&mut ProcessRecord> {
        let id = self.process_id()?;
        let found = self.kept.processes.get_mut(&id);
        found.ok_or_else(|| Error::forbidden("this call is not about a process"))
    }

    pub fn process_id(&mut self) -> Result<String> {
        let id = self.the_call()?.process.clone();
        id.ok_or_else(|| Error::forbidden("this call is not about a process"))
    }
}

thread_local! {
    static NOW: RefCell<World> = RefCell::new(World::default());
}

/// Runs something with this world as the thread's.
pub fn within<T>(world: &mut World, run: impl FnOnce() -> T) -> T {
    world.calls += 1;
    NOW.with_borrow_mut(|now| std::mem::swap(now, world));
    let result = run();
    NOW.with_borrow_mut(|now| std::mem::swap(now, world));
    result
}

/// The world that this thread's call runs in.
pub fn now<T>(use_it: impl FnOnce(&mut World) -> T) -> T {
    NOW.with_borrow_mut(use_it)
}
