//! Which hosts a plugin can reach in a test: those that its manifest asks for. Must never allow more than the
//! real host, or a plugin would pass its tests and fail in use.

use moothall_values::destination::{CheckedUrl, HostPattern};
use moothall_values::manifest::Manifest;
use serde_json::Value;

use crate::{Error, Result};

/// `forbidden` unless one of the manifest's `requests.http` covers the URL.
pub fn check(url: &str, manifest: &Manifest, config: &Value, settings: &Value) -> Result<()> {
    let invalid = |wrong| Error::invalid(format!("the request is not valid: {wrong}"));
    let url = CheckedUrl::parse(url).map_err(invalid)?;
    let patterns = manifest.requests.http.iter().filter_map(|one| one.parse::<HostPattern>().ok());
    if patterns.into_iter().any(|pattern| pattern.covers(&url, config, settings)) {
        return Ok(());
    }
    let host = url.authority();
    Err(Error::forbidden(format!(
        "the plugin may not reach `{host}`: its manifest does not request it; add it to `requests(http(…))`"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Manifest, check};

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
            ("a.example", "HTTP://A.Example./", true),
            ("a.example:81", "http://a.example:81:82/", false),
        ] {
            let manifest = json!({ "name": "a", "requests": { "http": [pattern] } });
            let manifest = Manifest::parse(&manifest.to_string()).expect("a manifest");
            let checked = check(url, &manifest, &config, &settings);
            assert_eq!(checked.is_ok(), is_reached, "{pattern} {url}");
        }
    }
}
