//! Decides who may use a route.
//!
//! Until somebody creates an API key, the host listens on loopback only, and protected routes refuse requests that a
//! browser could be tricked into sending (a foreign `Host`: DNS rebinding; a foreign `Origin`: cross-site requests) and
//! requests that came through a proxy, because anybody may be behind it. Afterwards protected routes need a key with the
//! scope that the route names.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};

use crate::http::keys::{Caller, Keys, PREFIX};
use crate::http::problem::Problem;
use crate::http::route::Access;
use moothall_core::scope::Scope;

/// Headers that proxies add, besides those that begin with `OF_PROXIES`.
const OF_A_PROXY: [&str; 8] = [
    "cf-connecting-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-real-ip",
];
const OF_PROXIES: &str = "x-forwarded-";

/// Checks the key of a protected route; the handler of plugins' routes does so itself.
pub fn check(
    keys: &Keys,
    access: Access,
    headers: &HeaderMap,
    now: i64,
) -> Result<Option<Caller>, Problem> {
    match access {
        Access::Key(scope) => admit(keys, scope, headers, now),
        Access::AnyKey => identify(keys, headers, now),
        Access::Public | Access::OfPlugin => Ok(None),
    }
}

/// Whether a request with these headers may do what needs that scope; without a key, this machine may.
pub fn admit(
    keys: &Keys,
    scope: Scope,
    headers: &HeaderMap,
    now: i64,
) -> Result<Option<Caller>, Problem> {
    let caller = identify(keys, headers, now)?;
    match &caller {
        Some(caller) if !caller.scopes().allow(scope) => {
            Err(Problem::lacks_scope(scope, caller.scopes()))
        }
        _ => Ok(caller),
    }
}

/// Who sends a request with these headers.
fn identify(keys: &Keys, headers: &HeaderMap, now: i64) -> Result<Option<Caller>, Problem> {
    if keys.are_required() {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let first = given.next().ok_or_else(Problem::no_key)?;
        if given.next().is_some() {
            return Err(Problem::twice(header::AUTHORIZATION.as_str(), &[]));
        }
        let key = first.to_str().ok().and_then(bearer).ok_or_else(Problem::not_bearer)?;
        return keys.accept(key.trim(), now).map(Some).ok_or_else(Problem::unknown_key);
    }
    from_this_machine(headers).map(|()| None)
}

/// Whether a header's value has the form of an API key, valid or not.
pub fn is_key(value: &axum::http::HeaderValue) -> bool {
    let credentials = value.to_str().ok().and_then(bearer);
    credentials.is_some_and(|key| key.trim().starts_with(PREFIX))
}

/// The credentials of the scheme `Bearer`, in upper or lower case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, credentials) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(credentials)
}

fn from_this_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| {
        headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or_default())
    };
    if !text(header::HOST).is_none_or(is_loopback) {
        return Err(Problem::foreign("Host"));
    }
    let origin =
        text(header::ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    if !origin.is_none_or(is_loopback) {
        return Err(Problem::foreign("Origin"));
    }
    match headers.keys().map(HeaderName::as_str).find(|name| is_of_a_proxy(name)) {
        Some(name) => Err(Problem::proxied(name)),
        None => Ok(()),
    }
}

fn is_of_a_proxy(name: &str) -> bool {
    name.starts_with(OF_PROXIES) || OF_A_PROXY.contains(&name)
}

/// Whether `host[:port]` is this machine.
pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(host, _)| host),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.8.0.1", "[::1]:8000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "127.0.0.1.example.com",
            "localhost.example.com:80",
            "[::2]",
            "null",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
