//! What a plugin asks for in addition to its own, and what of that is not granted: for the listing and for the
//! warning at load.

use schemars::JsonSchema;
use serde::Serialize;

use super::hook_name::is_hook;
use super::{AllowedEvents, Grants, SENDING};
use crate::config::{PluginConfig, Scope, nearest};
use crate::events::covers;
use moothall_values::destination::HostPattern;

/// Everything that a manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Requested {
    pub reveal: Vec<String>,
    #[schemars(with = "Vec<String>")]
    pub http: Vec<HostPattern>,
    pub tcp: Vec<String>,
    /// Hooks for which it has a filter and which it does not declare.
    pub hooks: Vec<String>,
    /// Patterns of events that are not its own.
    pub events: Vec<String>,
    /// Platforms besides its own.
    pub accounts: Vec<String>,
    pub scope: Scope,
}

/// The missing grants of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MissingGrant")]
pub struct Missing {
    /// `http`, `hooks`, …, or `scope`.
    pub grant: &'static str,
    pub values: Vec<String>,
    /// What to write into `moothall.toml`: the same for all grants, because one line contains them all.
    pub line: String,
}

/// The warning for the author and the operator at load.
pub fn warning(missing: &[Missing]) -> Option<String> {
    let of_kind = |one: &Missing| {
        let values: Vec<String> = one.values.iter().map(|value| format!("`{value}`")).collect();
        format!("{} {}", one.grant, values.join(", "))
    };
    let asked: Vec<String> = missing.iter().map(of_kind).collect();
    let mut lines: Vec<&str> = missing.iter().map(|one| one.line.as_str()).collect();
    lines.dedup();
    (!missing.is_empty()).then(|| {
        format!(
            "the manifest asks for {}, which is not granted, and the plugin serves without; to grant it, {}",
            asked.join("; "),
            lines.join(", and ")
        )
    })
}

impl Grants {
    pub fn requested(&self) -> &Requested {
        &self.requested
    }

    /// The missing grants, by kind.
    pub fn missing(&self) -> Vec<Missing> {
        let kinds = self.lacking();
        let line = self.written.line_with(&listed(&kinds));
        let kinds = kinds.into_iter().filter(|(_, values)| !values.is_empty());
        let missing = kinds.map(|(grant, values)| Missing { grant, values, line: line.clone() });
        let mut missing: Vec<Missing> = missing.collect();
        if self.lacks_scope() {
            let plugin = &self.written.plugin;
            let line = format!("add `scope = \"host\"` under [plugins.{plugin}] in moothall.toml");
            missing.push(Missing { grant: "scope", values: vec!["host".to_owned()], line });
        }
        missing
    }

    /// The plugin's table of `moothall.toml` with everything that is granted or missing; none if nothing is missing.
    pub fn missing_toml(&self) -> Option<String> {
        let kinds = self.lacking();
        let lacks_grants = kinds.iter().any(|(_, values)| !values.is_empty());
        let mut lines = vec![format!("[plugins.{}]", self.written.plugin)];
        lines.extend(self.lacks_scope().then(|| "scope = \"host\"".to_owned()));
        lines.extend(lacks_grants.then(|| self.written.toml_with(&listed(&kinds))));
        (lines.len() > 1).then(|| lines.join("\n"))
    }

    fn lacks_scope(&self) -> bool {
        self.requested.scope == Scope::Host && self.scope != Scope::Host
    }

    /// The requests that the operator has not granted, by kind.
    fn lacking(&self) -> [(&'static str, Vec<String>); 6] {
        let requested = &self.requested;
        let lacking = |all: &[String], has: &dyn Fn(&String) -> bool| -> Vec<String> {
            all.iter().filter(|one| !has(one)).cloned().collect()
        };
        let covers_host =
            |one: &&HostPattern| self.http.iter().any(|own| own.may_cover_all_of(one));
        let hosts = requested.http.iter().filter(|one| !covers_host(one)).map(ToString::to_string);
        [
            ("reveal", lacking(&requested.reveal, &|one| self.reveal.contains(one))),
            ("http", hosts.collect()),
            ("tcp", lacking(&requested.tcp, &|one| self.tcp.contains(one))),
            (
                "hooks",
                lacking(&requested.hooks, &|one| self.hooks.iter().any(|own| is_hook(own, one))),
            ),
            ("events", lacking(&requested.events, &|one| self.events.covers(one))),
            ("accounts", lacking(&requested.accounts, &|one| self.is_of_platform(one))),
        ]
    }
}

fn listed<'a>(kinds: &'a [(&'static str, Vec<String>)]) -> Vec<(&'static str, &'a [String])> {
    kinds.iter().map(|(grant, values)| (*grant, values.as_slice())).collect()
}

/// Warnings of grants that the manifest does not ask for, so that they have no effect. Accounts are exempt,
/// because older manifests cannot ask for them.
pub fn unasked(plugin: &str, requested: &Requested, operator: &PluginConfig) -> Vec<String> {
    let granted = &operator.grants;
    let host = |one: &&HostPattern| {
        let touches = |own: &HostPattern| own.may_cover_all_of(one) || one.may_cover_all_of(own);
        !requested.http.iter().any(touches)
    };
    let event = |one: &&String| {
        !requested.events.iter().any(|own| own == *one || covers(own, one) || covers(one, own))
    };
    let hook = |one: &&String| !requested.hooks.iter().any(|own| is_hook(one, own));
    let texts = |found: Vec<&String>| found.into_iter().cloned().collect::<Vec<_>>();
    let kinds = [
        ("reveal", texts(not_in(&granted.reveal, &requested.reveal)), requested.reveal.clone()),
        (
            "http",
            granted.http.iter().filter(host).map(ToString::to_string).collect(),
            requested.http.iter().map(ToString::to_string).collect(),
        ),
        ("tcp", texts(not_in(&granted.tcp, &requested.tcp)), requested.tcp.clone()),
        ("hooks", texts(granted.hooks.iter().filter(hook).collect()), requested.hooks.clone()),
        ("events", texts(granted.events.iter().filter(event).collect()), requested.events.clone()),
    ];
    let say = |grant: &str, value: &str, known: &[String]| {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        format!(
            "[plugins.{plugin}] in moothall.toml grants {grant} `{value}`, which the manifest does not ask for: it has no effect{}",
            nearest(value, &known)
        )
    };
    let of_kind = |(grant, found, known): (&str, Vec<String>, Vec<String>)| -> Vec<String> {
        found.iter().map(|value| say(grant, value, &known)).collect()
    };
    let mut unasked: Vec<String> = kinds.into_iter().flat_map(of_kind).collect();
    if !granted.cidr.is_empty() && requested.http.is_empty() && requested.tcp.is_empty() {
        unasked.push(format!(
            "[plugins.{plugin}] in moothall.toml grants addresses (cidr), but the manifest asks for no host to reach: it has no effect"
        ));
    }
    if operator.scope == Scope::Host && requested.scope != Scope::Host {
        unasked.push(format!(
            "[plugins.{plugin}] in moothall.toml grants `scope = \"host\"`, which the manifest does not ask for: it has no effect"
        ));
    }
    unasked
}

fn not_in<'a>(granted: &'a [String], requested: &[String]) -> Vec<&'a String> {
    granted.iter().filter(|one| !requested.contains(one)).collect()
}

impl AllowedEvents {
    fn covers(&self, pattern: &str) -> bool {
        let is_literal = pattern == SENDING;
        self.granted.iter().any(|own| own == pattern || !is_literal && covers(own, pattern))
    }
}
