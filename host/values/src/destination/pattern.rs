//! Patterns of hosts: what a manifest requests and an operator grants. Must never match more than
//! it says: no ports but the scheme's own unless one is written, no parent of a `*.` pattern.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use url::Host;

use super::CheckedUrl;

/// `example.com`, `*.example.com`, `*`, each with `:port` or without, `config:/pointer` or
/// `settings:/pointer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Hosts(Hosts),
    /// The host of the config's value at this JSON Pointer.
    Config(String),
    /// The host of the operator's setting at this JSON Pointer.
    Settings(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hosts {
    name: Name,
    /// None for the default port of the URL's scheme.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Any,
    /// Any name below this one; stored with its leading dot.
    Under(String),
    Exactly(Host<String>),
}

impl HostPattern {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is the host of the config's value at that JSON Pointer.
    pub fn is_of_config(&self, pointer: &str) -> bool {
        matches!(&self.kind, Kind::Config(own) if own == pointer)
    }

    /// Whether it certainly covers whatever `narrow` covers; true also if that depends on a config.
    pub fn may_cover_all_of(&self, narrow: &Self) -> bool {
        match (&self.kind, &narrow.kind) {
            (Kind::Hosts(wide), Kind::Hosts(narrow)) => wide.cover_all_of(narrow),
            (Kind::Hosts(_), _) | (_, Kind::Hosts(_)) => true,
            (one, other) => one == other,
        }
    }

    /// Whether it covers the URL, for an instance with this config and these settings.
    pub fn covers(&self, url: &CheckedUrl, config: &Value, settings: &Value) -> bool {
        let named = match &self.kind {
            Kind::Hosts(hosts) => return hosts.cover(url),
            Kind::Config(pointer) => config.pointer(pointer),
            Kind::Settings(pointer) => settings.pointer(pointer),
        };
        let hosts = named.and_then(Value::as_str).and_then(hosts_of_value);
        hosts.is_some_and(|hosts| hosts.cover(url))
    }
}

impl Hosts {
    fn cover_all_of(&self, narrow: &Self) -> bool {
        let name = match (&self.name, &narrow.name) {
            (Name::Any, _) => true,
            (Name::Under(wide), Name::Under(narrow)) => narrow.ends_with(wide.as_str()),
            (Name::Under(wide), Name::Exactly(Host::Domain(name))) => name.ends_with(wide.as_str()),
            (Name::Exactly(wide), Name::Exactly(narrow)) => wide == narrow,
            _ => false,
        };
        name && self.port == narrow.port
    }

    fn cover(&self, url: &CheckedUrl) -> bool {
        let port = match self.port {
            Some(port) => port == url.port(),
            None => url.has_default_port(),
        };
        let name = match (&self.name, url.host()) {
            (Name::Any, _) => true,
            (Name::Under(parent), Host::Domain(name)) => {
                name.len() > parent.len() && name.ends_with(parent.as_str())
            }
            (Name::Under(_), _) => false,
            (Name::Exactly(host), actual) => host == actual,
        };
        port && name
    }
}

/// A config value is a URL or a host and never a pattern, because whoever configures an instance must not widen
/// what the operator granted.
pub fn url_of_value(value: &str) -> Option<CheckedUrl> {
    let url = if value.contains("://") { value.to_owned() } else { format!("https://{value}") };
    CheckedUrl::parse(&url).ok()
}

fn hosts_of_value(value: &str) -> Option<Hosts> {
    let url = url_of_value(value)?;
    let port = (!url.has_default_port()).then(|| url.port());
    Some(Hosts { name: Name::Exactly(url.host().clone()), port })
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kind = match text.split_once(':') {
            Some(("config", pointer)) if pointer.starts_with('/') => {
                Kind::Config(pointer.to_owned())
            }
            Some(("settings", pointer)) if pointer.starts_with('/') => {
                Kind::Settings(pointer.to_owned())
            }
            Some(("config" | "settings", _)) => return Err(bad(text)),
            _ => Kind::Hosts(hosts(text).ok_or_else(|| bad(text))?),
        };
        Ok(Self { text: text.to_owned(), kind })
    }
}

fn bad(text: &str) -> String {
    format!(
        "`{text}` names no host; write `example.com`, `*.example.com`, `*`, each with `:port` for \
         another port than the default one, `config:/pointer` or `settings:/pointer`"
    )
}

fn hosts(text: &str) -> Option<Hosts> {
    let (host, port) = match text.rsplit_once(':') {
        // Colons inside brackets belong to the address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (text, None),
    };
    let name = match host.strip_prefix("*.") {
        _ if host == "*" => Name::Any,
        Some(parent) => match exact(parent)? {
            Host::Domain(parent) => Name::Under(format!(".{parent}")),
            _ => return None,
        },
        None => Name::Exactly(exact(host)?),
    };
    Some(Hosts { name, port })
}

fn exact(host: &str) -> Option<Host<String>> {
    let has_only_a_host = !host.contains(['/', '@', '?', '#', '*', '\\']);
    let url = CheckedUrl::parse(&format!("http://{host}/")).ok()?;
    (has_only_a_host && url.has_default_port()).then(|| url.host().clone())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn covers(pattern: &str, url: &str) -> bool {
        let config = json!({
            "server": "https://forum.example.com:8443/base",
            "host": "chat.example.com",
            "star": "*",
            "list": [{"url": "http://a.example"}],
        });
        let pattern: HostPattern = pattern.parse().unwrap();
        pattern.covers(
            &CheckedUrl::parse(url).unwrap(),
            &config,
            &json!({ "url": "http://127.0.0.1:99" }),
        )
    }

    #[test]
    fn patterns_cover_what_they_say() {
        for (pattern, url) in [
            ("example.com", "https://example.com/"),
            ("EXAMPLE.com", "http://example.com./x"),
            ("example.com:8080", "http://example.com:8080/"),
            ("example.com:443", "https://example.com/"),
            ("*.example.com", "https://a.b.example.com/"),
            ("*.example.com:81", "http://a.example.com:81/"),
            ("*", "https://anything.test/"),
            ("*:9000", "https://anything.test:9000/"),
            ("127.0.0.1:80", "http://2130706433/"),
            ("[::1]:8080", "http://[0:0::1]:8080/"),
            ("[::1]", "http://[::1]/"),
            ("bücher.example", "https://xn--bcher-kva.example/"),
            ("config:/server", "https://forum.example.com:8443/other"),
            ("settings:/url", "http://127.0.0.1:99/other"),
            ("config:/host", "http://chat.example.com/"),
            ("config:/list/0/url", "https://a.example/"),
        ] {
            assert!(covers(pattern, url), "{pattern} {url}");
        }
    }

    #[test]
    fn patterns_cover_no_more_than_they_say() {
        for (pattern, url) in [
            ("example.com", "https://www.example.com/"),
            ("example.com", "https://example.com:8443/"),
            ("example.com", "https://example.com.evil.test/"),
            ("example.com:8080", "http://example.com/"),
            ("*.example.com", "https://example.com/"),
            ("*.example.com", "https://notexample.com/"),
            ("*.example.com", "https://a.example.com:8443/"),
            ("*", "https://anything.test:9000/"),
            ("config:/server", "https://forum.example.com/"),
            ("config:/star", "https://anything.test/"),
            ("config:/missing", "https://example.com/"),
            ("settings:/url", "http://127.0.0.1/"),
            ("config:/list", "https://example.com/"),
        ] {
            assert!(!covers(pattern, url), "{pattern} {url}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "https://example.com",
            "example.com/path",
            "user@example.com",
            "a.*.com",
            "**",
            "*.",
            "*.10.0.0.1",
            "example.com:port",
            "example.com:99999",
            "config:server",
        ] {
            assert!(text.parse::<HostPattern>().unwrap_err().contains("*.example.com"), "{text}");
        }
    }
}
