//! What a plugin asks for beside what it has, and what of that is not granted: for the listing and for the
//! warning at load.

use serde::Serialize;

use super::{Grants, HeardEvents, SENDING, is_hook, line_for_scope, line_to_add};
use crate::config::Scope;
use crate::destination::HostPattern;
use crate::events::covers;

/// What a manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requested {
    pub reveal: Vec<String>,
    pub http: Vec<HostPattern>,
    pub tcp: Vec<String>,
    /// Hooks that it did not declare itself and has a filter for.
    pub hooks: Vec<String>,
    /// Patterns of events that are not its own.
    pub events: Vec<String>,
    /// Platforms beside its own.
    pub accounts: Vec<String>,
    pub scope: Scope,
}

/// What is asked for of one kind and not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// `http`, `hooks`, …, or `scope`.
    pub grant: &'static str,
    pub values: Vec<String>,
    /// What to add to `moothall.toml`.
    pub line: String,
}

impl Missing {
    /// For the author and the operator, at load.
    pub fn warning(&self) -> String {
        let values: Vec<String> = self.values.iter().map(|one| format!("`{one}`")).collect();
        format!(
            "the manifest asks for {} {}, which is not granted, and the plugin serves without; to grant it, {}",
            self.grant,
            values.join(", "),
            self.line
        )
    }
}

impl Grants {
    pub fn requested(&self) -> &Requested {
        &self.requested
    }

    /// What is asked for and not granted, by kind.
    pub fn missing(&self) -> Vec<Missing> {
        let requested = &self.requested;
        let lacking = |all: &[String], has: &dyn Fn(&String) -> bool| -> Vec<String> {
            all.iter().filter(|one| !has(one)).cloned().collect()
        };
        let covers_host =
            |one: &&HostPattern| self.http.iter().any(|own| own.may_cover_all_of(one));
        let hosts = requested.http.iter().filter(|one| !covers_host(one)).map(ToString::to_string);
        let kinds = [
            ("reveal", lacking(&requested.reveal, &|one| self.reveal.contains(one))),
            ("http", hosts.collect()),
            ("tcp", lacking(&requested.tcp, &|one| self.tcp.contains(one))),
            (
                "hooks",
                lacking(&requested.hooks, &|one| self.hooks.iter().any(|own| is_hook(own, one))),
            ),
            ("events", lacking(&requested.events, &|one| self.heard.covers(one))),
            ("accounts", lacking(&requested.accounts, &|one| self.is_of_platform(one))),
        ];
        let line = |grant: &'static str, values: Vec<String>| {
            let line = line_to_add(&self.plugin, grant, &values);
            Missing { grant, values, line }
        };
        let kinds = kinds.into_iter().filter(|(_, values)| !values.is_empty());
        let mut missing: Vec<Missing> = kinds.map(|(grant, values)| line(grant, values)).collect();
        if requested.scope == Scope::Host && self.scope != Scope::Host {
            let line = line_for_scope(&self.plugin);
            missing.push(Missing { grant: "scope", values: vec!["host".to_owned()], line });
        }
        missing
    }
}

impl HeardEvents {
    fn covers(&self, pattern: &str) -> bool {
        let is_literal = pattern == SENDING;
        self.granted.iter().any(|own| own == pattern || !is_literal && covers(own, pattern))
    }
}
