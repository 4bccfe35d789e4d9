//! Tests plugins in `cargo test`: an in-memory host calls them as the real one does, natively. Tests can look
//! at everything that it keeps, and script the answers to HTTP requests.
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
//! As in the real host, a failed call leaves nothing behind, a secret is a place and not a value, and the
//! plugin reaches only hosts that its manifest asks for. The real host's own code checks configurations,
//! parameters, results and events by their schemas, fills in defaults and takes out secrets. The in-memory host
//! does not limit time and memory, run calls concurrently, deliver events, or call anything on a schedule: test
//! these with the real host.

mod answer;
mod calls;
mod described;
pub(crate) mod imports;
mod judged;
mod kept;
#[cfg(feature = "jwt")]
pub mod keys;
mod reach;
mod replay;
#[cfg(feature = "verify")]
pub mod signed;
mod webhooks;
mod world;

use std::marker::PhantomData;

use moothall_values::names::is_slug;
use serde::Serialize;
use serde_json::Value;

use crate::accounts::Account;
use crate::log::Level;
use crate::{Error, ErrorKind, Plugin, Result};
pub use answer::{Answer, Sent};
use described::Described;
pub use kept::{EmittedEvent, ProcessRecord, ProcessStatus};
pub use replay::Replay;
pub use webhooks::{payload_webhook, webhook};
use world::{Call, World};

/// A plugin in an in-memory host, enabled for the community `test`.
#[derive(Debug)]
pub struct Host<P: Plugin> {
    world: World,
    plugin: PhantomData<P>,
}

impl<P: Plugin> Host<P> {
    /// The plugin, without configuration and settings, and with every grant that its manifest asks for. The
    /// test fails on a manifest that the host would refuse at load or warn of: a JSON Pointer that leads
    /// nowhere, a pattern that matches no event, a misspelt hook.
    #[track_caller]
    pub fn new(plugin: P) -> Self {
        let described = Described::of(&plugin.manifest().to_json());
        let described = described.expect("the host refuses the manifest, or warns of it");
        Self { world: World::new(described), plugin: PhantomData }
    }

    /// Sets the configuration, with secrets as plain values. The test fails if the host refuses it; to test
    /// that it is refused, use [`configure`](Self::configure).
    #[must_use]
    #[track_caller]
    pub fn config(mut self, config: Value) -> Self {
        self.configure(config).expect("the host refuses the configuration");
        self
    }

    /// Sets the configuration as a driver would, without calling the plugin. `invalid`, and nothing changes:
    /// the host refuses it, and the details name the places.
    pub fn configure(&mut self, config: Value) -> Result<()> {
        self.world.configure(config).map(drop)
    }

    /// Sets the operator's settings, with secrets as plain values. The test fails if the host refuses them.
    #[must_use]
    #[track_caller]
    pub fn settings(mut self, settings: Value) -> Self {
        self.world.set_settings(settings).expect("the host refuses the settings");
        self
    }

    /// Sets the community's slug.
    #[must_use]
    pub fn community(mut self, slug: impl Into<String>) -> Self {
        self.world.community = slug.into();
        self
    }

    /// Sets the host's numbers: a list of `{name, labels, value}`.
    #[must_use]
    pub fn metrics(mut self, numbers: Value) -> Self {
        self.world.metrics = numbers;
        self
    }

    /// Removes the grant to see this secret: a JSON Pointer into the configuration, or `settings:<name>`.
    #[must_use]
    pub fn without_reveal(mut self, secret: &str) -> Self {
        self.world.granted_reveal.remove(secret);
        self
    }

    /// Answers one request with this method and URL; a second answer to the same is for the next one. The URL is the one
    /// that the plugin writes, without the secrets that the host places.
    ///
    /// A request without an answer fails the call, whatever the plugin makes of it: only the test can be wrong there. For a
    /// platform that cannot be reached, there is [`Answer::unreachable`].
    #[must_use]
    pub fn answer(mut self, method: &str, url: &str, answer: Answer) -> Self {
        self.script(method, url, answer);
        self
    }

    /// Like [`answer`](Self::answer), for a host that is in use.
    pub fn script(&mut self, method: &str, url: &str, answer: Answer) {
        self.world.script.push((method.to_owned(), url.to_owned(), answer));
    }

    /// Fails the test if an answer has not been used.
    ///
    /// ```should_panic
    /// # use moothall_sdk::prelude::*;
    /// # use moothall_sdk::testing::{Answer, Host};
    /// # struct Idle;
    /// # #[plugin(name = "idle")]
    /// # impl Idle {
    /// #     #[action(slug = "rest")]
    /// #     fn rest(&self) -> Result<()> {
    /// #         Ok(())
    /// #     }
    /// # }
    /// let mut host = Host::new(Idle).answer("GET", "https://a.example/", Answer::ok());
    /// host.action("rest", json!({})).expect("rested");
    /// host.assert_answers_used();
    /// ```
    #[track_caller]
    pub fn assert_answers_used(&self) {
        let unused = self.world.unused_answers();
        assert!(unused.is_empty(), "the plugin never asked {}", unused.join(", nor "));
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

    /// The events of all successful calls, in order.
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

    /// The requests that were sent, also by failed calls, with their secrets in place.
    pub fn sent(&self) -> &[Sent] {
        &self.world.sent
    }

    /// The lines that were logged, also by failed calls.
    pub fn log(&self) -> &[(Level, String)] {
        &self.world.lines
    }

    /// Runs one call, and keeps what it wrote only if it succeeds.
    fn call<T>(&mut self, call: Call, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.world.kept.clone();
        self.world.call = Some(call);
        let result = world::within(&mut self.world, run);
        self.world.call = None;
        let result = self.world.unanswered.take().map_or(result, Err);
        let result = result.and_then(|answer| self.world.check_since(&before).map(|()| answer));
        let result = result.map_err(in_the_contract_s_terms);
        if result.is_err() {
            self.world.kept = before;
        }
        result
    }
}

/// Refuses an error with an invalid kind, as the real host does: for it, this is `plugin_bad_output`, 502.
fn in_the_contract_s_terms(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Other(own) if !is_slug(own) => Error::internal(format!(
            "the plugin's error is of the kind {own:?}, and a kind of its own matches [a-z][a-z0-9-]{{0,49}}"
        )),
        _ => error,
    }
}
