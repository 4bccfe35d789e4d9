//! Follows redirects within one origin, because what a request carries is for that platform alone.

/// Where the answer sends the request, if it can be sent there as it is: 307 and 308 keep the method, 301 and 302 that of a
/// request that only reads.
pub fn next(method: &str, url: &str, status: u16, location: Option<&str>) -> Option<String> {
    let keeps = match status {
        307 | 308 => true,
        301 | 302 => matches!(method, "GET" | "HEAD"),
        _ => false,
    };
    let (location, origin) = (location.filter(|_| keeps)?, origin(url)?);
    let is_path = location.starts_with('/') && !location.starts_with("//");
    if is_path {
        return Some(format!("{origin}{location}"));
    }
    let rest = location.strip_prefix(origin)?;
    let is_same = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    is_same.then(|| location.to_owned())
}

/// `https://platform.example` of a URL.
fn origin(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    Some(&url[..end])
}

#[cfg(test)]
mod tests {
    use super::next;

    const URL: &str = "https://a.example:8443/old?x=1";

    #[test]
    fn a_redirect_to_the_same_origin_is_followed() {
        let to = |status, location| next("GET", URL, status, Some(location));
        assert_eq!(to(301, "/new").as_deref(), Some("https://a.example:8443/new"));
        assert_eq!(
            to(307, "https://a.example:8443/b?c").as_deref(),
            Some("https://a.example:8443/b?c")
        );
        for elsewhere in [
            "https://b.example/new",
            "http://a.example:8443/new",
            "https://a.example/new",
            "https://a.example:84430/new",
            "https://a.example:8443@b.example/",
            "//b.example/new",
            "new",
        ] {
            assert_eq!(to(307, elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_request_that_writes_is_sent_on_only_as_it_is() {
        assert_eq!(next("POST", URL, 301, Some("/new")), None);
        assert!(next("POST", URL, 307, Some("/new")).is_some());
        assert_eq!(next("GET", URL, 303, Some("/new")), None);
        assert_eq!(next("GET", URL, 301, None), None);
    }
}
