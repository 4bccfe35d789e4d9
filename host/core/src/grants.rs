//! What a plugin may do besides computing: what its manifest requests and the operator grants.
//!
//! Nothing is granted by default, and both must name it. Exceptions: the operator alone may grant accounts,
//! which older manifests cannot request, and only the operator can give private addresses.

mod asked;
mod hook_name;
mod written;

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::config::{PluginConfig, Scope, nearest};
use crate::ids::PluginName;
use moothall_values::destination::{CheckedUrl, Cidr, HostPattern};
use moothall_values::subscriptions::{SENDING, names_event};

pub use asked::{Missing, Requested, unasked, warning};

use hook_name::is_hook;
use written::Written;

/// Every platform.
const ALL: &str = "*";

/// The grants of one plugin, in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Grants {
    /// Secrets whose values the guest may read: JSON Pointers into the config, or `settings:<name>`.
    reveal: BTreeSet<String>,
    /// Hosts that the operator grants.
    #[schemars(with = "Vec<String>")]
    http: Vec<HostPattern>,
    /// Addresses that are not public and may be reached under a granted host.
    #[serde(serialize_with = "listed")]
    #[schemars(with = "Vec<String>")]
    cidr: Arc<[Cidr]>,
    /// `host:port` of connections through `wasi:sockets`.
    tcp: BTreeSet<String>,
    /// Other hooks of which it may be a step, as the operator names them.
    hooks: Vec<String>,
    /// Other sources' events that its workers may receive.
    #[schemars(with = "Vec<String>")]
    events: AllowedEvents,
    /// Other platforms; `*`: all.
    accounts: Vec<String>,
    scope: Scope,
    #[serde(skip)]
    requested: Requested,
    #[serde(skip)]
    written: Arc<Written>,
}

/// Which events the workers of a plugin may receive: its own, and those granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedEvents {
    written: Arc<Written>,
    granted: Arc<[String]>,
}

impl Grants {
    /// Both must name a permission: the manifest, so that an operator can see what a plugin wants, and the
    /// operator.
    pub fn new(plugin: &PluginName, requested: Requested, operator: &PluginConfig) -> Self {
        let granted = &operator.grants;
        let is_requested = |one: &&String| requested.reveal.contains(one);
        let written = Arc::new(Written::new(plugin.as_str(), granted));
        let events =
            AllowedEvents { written: written.clone(), granted: granted.events.clone().into() };
        Self {
            reveal: granted.reveal.iter().filter(is_requested).cloned().collect(),
            http: granted.http.clone(),
            cidr: granted.cidr.clone().into(),
            tcp: granted.tcp.iter().filter(|one| requested.tcp.contains(one)).cloned().collect(),
            hooks: granted.hooks.clone(),
            events,
            accounts: granted.accounts.clone(),
            scope: if requested.scope == Scope::Host { operator.scope } else { Scope::Community },
            written,
            requested,
        }
    }

    /// The same with everything granted that is requested, except secrets and TCP, which reaches private
    /// addresses: for development.
    pub fn as_requested(mut self) -> Self {
        let requested = self.requested.clone();
        self.http.extend(requested.http);
        self.hooks.extend(requested.hooks);
        let events = self.events.granted.iter().cloned().chain(requested.events);
        self.events.granted = events.collect();
        self.accounts.extend(requested.accounts);
        self.scope = requested.scope;
        self
    }

    /// Whether the guest may read that secret; else a sentence that says what is missing, and on which side.
    pub fn may_reveal(&self, secret: &str) -> Result<(), String> {
        if self.reveal.contains(secret) {
            return Ok(());
        }
        let requested: Vec<&str> = self.requested.reveal.iter().map(String::as_str).collect();
        let manifest = format!(
            "its author adds `{secret}` to `requests.reveal` of the manifest{}",
            nearest(secret, &requested)
        );
        let line = self.line_for("reveal", secret);
        let what = match (requested.contains(&secret), self.written.names_secret(secret)) {
            (true, _) => format!("to allow it, {line}"),
            (false, true) => {
                format!("it is granted, but the manifest does not ask for it: {manifest}")
            }
            (false, false) => format!("to allow it, {manifest}, and then {line}"),
        };
        Err(format!("the plugin may not see the secret `{secret}`; {what}"))
    }

    /// The addresses that are not public and that requests of this plugin may reach.
    pub fn cidr(&self) -> &Arc<[Cidr]> {
        &self.cidr
    }

    /// The addresses, `host:port`, to which it may open TCP connections. Private ones are allowed: the operator
    /// named each.
    pub fn tcp(&self) -> &BTreeSet<String> {
        &self.tcp
    }

    /// Whether it may be a step of a hook that it did not declare; else a sentence that says what to add.
    pub fn may_filter(&self, hook: &str) -> Result<(), String> {
        if self.hooks.iter().any(|granted| is_hook(granted, hook)) {
            return Ok(());
        }
        let line = self.line_for("hooks", hook);
        Err(format!(
            "the plugin '{}' may not be a step of `{hook}`; to allow it, {line}",
            self.written.plugin
        ))
    }

    /// What to do so that a TCP connection to that address is granted.
    pub fn line_for_tcp(&self, address: &str) -> String {
        let line = self.line_for("tcp", address);
        format!("name `{address}` in `requests.tcp` of the manifest, and {line}")
    }

    fn line_for(&self, grant: &str, value: &str) -> String {
        self.written.line_with(&[(grant, &[value.to_owned()])])
    }

    /// Which events its workers may receive.
    pub fn allowed_events(&self) -> &AllowedEvents {
        &self.events
    }

    /// Whether it may read and change accounts of that platform; else a sentence that says what to add.
    pub fn may_have_accounts(&self, platform: &str) -> Result<(), String> {
        if self.is_of_platform(platform) {
            return Ok(());
        }
        let line = self.line_for("accounts", platform);
        Err(format!("accounts of `{platform}` are not this plugin's; to allow it, {line}"))
    }

    /// Whether the platform is its own or granted.
    pub fn is_of_platform(&self, platform: &str) -> bool {
        platform == self.written.plugin
            || self.accounts.iter().any(|one| one == platform || one == ALL)
    }

    /// Whether it requests host scope and has it.
    pub fn has_host_scope(&self) -> bool {
        self.scope == Scope::Host
    }

    /// Whether the manifest or the operator names the config's value at that JSON Pointer as a host.
    pub fn names_config(&self, pointer: &str) -> bool {
        let mut named = self.requested.http.iter().chain(&self.http);
        named.any(|pattern| pattern.is_of_config(pointer))
    }

    /// Whether manifest and operator both name the URL's host, for an instance with this config under these
    /// settings; else a sentence that says what to add.
    pub fn may_reach(
        &self,
        url: &CheckedUrl,
        config: &Value,
        settings: &Value,
    ) -> Result<(), String> {
        let host = url.authority();
        let covers = |pattern: &&HostPattern| pattern.covers(url, config, settings);
        let is_granted = self.http.iter().any(|granted| covers(&granted));
        let Some(requested) = self.requested.http.iter().find(covers) else {
            let line = self.line_for("http", &host);
            let line = if is_granted { String::new() } else { format!(", and {line}") };
            return Err(format!(
                "the plugin may not reach `{host}`: its manifest does not request it; to allow it, \
                 add `{host}` to `requests.http` of the manifest{line}",
            ));
        };
        if is_granted {
            return Ok(());
        }
        let line = self.line_for("http", requested.as_str());
        Err(format!("the plugin may not reach `{host}`; to allow it, {line}"))
    }
}

impl AllowedEvents {
    pub fn may_receive(&self, source: &str, event_type: &str) -> bool {
        self.written.plugin == source || names_event(&self.granted, source, event_type)
    }

    /// The same; else a sentence that says what to add.
    pub fn require(&self, source: &str, event_type: &str) -> Result<(), String> {
        if self.may_receive(source, event_type) {
            return Ok(());
        }
        let pattern = match (source, event_type) {
            ("api", SENDING) => SENDING.to_owned(),
            ("api", event_type) => format!("api.{event_type}"),
            (source, event_type) => format!("{source}:{event_type}"),
        };
        let line = self.written.line_with(&[("events", std::slice::from_ref(&pattern))]);
        Err(format!("`{pattern}` is not granted to the plugin any more; to allow it, {line}"))
    }
}

impl Serialize for AllowedEvents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.granted.serialize(serializer)
    }
}

fn listed<S: Serializer>(cidr: &Arc<[Cidr]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(cidr.iter())
}

/// How to grant an address that is not public, for the message about a denial. It is needed only under a
/// granted host.
pub fn line_for_cidr(plugin: &PluginName, cidr: &str) -> String {
    format!(
        "put `cidr = [\"{cidr}\"]` into the `grants` of [plugins.{plugin}] in moothall.toml, beside what is there"
    )
}

#[cfg(test)]
mod tests;
