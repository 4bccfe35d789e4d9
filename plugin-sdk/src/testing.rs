//! Plugins in `cargo test`: an in-memory host that calls them as the real one does, on the machine that
//! builds them. What it keeps is plain to see, and HTTP answers what a test scripts.
//!
//! ```
//! use moothall_sdk::testing::{Answer, Host};
//! use moothall_sdk::{Plugin, Result, http, plugin};
//! # use moothall_sdk::serde_json::{Value, json};
//!
//! struct Forecast;
//!
//! #[plugin(name = "forecast", requests(http("weather.example")))]
//! impl Forecast {
//!     #[action(slug = "ask")]
//!     fn ask(&self) -> Result<Value> {
//!         let sky: Value = http::get("https://weather.example/now").send()?.json()?;
//!         self.state().set("last", &sky)?;
//!         Ok(sky)
//!     }
//! }
//!
//! let mut host = Host::new(Forecast).answer(
//!     "GET",
//!     "https://weather.example/now",
//!     Answer::ok().json(&json!({ "sky": "blue" })),
//! );
//! assert_eq!(host.action("ask", json!({})), Ok(json!({ "sky": "blue" })));
//! assert_eq!(host.state("last"), Some(json!({ "sky": "blue" })));
//! assert!(host.action("ask", json!({})).is_err(), "one answer is scripted");
//! ```
//!
//! As in the real host, a call that fails leaves nothing behind, a secret is a place and not a value,
//! and a host that the manifest does not ask for is not reached. What it does not do: validate by
//! JSON Schema (types do most of it), bound time and memory, run one call beside another, deliver
//! events, or call what is due by itself. Those are for a test with the real host.

mod answer;
mod calls;
pub(crate) mod imports;
mod kept;
mod reach;
mod sealing;
mod world;

use std::marker::PhantomData;

use serde::Serialize;
use serde_json::Value;

use crate::accounts::Account;
use crate::log::Level;
use crate::{Plugin, Result};
pub use answer::{Answer, Sent};
pub use kept::{EmittedEvent, ProcessRecord, ProcessStatus};
use world::{Call, World};

/// A plugin in an in-memory host, enabled for the community `test`.
#[derive(Debug)]
pub struct Host<P: Plugin> {
    world: World,
    plugin: PhantomData<P>,
}

impl<P: Plugin> Host<P> {
    /// The plugin, without configuration and settings, and with everything granted that its manifest
    /// asks for.
    pub fn new(plugin: P) -> Self {
        let manifest = serde_json::from_str(&plugin.manifest().to_json());
        let manifest = manifest.expect("a manifest is always JSON");
        Self { world: World::new(manifest), plugin: PhantomData }
    }

    /// The configuration, with secrets as the values that people write.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.world.configure(config);
        self
    }

    /// The operator's settings, with secrets as the values that people write.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.world.set_settings(settings);
        self
    }

    /// The community's slug.
    #[must_use]
    pub fn community(mut self, slug: impl Into<String>) -> Self {
        self.world.community = slug.into();
        self
    }

    /// The host's numbers: a list of `{name, labels, value}`.
    #[must_use]
    pub fn metrics(mut self, numbers: Value) -> Self {
        self.world.metrics = numbers;
        self
    }

    /// Takes back the grant to see this secret: a JSON Pointer into the configuration, or
    /// `settings:<name>`.
    #[must_use]
    pub fn without_reveal(mut self, secret: &str) -> Self {
        self.world.granted_reveal.remove(secret);
        self
    }

    /// Answers the next request of this method and URL, once. The URL is the one that the plugin
    /// writes, without the secrets that the host places.
    #[must_use]
    pub fn answer(mut self, method: &str, url: &str, answer: Answer) -> Self {
        self.script(method, url, answer);
        self
    }

    /// The same for a host that is in use.
    pub fn script(&mut self, method: &str, url: &str, answer: Answer) {
        self.world.script.push((method.to_owned(), url.to_owned(), answer));
    }

    /// Puts a value into the instance's state.
    #[must_use]
    pub fn with_state<T: Serialize + ?Sized>(mut self, key: &str, value: &T) -> Self {
        let value = serde_json::to_string(value).expect("a test's value is JSON");
        self.world.kept.state.insert(key.to_owned(), value);
        self
    }

    /// A value of the instance's state.
    pub fn state(&self, key: &str) -> Option<Value> {
        let json = self.world.kept.state.get(key)?;
        Some(serde_json::from_str(json).expect("the state holds nothing but JSON"))
    }

    /// The keys of the instance's state.
    pub fn state_keys(&self) -> Vec<&str> {
        self.world.kept.state.keys().map(String::as_str).collect()
    }

    /// The events of all calls that succeeded, in their order.
    pub fn events(&self) -> &[EmittedEvent] {
        &self.world.kept.events
    }

    /// The accounts that are linked.
    pub fn accounts(&self) -> &[Account] {
        &self.world.kept.accounts
    }

    /// The process with this id.
    pub fn process(&self, id: &str) -> Option<&ProcessRecord> {
        self.world.kept.processes.get(id)
    }

    /// The requests that were sent, also by calls that failed, with their secrets in place.
    pub fn sent(&self) -> &[Sent] {
        &self.world.sent
    }

    /// The lines that were logged, also by calls that failed.
    pub fn log(&self) -> &[(Level, String)] {
        &self.world.lines
    }

    /// One call: what it wrote is kept if it succeeds, and only then.
    fn call<T>(&mut self, call: Call, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.world.kept.clone();
        self.world.call = Some(call);
        let result = world::within(&mut self.world, run);
        self.world.call = None;
        if result.is_err() {
            self.world.kept = before;
        }
        result
    }
}
