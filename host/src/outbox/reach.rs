//! Which addresses an endpoint may be at. Pure.

use hyper::Uri;

use crate::egress::Reach;
use crate::store::EndpointRow;

/// A URL of the driver that the operator named himself may be anywhere, with its origin; one that was put,
/// and a callback, may be on this machine while the host serves only this machine.
pub fn of(endpoint: &EndpointRow, driver: &EndpointRow, is_local: bool) -> Reach {
    let is_operators = driver.url_by == "environment";
    match endpoint.kind.as_str() {
        "driver" if is_operators => Reach::Any,
        "callback" if is_operators && is_same_origin(&endpoint.url, &driver.url) => Reach::Any,
        "driver" | "callback" => of_put(is_local),
        _ => Reach::Public,
    }
}

/// Of a driver's URL that was put.
pub fn of_put(is_local: bool) -> Reach {
    if is_local { Reach::Loopback } else { Reach::Public }
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
