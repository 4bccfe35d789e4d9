//! Which hosts a plugin reaches in a test: those that its manifest asks for. Must never be more
//! generous than the real host, or a plugin passes its tests and is refused in use.

use serde_json::Value;

use crate::{Error, Result};

/// A host and its port, as a URL names them.
#[derive(PartialEq)]
struct Authority<'a> {
    host: &'a str,
    port: &'a str,
    is_default_port: bool,
}

/// `forbidden` unless one of the manifest's `requests.http` covers the URL.
pub fn check(url: &str, manifest: &Value, config: &Value, settings: &Value) -> Result<()> {
    let wrong = || Error::invalid(format!("'{url}' is no absolute http or https URL"));
    let authority = authority(url).ok_or_else(wrong)?;
    let patterns = manifest["requests"]["http"].as_array().into_iter().flatten();
    if patterns
        .filter_map(Value::as_str)
        .any(|pattern| covers(pattern, &authority, config, settings))
    {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "the plugin may not reach '{}': its manifest does not ask for it; add it to `requests(http(…))`",
        authority.host
    )))
}

fn covers(pattern: &str, url: &Authority<'_>, config: &Value, settings: &Value) -> bool {
    let (whole, pointer) = match pattern.split_once(':') {
        Some(("config", pointer)) => (config, pointer),
        Some(("settings", pointer)) => (settings, pointer),
        _ => return covers_host(pattern, url),
    };
    let named = whole.pointer(pointer).and_then(Value::as_str);
    named.and_then(|value| authority(value).or_else(|| bare(value))).is_some_and(|it| it == *url)
}

fn covers_host(pattern: &str, url: &Authority<'_>) -> bool {
    let (host, port) = match pattern.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (pattern, None),
    };
    let is_port = port.map_or(url.is_default_port, |port| port == url.port);
    is_port
        && match host.strip_prefix('*') {
            Some("") => true,
            Some(parent) => url.host.len() > parent.len() && url.host.ends_with(parent),
            None => url.host == host,
        }
}

fn authority(url: &str) -> Option<Authority<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, port) = rest[..end].rsplit_once(':').unwrap_or((&rest[..end], default));
    let is_good = !host.is_empty() && !host.contains('@');
    is_good.then_some(Authority { host, port, is_default_port: port == default })
}

/// A configuration may name the host alone.
fn bare(host: &str) -> Option<Authority<'_>> {
    let is_host = !host.is_empty() && !host.contains(['/', ':', '@']);
    is_host.then_some(Authority { host, port: "443", is_default_port: true })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    #[test]
    fn only_what_the_manifest_asks_for_is_reached() {
        let config = json!({ "server": "https://forum.example:8443/" });
        let settings = json!({ "base": "https://id.example" });
        for (pattern, url, is_reached) in [
            ("a.example", "https://a.example/x?y", true),
            ("a.example", "http://a.example", true),
            ("a.example", "https://a.example:81", false),
            ("a.example:81", "https://a.example:81", true),
            ("*.example", "https://b.a.example", true),
            ("*.a.example", "https://a.example", false),
            ("*", "https://a.example", true),
            ("*", "https://a.example:81", false),
            ("config:/server", "https://forum.example:8443/posts", true),
            ("config:/server", "https://forum.example/posts", false),
            ("config:/other", "https://forum.example:8443/", false),
            ("config:/base", "https://id.example/token", false),
            ("settings:/base", "https://id.example/token", true),
            ("settings:/server", "https://forum.example:8443/", false),
            ("*", "https://user@a.example", false),
            ("*", "ftp://a.example", false),
        ] {
            let manifest = json!({ "requests": { "http": [pattern] } });
            let checked = check(url, &manifest, &config, &settings);
            assert_eq!(checked.is_ok(), is_reached, "{pattern} {url}");
        }
    }
}
