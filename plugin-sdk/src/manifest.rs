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
mod handshakes;
mod hooks;
mod oauth;
mod processes;
mod routes;
mod schedules;
mod verify;
mod workers;

use schemars::Schema;
use serde::Serialize;

use crate::export::{HasSchema, ProcessFunctions};
use crate::{Event, schema};
pub use actions::Action;
pub use handshakes::Handshake;
pub use hooks::{Filter, Hook};
pub use oauth::Authorization;
pub use processes::GovernanceProcess;
pub use routes::Route;
use schedules::NamedSchedule;
pub use schedules::Schedule;
pub use verify::Verify;
pub use workers::Worker;

/// A plugin's manifest, as `wit/manifest.schema.json` describes it.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_platform_id_key: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_config_change: Option<&'static str>,
    lifecycle: Vec<&'static str>,
    actions: Vec<Action>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventType>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<GovernanceProcess>,
    #[serde(skip_serializing_if = "Option::is_none")]
    producer: Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<Verify>,
    #[serde(skip_serializing_if = "Option::is_none")]
    global_verify: Option<Verify>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    handshakes: Vec<Handshake>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    route_keys: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth: Option<Authorization>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resident: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks: Vec<Hook>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workers: Vec<Worker>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schedules: Vec<NamedSchedule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Route>,
    requests: Requests,
}

#[derive(Debug, Clone, Serialize)]
struct EventType {
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    schema: Schema,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Requests {
    reveal: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    http: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tcp: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<&'static str>,
}

impl Manifest {
    /// The manifest of a plugin that does nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            version: None,
            description: None,
            auth_type: None,
            config_schema: None,
            settings_schema: None,
            community_platform_id_key: None,
            on_config_change: None,
            lifecycle: Vec::new(),
            actions: Vec::new(),
            events: Vec::new(),
            processes: Vec::new(),
            producer: None,
            verify: None,
            global_verify: None,
            handshakes: Vec::new(),
            route_keys: Vec::new(),
            oauth: None,
            scope: None,
            resident: false,
            hooks: Vec::new(),
            filters: Vec::new(),
            workers: Vec::new(),
            schedules: Vec::new(),
            routes: Vec::new(),
            requests: Requests::default(),
        }
    }

    /// The plugin's own version.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    /// What the plugin is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// How a community authorises the plugin: `none`, `api_key` or `oauth`.
    #[must_use]
    pub fn auth_type(mut self, auth_type: &'static str) -> Self {
        self.auth_type = Some(auth_type);
        self
    }

    /// The type of an instance's configuration. The host refuses keys that it does not have.
    #[must_use]
    pub fn config<T: HasSchema>(mut self) -> Self {
        self.config_schema = Some(schema::of_object::<T>());
        self
    }

    /// The type of the operator's settings.
    #[must_use]
    pub fn settings<T: HasSchema>(mut self) -> Self {
        self.settings_schema = Some(schema::of_object::<T>());
        self
    }

    /// The config key whose value distinguishes several instances in one community.
    #[must_use]
    pub fn community_platform_id_key(mut self, key: &'static str) -> Self {
        self.community_platform_id_key = Some(key);
        self
    }

    /// What a changed configuration does to an instance: `recreate` (destroys it with its state, and ends
    /// its pending processes) or `keep`. Changed secrets alone keep it in either case.
    #[must_use]
    pub fn on_config_change(mut self, choice: &'static str) -> Self {
        self.on_config_change = Some(choice);
        self
    }

    /// Names a lifecycle function that the plugin implements.
    #[must_use]
    pub fn lifecycle(mut self, function: &'static str) -> Self {
        self.lifecycle.push(function);
        self
    }

    /// Adds an action.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Adds a type of event; adding it again has no effect.
    #[must_use]
    pub fn event<E: Event + HasSchema>(mut self) -> Self {
        if self.events.iter().all(|known| known.event_type != E::TYPE) {
            self.events.push(EventType {
                event_type: E::TYPE,
                description: E::DESCRIPTION,
                schema: schema::of_said::<E>(&format!("the event `{}`", E::TYPE)),
            });
        }
        self
    }

    /// Adds governance processes, each as it describes itself.
    #[doc(hidden)]
    #[must_use]
    pub fn processes(mut self, all: &[&dyn ProcessFunctions]) -> Self {
        self.processes.extend(all.iter().map(|process| process.manifest()));
        self
    }

    /// How often the producer is called.
    #[must_use]
    pub fn producer(mut self, schedule: Schedule) -> Self {
        self.producer = Some(schedule);
        self
    }

    /// How the host checks the signature of an instance's webhooks.
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = Some(verify);
        self
    }

    /// How the host checks the signature of webhooks for the whole platform.
    #[must_use]
    pub fn global_verify(mut self, verify: Verify) -> Self {
        self.global_verify = Some(verify);
        self
    }

    /// Adds a handshake: an unsigned request by which a platform checks a URL.
    #[must_use]
    pub fn handshake(mut self, handshake: Handshake) -> Self {
        self.handshakes.push(handshake);
        self
    }

    /// Adds a JSON Pointer into the configuration, by whose value a webhook for the whole platform can name
    /// instances.
    #[must_use]
    pub fn route_key(mut self, pointer: &'static str) -> Self {
        self.route_keys.push(pointer);
        self
    }

    /// What the plugin authorises.
    #[must_use]
    pub fn oauth(mut self, oauth: Authorization) -> Self {
        self.oauth = Some(oauth);
        self
    }

    /// Asks for requests to a host.
    #[must_use]
    pub fn http(mut self, host: &'static str) -> Self {
        self.requests.http.push(host);
        self
    }

    /// Who has instances: each `community`, or the `host`.
    #[must_use]
    pub fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Makes it resident: its guest keeps its memory between calls of schedules, monitoring and routes.
    #[must_use]
    pub fn resident(mut self) -> Self {
        self.resident = true;
        self
    }

    /// Adds a hook, which drivers can run.
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.hooks.push(hook);
        self
    }

    /// Adds a step of a hook.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Adds a worker.
    #[must_use]
    pub fn worker(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    /// Adds a schedule.
    #[must_use]
    pub fn schedule(mut self, name: &'static str, schedule: Schedule) -> Self {
        self.schedules.push(NamedSchedule { name, schedule });
        self
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Asks for TCP connections to an address, `host:port`.
    #[must_use]
    pub fn tcp(mut self, address: &'static str) -> Self {
        self.requests.tcp.push(address);
        self
    }

    /// Asks for the accounts of another platform; `*` means all.
    #[must_use]
    pub fn accounts(mut self, platform: &'static str) -> Self {
        self.requests.accounts.push(platform);
        self
    }

    /// Asks for a secret's value: a JSON Pointer into the configuration, or `settings:<name>`.
    #[must_use]
    pub fn reveal(mut self, secret: &'static str) -> Self {
        self.requests.reveal.push(secret);
        self
    }

    /// The manifest as the host reads it.
    pub fn to_json(&self) -> String {
        let mut manifest = self.clone();
        // In host scope the settings are also the configuration, and each type leaves room for the other's
        // keys.
        if self.scope != Some("host") || self.settings_schema.is_none() {
            manifest.config_schema = manifest.config_schema.map(schema::closed);
        }
        serde_json::to_string(&manifest)
            .expect("strings, lists and JSON values always have a JSON text")
    }
}
