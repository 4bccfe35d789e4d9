//! Scopes: each API key has some, each route needs one, and a key may use a route if one of its scopes includes that.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One kind of thing that a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at everything but keys and metrics.
    Read,
    /// Act for people: actions, processes, events, accounts, routes of plugins.
    Drive,
    /// Configure: communities, instances, endpoints, deliveries, hooks.
    Operate,
    /// Fetch `/metrics`.
    Metrics,
    /// Everything, API keys included.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 5] = [Self::Read, Self::Drive, Self::Operate, Self::Metrics, Self::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Drive => "drive",
            Self::Operate => "operate",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this one may do what needs the other.
    pub fn includes(self, needed: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Operate => matches!(needed, Self::Operate | Self::Drive | Self::Read),
            Self::Drive => matches!(needed, Self::Drive | Self::Read),
            Self::Read | Self::Metrics => self == needed,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.name() == name).ok_or_else(|| {
            format!("`{name}` is no scope; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

impl JsonSchema for Scope {
    fn schema_name() -> Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::name) })
    }
}

/// The scopes of one key, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort();
        scopes.dedup();
        Self(scopes)
    }

    /// As `Display` writes them. A scope that is not known here allows nothing.
    pub fn stored(text: &str) -> Self {
        Self::new(text.split(' ').filter_map(|name| name.parse().ok()).collect())
    }

    pub fn allow(&self, needed: Scope) -> bool {
        self.0.iter().any(|scope| scope.includes(needed))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|scope| scope.name()).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_includes_those_below_it() {
        let included = |scope: Scope| {
            let all = Scope::ALL.into_iter().filter(|needed| scope.includes(*needed));
            all.map(Scope::name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(included(Scope::Read), "read");
        assert_eq!(included(Scope::Drive), "read drive");
        assert_eq!(included(Scope::Operate), "read drive operate");
        assert_eq!(included(Scope::Metrics), "metrics");
        assert_eq!(included(Scope::Admin), "read drive operate metrics admin");
    }

    #[test]
    fn stored_scopes_come_back_and_an_unknown_one_allows_nothing() {
        let scopes = Scopes::new(vec![Scope::Metrics, Scope::Read, Scope::Metrics]);
        assert_eq!(Scopes::stored(&scopes.to_string()), scopes);
        let unknown = Scopes::stored("emperor");
        assert!(!Scope::ALL.into_iter().any(|scope| unknown.allow(scope)));
    }
}
