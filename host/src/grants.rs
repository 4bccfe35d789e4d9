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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::GrantConfig;

    fn operator(grants: GrantConfig) -> PluginConfig {
        PluginConfig { grants, ..PluginConfig::default() }
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn patterns(texts: &[&str]) -> Vec<HostPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn reach(requested: &[&str], granted: &[&str], url: &str) -> Result<(), String> {
        let plugin = PluginName::parse("slack").unwrap();
        let http = patterns(requested);
        let granted = GrantConfig { http: patterns(granted), ..GrantConfig::default() };
        let requested = Requested { http, ..Requested::default() };
        let config = json!({ "server": "https://forum.example.com:8443" });
        let url = CheckedUrl::parse(url).unwrap();
        Grants::new(&plugin, requested, &operator(granted)).may_reach(&url, &config, &Value::Null)
    }

    #[test]
    fn both_sides_must_name_a_secret() {
        let plugin = PluginName::parse("slack").unwrap();
        let granted =
            GrantConfig { reveal: vec!["/a".into(), "/b".into()], ..GrantConfig::default() };
        let requested = Requested { reveal: texts(&["/a"]), ..Requested::default() };
        let grants = Grants::new(&plugin, requested.clone(), &operator(granted));
        assert!(grants.may_reveal("/a"));
        assert!(!grants.may_reveal("/b"));
        assert!(!Grants::new(&plugin, requested, &PluginConfig::default()).may_reveal("/a"));
    }

    #[test]
    fn both_sides_must_cover_a_host() {
        for (requested, granted) in [("slack.com", "slack.com"), ("*", "*.com"), ("slack.com", "*")]
        {
            assert_eq!(reach(&[requested], &[granted], "https://slack.com/x"), Ok(()));
        }
        assert!(reach(&["slack.com"], &[], "https://slack.com").is_err());
        assert!(reach(&[], &["*"], "https://slack.com").is_err());
        assert!(reach(&["slack.com"], &["api.slack.com"], "https://slack.com").is_err());
    }

    #[test]
    fn a_config_value_is_granted_by_its_text_or_its_host() {
        let url = "https://forum.example.com:8443/x";
        assert_eq!(reach(&["config:/server"], &["config:/server"], url), Ok(()));
        assert_eq!(reach(&["config:/server"], &["*.example.com:8443"], url), Ok(()));
        assert!(reach(&["config:/server"], &["*.example.com"], url).is_err());
        assert!(reach(&["config:/server"], &["config:/other"], url).is_err());
        assert!(reach(&["config:/server"], &["config:/server"], "https://evil.test/").is_err());
    }

    #[test]
    fn a_denial_prints_the_line_to_add() {
        let denial = reach(&["*.slack.com"], &[], "https://api.slack.com/?token=hunter2");
        let denial = denial.unwrap_err();
        assert!(denial.contains("`grants = { http = [\"*.slack.com\"] }`"), "{denial}");
        assert!(denial.contains("under [plugins.slack] in moothall.toml"), "{denial}");
        assert!(!denial.contains("hunter2"));
        let unrequested = reach(&[], &[], "http://slack.com:81/").unwrap_err();
        assert!(unrequested.contains("requests.http") && unrequested.contains("\"slack.com:81\""));
    }

    fn asking() -> Requested {
        Requested {
            reveal: texts(&["/a"]),
            http: patterns(&["slack.com", "config:/url"]),
            tcp: texts(&["redis:6379"]),
            hooks: texts(&["org.moothall.action.requested.v1", "org.example.other.v1"]),
            events: texts(&["forum:*", "api.change", SENDING]),
            accounts: texts(&["discord"]),
            scope: Scope::Host,
        }
    }

    #[test]
    fn development_grants_what_is_asked_for_but_secrets_and_private_addresses() {
        let plugin = PluginName::parse("slack").unwrap();
        let grants = Grants::new(&plugin, asking(), &PluginConfig::default()).as_requested();
        let url = CheckedUrl::parse("https://slack.com").unwrap();
        assert_eq!(grants.may_reach(&url, &json!({}), &Value::Null), Ok(()));
        assert_eq!(grants.may_filter("org.moothall.action.requested.v1"), Ok(()));
        assert_eq!(grants.may_have_accounts("discord"), Ok(()));
        assert!(grants.heard().may_hear("forum", "post") && grants.has_host_scope());
        assert!(!grants.may_reveal("/a") && grants.cidr().is_empty() && grants.tcp().is_empty());
        let missing: Vec<_> = grants.missing().into_iter().map(|one| one.grant).collect();
        assert_eq!(missing, ["reveal", "tcp"]);
    }

    #[test]
    fn what_is_missing_has_the_line_that_grants_it() {
        let plugin = PluginName::parse("slack").unwrap();
        let missing = Grants::new(&plugin, asking(), &PluginConfig::default()).missing();
        let kinds: Vec<_> = missing.iter().map(|one| one.grant).collect();
        assert_eq!(kinds, ["reveal", "http", "tcp", "hooks", "events", "accounts", "scope"]);
        assert_eq!(
            missing[3].line,
            "add `grants = { hooks = [\"action.requested\", \"org.example.other.v1\"] }` under \
             [plugins.slack] in moothall.toml"
        );
        assert_eq!(
            missing[6].line,
            "add `scope = \"host\"` under [plugins.slack] in moothall.toml"
        );
        let granted = GrantConfig {
            reveal: texts(&["/a"]),
            http: patterns(&["*.slack.com", "*"]),
            tcp: texts(&["redis:6379"]),
            hooks: texts(&["action.requested", "org.example.other.v1"]),
            events: texts(&["*", "api.change", SENDING]),
            accounts: texts(&["*"]),
            ..GrantConfig::default()
        };
        let granted = PluginConfig { scope: Scope::Host, ..operator(granted) };
        assert_eq!(Grants::new(&plugin, asking(), &granted).missing(), []);
    }

    #[test]
    fn every_event_is_not_what_the_host_itself_tells() {
        let plugin = PluginName::parse("slack").unwrap();
        let granted = GrantConfig { events: texts(&["*"]), ..GrantConfig::default() };
        let missing = Grants::new(&plugin, asking(), &operator(granted)).missing();
        let events = missing.iter().find(|one| one.grant == "events");
        assert_eq!(events.map(|one| &*one.values), Some(&*texts(&["api.change", SENDING])));
    }

    #[test]
    fn a_worker_hears_its_own_events_and_what_is_granted() {
        let plugin = PluginName::parse("slack").unwrap();
        let heard = |granted: &[&str], source: &str, event_type: &str| {
            let granted = GrantConfig { events: texts(granted), ..GrantConfig::default() };
            let grants = Grants::new(&plugin, Requested::default(), &operator(granted));
            grants.heard().may_hear(source, event_type)
        };
        assert!(heard(&[], "slack", "message"));
        assert!(!heard(&[], "forum", "post") && heard(&["forum:*"], "forum", "post"));
        assert!(!heard(&["*"], "api", "change") && heard(&["api.change"], "api", "change"));
        assert!(!heard(&["*"], "api", SENDING) && heard(&[SENDING], "api", SENDING));
        assert!(!heard(&["api.change", SENDING], "forum", "api.change"));
        assert!(!heard(&["api.change", SENDING], "forum", SENDING));
    }

    #[test]
    fn only_its_own_platform_is_a_plugins() {
        let plugin = PluginName::parse("slack").unwrap();
        let grants = Grants::new(&plugin, Requested::default(), &PluginConfig::default());
        assert_eq!(grants.may_have_accounts("slack"), Ok(()));
        let denial = grants.may_have_accounts("discord").unwrap_err();
        assert!(denial.contains("`grants = { accounts = [\"discord\"] }`"), "{denial}");
        assert!(!grants.has_host_scope());
    }

    #[test]
    fn host_scope_is_nothing_that_a_plugin_of_communities_gets() {
        let plugin = PluginName::parse("slack").unwrap();
        let granted = PluginConfig { scope: Scope::Host, ..PluginConfig::default() };
        assert!(!Grants::new(&plugin, Requested::default(), &granted).has_host_scope());
        assert!(Grants::new(&plugin, asking(), &granted).has_host_scope());
    }
}
