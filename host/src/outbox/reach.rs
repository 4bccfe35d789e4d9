//! Which addresses an endpoint may be at. Pure.

use hyper::Uri;

use crate::egress::Reach;
use crate::store::EndpointRow;

/// The operator named the driver's URL himself, so its origin may be anywhere; a callback may be on
/// this machine while the host serves only this machine.
pub fn of(endpoint: &EndpointRow, driver: &EndpointRow, is_local: bool) -> Reach {
    match endpoint.kind.as_str() {
        "driver" => Reach::Any,
        "callback" if is_same_origin(&endpoint.url, &driver.url) => Reach::Any,
        "callback" if is_local => Reach::Loopback,
        _ => Reach::Public,
    }
}

fn is_same_origin(one: &str, other: &str) -> bool {
    origin(one).is_some_and(|origin_of_one| Some(origin_of_one) == origin(other))
}

fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_host_and_port() {
        assert!(is_same_origin("http://Driver/events", "http://driver:80/callback?x=1"));
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
