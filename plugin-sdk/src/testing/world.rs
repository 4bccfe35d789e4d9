//! Everything that an in-memory host knows, and the host in which this thread's call runs. Outside of a call
//! there is an empty host, which refuses everything.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use moothall_values::config::{ConfigChange, SplitConfig, not_strings, restore_placeholders, seal};
use moothall_values::schema::Violation;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::answer::{Answer, Sent};
use super::described::{Described, budget, refused};
use super::kept::{Kept, ProcessRecord};
use crate::log::Level;
use crate::{Error, Result};

/// What a host knows. Tests set it up, calls change it.
#[derive(Debug, Default)]
pub struct World {
    /// The plugin under test; none outside of a call.
    pub described: Option<Arc<Described>>,
    pub community: String,
    pub config: Value,
    pub settings: Value,
    /// The values of secrets, by their JSON Pointer or `settings:<name>`.
    pub secrets: BTreeMap<String, String>,
    pub granted_reveal: BTreeSet<String>,
    pub kept: Kept,
    /// Answers by method and URL, each for one request.
    pub script: Vec<(String, String, Answer)>,
    pub sent: Vec<Sent>,
    /// The first request of the call to which the test has no answer.
    pub unanswered: Option<Error>,
    pub lines: Vec<(Level, String)>,
    /// The answer of `metrics.snapshot`.
    pub metrics: Value,
    pub call: Option<Call>,
    /// How many calls there were. It is also the id of the last one.
    pub calls: u64,
}

/// The call in progress.
#[derive(Debug, Clone)]
pub struct Call {
    pub origin: &'static str,
    pub has_instance: bool,
    pub read_only: bool,
    pub may_send: bool,
    /// The id of the process that it is for.
    pub process: Option<String>,
    pub writes: usize,
    pub events: usize,
    pub requests: usize,
    /// How often it has changed accounts.
    pub accounts: usize,
}

impl Call {
    /// A call of the instance.
    pub fn of_instance(origin: &'static str) -> Self {
        Self { has_instance: true, ..Self::of_platform(origin) }
    }

    /// Makes it a call that may not write.
    pub fn reading(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// A call for a process.
    pub fn of_process(origin: &'static str, id: &str) -> Self {
        Self { process: Some(id.to_owned()), ..Self::of_instance(origin) }
    }

    /// A call without an instance.
    pub fn of_platform(origin: &'static str) -> Self {
        Self {
            origin,
            has_instance: false,
            read_only: false,
            may_send: true,
            process: None,
            writes: 0,
            events: 0,
            requests: 0,
            accounts: 0,
        }
    }

    /// Makes it a call that may not send requests.
    pub fn silent(self) -> Self {
        Self { may_send: false, ..self }
    }
}

impl World {
    pub fn new(described: Described) -> Self {
        let granted_reveal = described.manifest.requests.reveal.iter().cloned().collect();
        let empty = || Value::Object(serde_json::Map::new());
        let (mut config, mut settings) = (empty(), empty());
        // A configuration is checked only when it is set, because a plugin may well be tested without one.
        drop(described.config.fill_defaults(&mut config));
        drop(described.settings.fill_defaults(&mut settings));
        Self {
            granted_reveal,
            described: Some(Arc::new(described)),
            community: "test".to_owned(),
            config,
            settings,
            metrics: Value::Array(Vec::new()),
            ..Self::default()
        }
    }

    /// Checks a configuration, fills in defaults and takes its secrets out. If it means the same as the earlier
    /// one, the earlier one stays.
    pub fn configure(&mut self, config: Value) -> Result<ConfigChange> {
        let stored = self.secrets_of_config();
        let split = self.checked(config, &stored).map_err(|all| refused(&all))?;
        let described = self.the_plugin()?;
        let change = split.change_from(&described.config, self.config.clone(), &stored);
        if change != ConfigChange::Nothing {
            self.secrets.retain(|place, _| !place.starts_with('/'));
            self.config = self.keep_secrets(split, "");
        }
        Ok(change)
    }

    /// The result of setting a configuration, with these secrets stored; or every reason against it.
    pub fn checked(
        &self,
        mut config: Value,
        stored: &BTreeMap<String, SecretString>,
    ) -> std::result::Result<SplitConfig, Vec<Violation>> {
        let described = self.the_plugin().map_err(|none| vec![violation("", none.message())])?;
        let schema = &described.config;
        if !config.is_object() {
            return Err(vec![violation("", "a config is a JSON object")]);
        }
        schema.fill_defaults(&mut config).map_err(|one| vec![one])?;
        schema.write_integers(&mut config, None)?;
        described.manifest.platform_id(&config).map_err(|one| vec![one])?;
        let pointers = schema.secrets().find(&config);
        let unknown = restore_placeholders(&mut config, &pointers, stored).unknown;
        let kept = "the placeholder keeps a stored secret, and none is stored here; send the secret itself";
        let unknown = unknown.iter().map(|path| violation(path, kept));
        let wrong: Vec<_> = unknown.chain(no_strings(&config, &pointers)).collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let signing = described.manifest.wrong_signing_secret(&config);
        let split = seal(schema, config, &mut budget())?;
        signing.map_or(Ok(split), |wrong| Err(vec![wrong]))
    }

    /// The same for the operator's settings, whose secrets are addressed by name.
    pub fn set_settings(&mut self, mut settings: Value) -> Result<()> {
        let described = self.the_plugin()?;
        let schema = &described.settings;
        schema.fill_defaults(&mut settings).map_err(|one| refused(&[one]))?;
        schema.write_integers(&mut settings, None).map_err(|all| refused(&all))?;
        let mut wrong = no_strings(&settings, &schema.secrets().find(&settings));
        wrong.extend(described.manifest.wrong_signing_settings(&settings));
        if !wrong.is_empty() {
            return Err(refused(&wrong));
        }
        let split = seal(schema, settings, &mut budget()).map_err(|all| refused(&all))?;
        self.secrets.retain(|place, _| place.starts_with('/'));
        self.settings = self.keep_secrets(split.by_name(), "settings:");
        Ok(())
    }

    fn keep_secrets(&mut self, split: SplitConfig, before: &str) -> Value {
        let plain = |(place, secret): (String, SecretString)| {
            (format!("{before}{place}"), secret.expose_secret().to_owned())
        };
        self.secrets.extend(split.secrets.into_iter().map(plain));
        split.public
    }

    pub fn secrets_of_config(&self) -> BTreeMap<String, SecretString> {
        let of_config = self.secrets.iter().filter(|(place, _)| place.starts_with('/'));
        of_config.map(|(place, text)| (place.clone(), text.clone().into())).collect()
    }

    /// The plugin under test.
    pub fn the_plugin(&self) -> Result<Arc<Described>> {
        self.described.clone().ok_or_else(|| Error::forbidden("no plugin is here"))
    }

    /// Checks what a call has written: events, and outcomes of processes.
    pub fn check_since(&self, before: &Kept) -> Result<()> {
        let schemas = self.the_plugin()?;
        for event in self.kept.events.iter().skip(before.events.len()) {
            schemas.check_event(&event.event_type, &event.data)?;
        }
        for (id, process) in &self.kept.processes {
            let earlier = before.processes.get(id).map(|one| &one.outcome);
            if earlier.is_some_and(|earlier| *earlier != process.outcome) {
                schemas.check_outcome(&process.name, &process.outcome)?;
            }
        }
        Ok(())
    }

    /// The requests to which the test has an answer that has not been used.
    pub fn unused_answers(&self) -> Vec<String> {
        self.script.iter().map(|(method, url, _)| format!("{method} {url}")).collect()
    }

    /// The plugin's name, which is also its platform's.
    pub fn plugin(&self) -> String {
        self.the_plugin().map(|plugin| plugin.manifest.name.clone()).unwrap_or_default()
    }

    /// Whether this is the plugin's own platform, or one whose accounts its manifest asks for.
    pub fn has_accounts_of(&self, platform: &str) -> bool {
        self.the_plugin().is_ok_and(|plugin| {
            let mut asked = plugin.manifest.requests.accounts.iter();
            platform == plugin.manifest.name || asked.any(|one| one == platform || one == "*")
        })
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

    /// The process that the call is for.
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

fn no_strings(value: &Value, pointers: &[String]) -> Vec<Violation> {
    let wrong = not_strings(value, pointers);
    wrong.iter().map(|path| violation(path, "a secret must be a string")).collect()
}

fn violation(path: &str, message: &str) -> Violation {
    Violation { path: path.to_owned(), message: message.to_owned() }
}

thread_local! {
    static NOW: RefCell<World> = RefCell::new(World::default());
}

/// Runs `run` with this world as the thread's.
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
