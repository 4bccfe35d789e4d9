//! Destinations of requests, as people write them: a parsed URL, ranges of addresses, patterns of hosts. Pure
//! rules; must never resolve a name or open a connection.

mod cidr;
mod pattern;
mod web_url;

use url::{Host, Url};

use crate::bounds::REQUEST_URL_BYTES;
pub use cidr::Cidr;
pub use pattern::{HostPattern, url_of_value};
use web_url::parse_url;
pub use web_url::web_url;

/// An absolute `http` or `https` URL with a host, without user information and fragment. Forms of
/// an address that only look like a name (`http://2130706433/`, `0x7f.1`) are addresses here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedUrl {
    url: Url,
    host: Host<String>,
    port: u16,
}

impl CheckedUrl {
    /// The error is a sentence that does not repeat the URL: it may hold a secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > REQUEST_URL_BYTES {
            return Err(too_long());
        }
        let mut url = parse_url(text)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL with user information is not accepted".into());
        }
        url.set_fragment(None);
        let none = || "the URL has no host".to_owned();
        let host = host(url.host().ok_or_else(none)?).ok_or_else(none)?;
        let port = url.port_or_known_default().ok_or_else(|| "the URL has no port".to_owned())?;
        Ok(Self { url, host, port })
    }

    /// The host; a name without the dot at its end.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the port is the one that the scheme stands for.
    pub fn has_default_port(&self) -> bool {
        self.url.port().is_none()
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL as it is sent.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Whether it has the same scheme, host and port.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.url.scheme() == other.url.scheme()
            && (&self.host, self.port) == (&other.host, other.port)
    }

    /// For messages and lists: without the query, which may hold a secret.
    pub fn without_query(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }

    /// `host`, or `host:port` where that is not the scheme's own.
    pub fn authority(&self) -> String {
        if self.has_default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The same URL with one more query parameter, as long as it is not too long for a URL then.
    pub fn with_parameter(&self, name: &str, value: &str) -> Result<Self, String> {
        let more = form_bytes(name).saturating_add(form_bytes(value)).saturating_add(2);
        if self.url.as_str().len().saturating_add(more) > REQUEST_URL_BYTES {
            return Err(too_long());
        }
        let mut changed = self.clone();
        changed.url.query_pairs_mut().append_pair(name, value);
        Ok(changed)
    }
}

/// The same for two texts. A text that is no URL has no origin.
pub fn is_same_origin(one: &str, other: &str) -> bool {
    let (one, other) = (CheckedUrl::parse(one), CheckedUrl::parse(other));
    one.is_ok_and(|one| other.is_ok_and(|other| one.is_same_origin(&other)))
}

fn too_long() -> String {
    format!("a URL has at most {REQUEST_URL_BYTES} bytes")
}

/// The length of a text once it is encoded in a form or a query.
pub fn form_bytes(text: &str) -> usize {
    form_urlencoded::byte_serialize(text.as_bytes()).map(str::len).sum()
}

/// A dot at the end of a name says that it is complete, and is no part of it.
fn host(host: Host<&str>) -> Option<Host<String>> {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            (!name.is_empty()).then(|| Host::Domain(name.to_owned()))
        }
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(Host::Ipv6(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_disguise_are_addresses() {
        for text in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://１２７.0.0.1/",
        ] {
            let url = CheckedUrl::parse(text).unwrap();
            assert_eq!(url.host().to_string(), "127.0.0.1", "{text}");
        }
        let mapped = CheckedUrl::parse("http://[::ffff:127.0.0.1]:8080/").unwrap();
        assert!(matches!(mapped.host(), Host::Ipv6(_)));
        assert_eq!(mapped.port(), 8080);
    }

    #[test]
    fn what_is_no_plain_web_address_is_refused_without_repeating_it() {
        for text in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user:hunter2@example.com/",
            "https://hunter2@example.com/",
            "http://hunter2 example/",
            "/hunter2",
            "http://./hunter2",
        ] {
            let error = CheckedUrl::parse(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
        assert!(CheckedUrl::parse(&format!("http://a/{}", "x".repeat(REQUEST_URL_BYTES))).is_err());
    }

    #[test]
    fn names_are_compared_in_one_form() {
        let url = CheckedUrl::parse("HTTPS://Forum.Example.COM.:443/a?token=1#b").unwrap();
        assert_eq!(url.authority(), "forum.example.com");
        assert!(url.has_default_port());
        assert!(!url.without_query().contains("token"));
        assert!(!url.as_str().contains('#'));
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        assert!(is_same_origin("http://Driver/events", "http://driver.:80/callback?x=1"));
        for (one, other) in [
            ("http://driver/", "https://driver/"),
            ("http://driver/", "http://driver:81/"),
            ("http://driver/", "http://driver.example/"),
            ("", ""),
        ] {
            assert!(!is_same_origin(one, other), "{one} {other}");
        }
    }
}
