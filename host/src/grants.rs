//! What a plugin may do beyond computing: what its manifest requests and the operator grants.
//!
//! Nothing is granted by default, and neither side alone is enough; but the operator alone may grant
//! accounts, which older manifests cannot ask for. Private addresses are the operator's alone to give.

mod asked;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::config::{PluginConfig, Scope};
use crate::destination::{CheckedUrl, Cidr, HostPattern};
use crate::events::matches;
use crate::ids::PluginName;

pub use asked::{Missing, Requested};

/// The pattern of a worker for what a successful call emitted.
pub const SENDING: &str = "sending_event";
/// Every platform.
const ALL: &str = "*";

/// The grants of one plugin, in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Grants {
    /// Secrets the guest may see: JSON Pointers into the config, or `settings:<name>`.
    reveal: BTreeSet<String>,
    /// What the operator grants of hosts.
    http: Vec<HostPattern>,
    /// Addresses that are not public and may be reached under a granted host.
    #[serde(serialize_with = "listed")]
    cidr: Arc<[Cidr]>,
    /// `host:port` of connections through `wasi:sockets`.
    tcp: BTreeSet<String>,
    /// Hooks that are not its own, as the operator names them.
    hooks: Vec<String>,
    /// Events that are not its own.
    #[serde(rename = "events")]
    heard: HeardEvents,
    /// Platforms beside its own; `*`: all.
    accounts: Vec<String>,
    scope: Scope,
    #[serde(skip)]
    requested: Requested,
    #[serde(skip)]
    plugin: String,
}

/// Which events the workers of a plugin may hear: its own, and what is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeardEvents {
    plugin: Arc<str>,
    granted: Arc<[String]>,
}

impl Grants {
    /// Both must name it: the manifest, so that an operator can see what a plugin is after, and
    /// the operator.
    pub fn new(plugin: &PluginName, requested: Requested, operator: &PluginConfig) -> Self {
        let granted = &operator.grants;
        let is_requested = |one: &&String| requested.reveal.contains(one);
        let heard =
            HeardEvents { plugin: plugin.as_str().into(), granted: granted.events.clone().into() };
        Self {
            reveal: granted.reveal.iter().filter(is_requested).cloned().collect(),
            http: granted.http.clone(),
            cidr: granted.cidr.clone().into(),
            tcp: granted.tcp.iter().filter(|one| requested.tcp.contains(one)).cloned().collect(),
            hooks: granted.hooks.clone(),
            heard,
            accounts: granted.accounts.clone(),
            scope: if requested.scope == Scope::Host { operator.scope } else { Scope::Community },
            plugin: plugin.as_str().to_owned(),
            requested,
        }
    }

    /// The same with everything granted that is requested but secrets and TCP, which reaches private
    /// addresses: for development.
    pub fn as_requested(mut self) -> Self {
        let requested = self.requested.clone();
        self.http.extend(requested.http);
        self.hooks.extend(requested.hooks);
        let heard = self.heard.granted.iter().cloned().chain(requested.events);
        self.heard.granted = heard.collect();
        self.accounts.extend(requested.accounts);
        self.scope = requested.scope;
        self
    }

    pub fn may_reveal(&self, secret: &str) -> bool {
        self.reveal.contains(secret)
    }

    /// The addresses beside public ones that requests of this plugin may reach.
    pub fn cidr(&self) -> &Arc<[Cidr]> {
        &self.cidr
    }

    /// The addresses, `host:port`, that it may open TCP connections to. Private ones are among them: each was
    /// named by the operator.
    pub fn tcp(&self) -> &BTreeSet<String> {
        &self.tcp
    }

    /// Whether it may be a step of a hook that it did not declare; else a sentence that says what to add.
    pub fn may_filter(&self, hook: &str) -> Result<(), String> {
        if self.hooks.iter().any(|granted| is_hook(granted, hook)) {
            return Ok(());
        }
        let line = line_to_add(&self.plugin, "hooks", &[hook.to_owned()]);
        Err(format!(
            "the plugin '{}' may not be a step of `{hook}`; to allow it, {line}",
            self.plugin
        ))
    }

    /// What its workers may hear.
    pub fn heard(&self) -> &HeardEvents {
        &self.heard
    }

    /// Whether it may see and change accounts of that platform; else a sentence that says what to add.
    pub fn may_have_accounts(&self, platform: &str) -> Result<(), String> {
        if self.is_of_platform(platform) {
            return Ok(());
        }
        let line = line_to_add(&self.plugin, "accounts", &[platform.to_owned()]);
        Err(format!("accounts of `{platform}` are not this plugin's; to allow it, {line}"))
    }

    /// Whether the platform is its own or granted.
    pub fn is_of_platform(&self, platform: &str) -> bool {
        platform == self.plugin || self.accounts.iter().any(|one| one == platform || one == ALL)
    }

    /// Whether it asks for host scope and has it.
    pub fn has_host_scope(&self) -> bool {
        self.scope == Scope::Host
    }

    /// Whether either side names the config's value at that JSON Pointer as a host.
    pub fn names_config(&self, pointer: &str) -> bool {
        let mut named = self.requested.http.iter().chain(&self.http);
        named.any(|pattern| pattern.is_of_config(pointer))
    }

    /// Whether both sides name the URL's host, for an instance with this config under these settings;
    /// else a sentence that says what to add.
    pub fn may_reach(
        &self,
        url: &CheckedUrl,
        config: &Value,
        settings: &Value,
    ) -> Result<(), String> {
        let host = url.authority();
        let covers = |pattern: &&HostPattern| pattern.covers(url, config, settings);
        let Some(requested) = self.requested.http.iter().find(covers) else {
            return Err(format!(
                "the plugin may not reach `{host}`: its manifest does not request it; to allow it, \
                 add `{host}` to `requests.http` of the manifest, and {}",
                line_to_add(&self.plugin, "http", std::slice::from_ref(&host))
            ));
        };
        if self.http.iter().any(|granted| covers(&granted)) {
            return Ok(());
        }
        let line = line_to_add(&self.plugin, "http", &[requested.to_string()]);
        Err(format!("the plugin may not reach `{host}`; to allow it, {line}"))
    }
}

impl HeardEvents {
    pub fn may_hear(&self, source: &str, event_type: &str) -> bool {
        *self.plugin == *source || names_event(&self.granted, source, event_type)
    }

    /// The same; else a sentence that says what to add.
    pub fn require(&self, source: &str, event_type: &str) -> Result<(), String> {
        if self.may_hear(source, event_type) {
            return Ok(());
        }
        let pattern = match (source, event_type) {
            ("api", SENDING) => SENDING.to_owned(),
            ("api", event_type) => format!("api.{event_type}"),
            (source, event_type) => format!("{source}:{event_type}"),
        };
        let line = line_to_add(&self.plugin, "events", std::slice::from_ref(&pattern));
        Err(format!("`{pattern}` is not granted to the plugin any more; to allow it, {line}"))
    }
}

impl Serialize for HeardEvents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.granted.serialize(serializer)
    }
}

/// Whether one of the patterns names the event; those of the API only literally.
pub fn names_event(patterns: &[String], source: &str, event_type: &str) -> bool {
    let is_sending = source == "api" && event_type == SENDING;
    patterns.iter().any(|one| match one == SENDING {
        // No plugin's event that is called so.
        true => is_sending,
        false => matches(one, source, event_type),
    })
}

/// `action.requested` is what the host's own `org.moothall.action.requested.v1` is called for short.
fn is_hook(granted: &str, hook: &str) -> bool {
    granted == hook || short_name(hook) == Some(granted)
}

/// Whether the hook is one of the host's own.
pub fn is_of_host(hook: &str) -> bool {
    short_name(hook).is_some()
}

fn short_name(hook: &str) -> Option<&str> {
    hook.strip_prefix("org.moothall.")?.strip_suffix(".v1")
}

fn listed<S: Serializer>(cidr: &Arc<[Cidr]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(cidr.iter())
}

/// The line that would grant it, for the message about a denial.
pub fn line_for_reveal(plugin: &str, secret: &str) -> String {
    line_to_add(plugin, "reveal", &[secret.to_owned()])
}

/// The same for a TCP connection.
pub fn line_for_tcp(plugin: &str, address: &str) -> String {
    let line = line_to_add(plugin, "tcp", &[address.to_owned()]);
    format!("name `{address}` in `requests.tcp` of the manifest, and {line}")
}

fn line_for_scope(plugin: &str) -> String {
    format!("add `scope = \"host\"` under [plugins.{plugin}] in moothall.toml")
}

fn line_to_add(plugin: &str, grant: &str, values: &[String]) -> String {
    let shortest = |value: &String| match grant {
        "hooks" => short_name(value).unwrap_or(value).to_owned(),
        _ => value.clone(),
    };
    let listed: Vec<String> =
        values.iter().map(|one| Value::from(shortest(one)).to_string()).collect();
    let listed = listed.join(", ");
    format!("add `grants = {{ {grant} = [{listed}] }}` under [plugins.{plugin}] in moothall.toml")
}

#[cfg(test)]
mod tests;
