//! `[plugins.<name>]`: what one plugin may do, and how it is set up. By default it is granted nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::calls::Record;
use super::limits::CallLimits;
use super::section::section;
use super::variables::Variable;
use crate::events::pattern_fault;
use moothall_values::destination::{Cidr, HostPattern};
use moothall_values::manifest::Scope;

section! {
    /// `[plugins.<name>]`
    #[derive(PartialEq)]
    pub struct PluginConfig {
        /// The operator's settings, checked by the manifest's `settings_schema`.
        pub settings: Map<String, Value> = Map::new();
        /// What the plugin may do, of what its manifest asks for.
        pub grants: GrantConfig = GrantConfig::default();
        /// `host` grants host scope.
        pub scope: Scope = Scope::default();
        /// Schedules in place of the manifest's, by `producer` or a process's name: an interval (`30s`, `5m`) or a
        /// cron expression in UTC.
        pub every: BTreeMap<String, String> = BTreeMap::new();
        /// Limits of this plugin's calls that differ from `[limits]`.
        pub limits: CallLimits = CallLimits::default();
        /// Which of its calls are recorded, in place of `[calls] record`.
        pub record: Option<Record> = None;
    }
    besides {
        /// The environment variables that set some of its settings, by JSON Pointer.
        pub setting_variables: BTreeMap<String, Variable> = BTreeMap::new();
    }
}

section! {
    /// `[plugins.<name>] grants`
    #[derive(PartialEq, Eq)]
    pub struct GrantConfig {
        /// Secrets whose values the guest may read: JSON Pointers into the config, or `settings:<name>`.
        pub reveal: Vec<String> = Vec::new();
        /// Hosts to which it may send requests: `example.com`, `*.example.com`, `*`, `config:/pointer`.
        pub http: Vec<HostPattern> = Vec::new();
        /// Addresses that are not public and that it may reach under a granted host.
        pub cidr: Vec<Cidr> = Vec::new();
        /// `host:port` of TCP connections through `wasi:sockets`, private addresses included.
        pub tcp: Vec<String> = Vec::new();
        /// Other hooks of which it may be a step: `action.requested`, or a whole name.
        pub hooks: Vec<String> = Vec::new();
        /// Other sources' events that its workers may get, as patterns: `other-plugin:*`, `*`, `api.change`.
        #[serde(deserialize_with = "event_patterns")]
        pub events: Vec<String> = Vec::new();
        /// Other platforms whose accounts it may read and change; `*`: all.
        pub accounts: Vec<String> = Vec::new();
    }
}

fn event_patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    let wrong = patterns.iter().find_map(|one| Some((one, pattern_fault(one)?)));
    wrong.map_or(Ok(()), |(pattern, fault)| {
        Err(serde::de::Error::custom(format!("`{pattern}` is no pattern of events: {fault}")))
    })?;
    Ok(patterns)
}
