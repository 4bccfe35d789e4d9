//! What a plugin may do beyond computing: what its manifest requests and the operator grants.
//!
//! Nothing is granted by default, and neither side alone is enough. Private addresses are the
//! operator's alone to give.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::config::GrantConfig;
use crate::destination::{CheckedUrl, Cidr, HostPattern};
use crate::ids::PluginName;

/// What a manifest asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requested<'a> {
    pub reveal: &'a [String],
    pub http: &'a [HostPattern],
    pub tcp: &'a [String],
}

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
    #[serde(skip)]
    requested_http: Vec<HostPattern>,
    #[serde(skip)]
    plugin: String,
}

impl Grants {
    /// Both must name it: the manifest, so that an operator can see what a plugin is after, and
    /// the operator.
    pub fn new(plugin: &PluginName, requested: Requested<'_>, granted: &GrantConfig) -> Self {
        let is_requested = |one: &&String| requested.reveal.contains(one);
        Self {
            reveal: granted.reveal.iter().filter(is_requested).cloned().collect(),
            http: granted.http.clone(),
            cidr: granted.cidr.clone().into(),
            tcp: granted.tcp.iter().filter(|one| requested.tcp.contains(one)).cloned().collect(),
            requested_http: requested.http.to_vec(),
            plugin: plugin.as_str().to_owned(),
        }
    }

    /// The same with every host granted that is requested: for development.
    pub fn as_requested(mut self) -> Self {
        self.http.extend(self.requested_http.iter().cloned());
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

    /// Whether either side names the config's value at that JSON Pointer as a host.
    pub fn names_config(&self, pointer: &str) -> bool {
        let mut named = self.requested_http.iter().chain(&self.http);
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
        let Some(requested) = self.requested_http.iter().find(covers) else {
            return Err(format!(
                "the plugin may not reach `{host}`: its manifest does not request it; to allow it, \
                 add `{host}` to `requests.http` of the manifest, and {}",
                line_for_http(&self.plugin, &host)
            ));
        };
        if self.http.iter().any(|granted| covers(&granted)) {
            return Ok(());
        }
        let line = line_for_http(&self.plugin, requested.as_str());
        Err(format!("the plugin may not reach `{host}`; to allow it, {line}"))
    }
}

fn listed<S: Serializer>(cidr: &Arc<[Cidr]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(cidr.iter())
}

/// The line that would grant it, for the message about a denial.
pub fn line_for_reveal(plugin: &str, secret: &str) -> String {
    format!(
        "add `grants = {{ reveal = [\"{secret}\"] }}` under [plugins.{plugin}] in moothall.toml"
    )
}

/// The same for a TCP connection.
pub fn line_for_tcp(plugin: &str, address: &str) -> String {
    format!(
        "name `{address}` in `requests.tcp` of the manifest, and add `grants = {{ tcp = [\"{address}\"] }}` \
         under [plugins.{plugin}] in moothall.toml"
    )
}

fn line_for_http(plugin: &str, pattern: &str) -> String {
    format!("add `grants = {{ http = [\"{pattern}\"] }}` under [plugins.{plugin}] in moothall.toml")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patterns(texts: &[&str]) -> Vec<HostPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn reach(requested: &[&str], granted: &[&str], url: &str) -> Result<(), String> {
        let plugin = PluginName::parse("slack").unwrap();
        let http = patterns(requested);
        let granted = GrantConfig { http: patterns(granted), ..GrantConfig::default() };
        let requested = Requested { http: &http, ..Requested::default() };
        let config = json!({ "server": "https://forum.example.com:8443" });
        let url = CheckedUrl::parse(url).unwrap();
        Grants::new(&plugin, requested, &granted).may_reach(&url, &config, &Value::Null)
    }

    #[test]
    fn both_sides_must_name_a_secret() {
        let plugin = PluginName::parse("slack").unwrap();
        let granted =
            GrantConfig { reveal: vec!["/a".into(), "/b".into()], ..GrantConfig::default() };
        let requested = ["/a".to_owned()];
        let requested = Requested { reveal: &requested, ..Requested::default() };
        let grants = Grants::new(&plugin, requested, &granted);
        assert!(grants.may_reveal("/a"));
        assert!(!grants.may_reveal("/b"));
        assert!(!Grants::new(&plugin, requested, &GrantConfig::default()).may_reveal("/a"));
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

    #[test]
    fn development_grants_hosts_and_nothing_else() {
        let plugin = PluginName::parse("slack").unwrap();
        let (reveal, http) = (["/a".to_owned()], patterns(&["slack.com"]));
        let requested = Requested { reveal: &reveal, http: &http, tcp: &[] };
        let grants = Grants::new(&plugin, requested, &GrantConfig::default()).as_requested();
        let url = CheckedUrl::parse("https://slack.com").unwrap();
        assert_eq!(grants.may_reach(&url, &json!({}), &Value::Null), Ok(()));
        assert!(!grants.may_reveal("/a") && grants.cidr().is_empty());
    }
}
