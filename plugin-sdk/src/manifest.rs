//! The manifest: the JSON in which a plugin describes itself, and which the host reads once for each new file. It
//! depends on nothing but the plugin's types. The attribute [`plugin`](macro@crate::plugin) writes these calls; an
//! author writes only [`Hook`].
//!
//! ```
//! use moothall_sdk::manifest::Hook;
//! use moothall_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Registration {
//!     form: Value,
//! }
//!
//! struct Registrations;
//!
//! #[plugin(
//!     name = "registrations",
//!     hooks(
//!         Hook::new("org.example.registration.requested.v1")
//!             .input::<Registration>()
//!             .mutable("/form")
//!             .exception("PreventRegistration")
//!     )
//! )]
//! impl Registrations {}
//!
//! assert!(Registrations.manifest().to_json().contains("PreventRegistration"));
//! ```

mod actions;
mod document;
mod handshakes;
mod hooks;
mod oauth;
mod processes;
mod routes;
mod schedules;
mod verify;
mod workers;

use crate::export::{HasSchema, ProcessFunctions};
use crate::schema::{self, Maker, maker};
use crate::{Event, write};
pub use actions::Action;
pub(crate) use document::Object;
pub use handshakes::Handshake;
pub use hooks::{Filter, Hook};
pub use oauth::Authorization;
pub use processes::GovernanceProcess;
pub use routes::Route;
pub use schedules::Schedule;
pub use verify::Verify;
pub use workers::Worker;

/// A plugin's manifest, as `wit/manifest.schema.json` describes it.
#[derive(Debug, Clone)]
pub struct Manifest(Object);

impl Manifest {
    /// The manifest of a plugin that does nothing yet.
    pub fn new(name: &'static str) -> Self {
        let mut requests = Object::default();
        requests.list("reveal");
        let mut manifest = Object::with("name", name);
        manifest.list("lifecycle");
        manifest.list("actions");
        manifest.object("requests", requests);
        Self(manifest)
    }

    /// The plugin's own version.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.0.text("version", version);
        self
    }

    /// Its name as people read it.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.0.text("title", title);
        self
    }

    /// Where people read more of it: an `http` or `https` URL.
    #[must_use]
    pub fn homepage(mut self, url: &'static str) -> Self {
        self.0.text("homepage", url);
        self
    }

    /// What the plugin is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.0.text("description", description);
        self
    }

    /// How a community authorises the plugin: `none`, `api_key` or `oauth`.
    #[must_use]
    pub fn auth_type(mut self, auth_type: &'static str) -> Self {
        self.0.text("auth_type", auth_type);
        self
    }

    /// The type of an instance's configuration. The host refuses keys that it does not have.
    #[must_use]
    pub fn config<T: HasSchema>(mut self) -> Self {
        self.0.schema("config_schema", schema::of_object(maker::<T>()));
        self
    }

    /// The type of the operator's settings.
    #[must_use]
    pub fn settings<T: HasSchema>(mut self) -> Self {
        self.0.schema("settings_schema", schema::of_object(maker::<T>()));
        self
    }

    /// The config key whose value distinguishes several instances in one community.
    #[must_use]
    pub fn community_platform_id_key(mut self, key: &'static str) -> Self {
        self.0.text("community_platform_id_key", key);
        self
    }

    /// What a changed configuration does to an instance: `recreate` (destroys it with its state, and ends
    /// its pending processes) or `keep`. Changed secrets alone keep it in either case.
    #[must_use]
    pub fn on_config_change(mut self, choice: &'static str) -> Self {
        self.0.text("on_config_change", choice);
        self
    }

    /// Names a lifecycle function that the plugin implements.
    #[must_use]
    pub fn lifecycle(mut self, function: &'static str) -> Self {
        self.0.push_text("lifecycle", function);
        self
    }

    /// Adds an action.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.0.push_object("actions", action.0);
        self
    }

    /// Adds a type of event; adding it again has no effect.
    #[must_use]
    pub fn event<E: Event + HasSchema>(mut self) -> Self {
        let known = self.0.items("events");
        if known.iter().all(|event| event["event_type"] != E::TYPE) {
            self.0.push_object("events", event_type(E::TYPE, E::DESCRIPTION, maker::<E>()));
        }
        self
    }

    /// Adds governance processes, each as it describes itself.
    #[doc(hidden)]
    #[must_use]
    pub fn processes(mut self, all: &[&dyn ProcessFunctions]) -> Self {
        for process in all {
            self.0.push_object("processes", process.manifest().0);
        }
        self
    }

    /// How often the producer is called.
    #[must_use]
    pub fn producer(mut self, schedule: Schedule) -> Self {
        self.0.object("producer", schedule.0);
        self
    }

    /// How the host checks the signature of an instance's webhooks.
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.0.object("verify", verify.0);
        self
    }

    /// How the host checks the signature of webhooks for the whole platform.
    #[must_use]
    pub fn global_verify(mut self, verify: Verify) -> Self {
        self.0.object("global_verify", verify.0);
        self
    }

    /// Adds a handshake: an unsigned request by which a platform checks a URL.
    #[must_use]
    pub fn handshake(mut self, handshake: Handshake) -> Self {
        self.0.push_object("handshakes", handshake.0);
        self
    }

    /// Adds a JSON Pointer into the configuration, by whose value a webhook for the whole platform can name
    /// instances.
    #[must_use]
    pub fn route_key(mut self, pointer: &'static str) -> Self {
        self.0.push_text("route_keys", pointer);
        self
    }

    /// What the plugin authorises.
    #[must_use]
    pub fn oauth(mut self, oauth: Authorization) -> Self {
        self.0.object("oauth", oauth.0);
        self
    }

    /// Asks for requests to a host.
    #[must_use]
    pub fn http(mut self, host: &'static str) -> Self {
        self.0.push_text_in("requests", "http", host);
        self
    }

    /// Who has instances: each `community`, or the `host`.
    #[must_use]
    pub fn scope(mut self, scope: &'static str) -> Self {
        self.0.text("scope", scope);
        self
    }

    /// Makes it resident: its guest keeps its memory between calls of schedules, monitoring and routes.
    #[must_use]
    pub fn resident(mut self) -> Self {
        self.0.bool("resident", true);
        self
    }

    /// Adds a hook, which drivers can run.
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.0.push_object("hooks", hook.0);
        self
    }

    /// Adds a step of a hook.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.0.push_object("filters", filter.0);
        self
    }

    /// Adds a worker.
    #[must_use]
    pub fn worker(mut self, worker: Worker) -> Self {
        self.0.push_object("workers", worker.0);
        self
    }

    /// Adds a schedule.
    #[must_use]
    pub fn schedule(mut self, name: &'static str, schedule: Schedule) -> Self {
        let mut schedule = schedule.0;
        schedule.text("name", name);
        self.0.push_object("schedules", schedule);
        self
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.0.push_object("routes", route.0);
        self
    }

    /// Asks for TCP connections to an address, `host:port`.
    #[must_use]
    pub fn tcp(mut self, address: &'static str) -> Self {
        self.0.push_text_in("requests", "tcp", address);
        self
    }

    /// Asks for the accounts of another platform; `*` means all.
    #[must_use]
    pub fn accounts(mut self, platform: &'static str) -> Self {
        self.0.push_text_in("requests", "accounts", platform);
        self
    }

    /// Asks for a secret's value: a JSON Pointer into the configuration, or `settings:<name>`.
    #[must_use]
    pub fn reveal(mut self, secret: &'static str) -> Self {
        self.0.push_text_in("requests", "reveal", secret);
        self
    }

    /// The manifest as the host reads it.
    pub fn to_json(&self) -> String {
        let mut manifest = self.0.clone();
        // In host scope the settings are also the configuration, and each type leaves room for the other's
        // keys.
        let is_shared = manifest.get("scope").is_some_and(|scope| scope == "host")
            && manifest.get("settings_schema").is_some();
        if !is_shared && let Some(config) = manifest.as_map_mut().get_mut("config_schema") {
            schema::close(config);
        }
        write::json(manifest.as_map()).expect("JSON values always have a text")
    }
}

fn event_type(name: &'static str, description: Option<&'static str>, make: Maker) -> Object {
    let mut event = Object::with("event_type", name);
    if let Some(description) = description {
        event.text("description", description);
    }
    let schema = schema::of_said(make, "the event", &event);
    event.schema("schema", schema);
    event
}
