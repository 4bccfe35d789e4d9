//! Checks a request's query and headers against the route's declaration. A parameter that the host does not know is
//! refused before anything is done, because its sender believes that it has an effect.
//!
//! Queries of platforms and of plugins' own routes are not checked.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, Method, Request, Version, header};
use hyper::body::{Body, Incoming};

use crate::http::middleware::idempotency;
use crate::http::middleware::instance::{COMMUNITY, PLATFORM};
use crate::http::problem::Problem;
use crate::http::route::query::Parameter;
use crate::http::route::{Once, Route, query};
use moothall_core::config::nearest;

/// The longest name or value in a refusal, in characters.
const SHOWN: usize = 100;

/// Headers that have one value, and whether a refusal may quote it.
static SINGLE: [(HeaderName, bool); 7] = [
    (header::AUTHORIZATION, false),
    (header::CONTENT_TYPE, true),
    (COMMUNITY, true),
    (PLATFORM, true),
    (idempotency::HEADER, true),
    (HeaderName::from_static("last-event-id"), true),
    (HeaderName::from_static("x-request-id"), true),
];

/// Who reads a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyOf {
    Route,
    /// Its route has none.
    Nobody,
}

/// Refuses what would have no effect. `is_coded`: the request has a `Content-Encoding`. Costs a few comparisons
/// for a request that has neither a query nor an Idempotency-Key, and no header twice.
pub fn check(
    request: &Request<Incoming>,
    route: Option<&Route>,
    is_coded: bool,
) -> Result<BodyOf, Problem> {
    let headers = request.headers();
    let is_keyed = *request.method() == Method::POST && idempotency::is_asked_for(headers);
    let query = request.uri().query().unwrap_or_default();
    let is_twice = headers.len() != headers.keys_len();
    let has_body = !request.body().is_end_stream();
    require_host(request.version(), headers, is_twice)?;
    // An unknown route or method is refused later.
    let Some(route) = route.filter(|route| !route.is_open) else { return Ok(BodyOf::Route) };
    let needs_query = route.query.iter().any(|parameter| parameter.is_needed);
    let is_simple = query.is_empty() && !needs_query && !is_keyed && !is_twice && !is_coded;
    if is_simple && (!has_body || route.body.is_some()) {
        return Ok(BodyOf::Route);
    }
    check_headers(headers, has_body)?;
    check_query(route, query, headers)?;
    match route.once {
        Once::Never(why) if is_keyed => Err(Problem::bad_request(format!(
            "An Idempotency-Key cannot be honoured here: {why}. Nothing was done; send the request without it"
        ))),
        _ if has_body && route.body.is_none() => Ok(BodyOf::Nobody),
        _ => Ok(BodyOf::Route),
    }
}

/// RFC 9112, 3.2.
fn require_host(version: Version, headers: &HeaderMap, is_twice: bool) -> Result<(), Problem> {
    if version == Version::HTTP_11 && !headers.contains_key(header::HOST) {
        return Err(Problem::bad_request(
            "The request has no `Host` header, which HTTP/1.1 requires: send the name or address of this host",
        ));
    }
    match is_twice && headers.get_all(header::HOST).iter().count() > 1 {
        true => Err(Problem::bad_request("The header `Host` is given twice; send one of them")),
        false => Ok(()),
    }
}

fn check_headers(headers: &HeaderMap, has_body: bool) -> Result<(), Problem> {
    for (name, is_shown) in &SINGLE {
        let given: Vec<_> = headers.get_all(name).iter().collect();
        if given.len() > 1 {
            let named = |value: &&axum::http::HeaderValue| {
                format!("`{}`", shown(&String::from_utf8_lossy(value.as_bytes())))
            };
            let values: Vec<String> =
                given.iter().filter(|_| *is_shown).take(2).map(named).collect();
            return Err(Problem::twice(name.as_str(), &values));
        }
    }
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut codings = codings.map(|value| String::from_utf8_lossy(value.as_bytes()));
    match codings.find(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
        Some(coding) if has_body => Err(Problem::coded(&shown(&coding))),
        _ => Ok(()),
    }
}

fn check_query(route: &Route, query: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let mut seen: Vec<Cow<'_, str>> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let Some(parameter) = route.query.iter().find(|one| one.is_called(&name)) else {
            return Err(Problem::bad_query(unknown(route, &name)));
        };
        if let Some(fault) = parameter.kind.fault(&value) {
            return Err(Problem::bad_query(format!("`{name}`: {}", shown(&fault))));
        }
        if seen.contains(&name) && !parameter.may_repeat() {
            return Err(Problem::bad_query(format!("`{name}` is given twice")));
        }
        if parameter.name == query::PLATFORM_ID.name && route.has_platform() {
            check_platform(&value, headers)?;
        }
        seen.push(name);
    }
    let is_missing =
        |one: &&Parameter| one.is_needed && !seen.iter().any(|name| one.is_called(name));
    match route.query.iter().find(is_missing) {
        Some(missing) => Err(Problem::bad_query(format!("`{}` is missing", missing.name))),
        None => Ok(()),
    }
}

/// Header and query must choose the same instance.
fn check_platform(in_query: &str, headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(PLATFORM) {
        Some(value) if value.as_bytes() != in_query.as_bytes() => {
            let (header, query) =
                (String::from_utf8_lossy(value.as_bytes()), query::PLATFORM_ID.name);
            Err(Problem::bad_request(format!(
                "The header `X-Metagov-Platform-Id` says `{}`, and `{query}` in the query says `{}`; send one of them",
                shown(&header),
                shown(in_query)
            )))
        }
        _ => Ok(()),
    }
}

fn unknown(route: &Route, name: &str) -> String {
    let name = shown(name);
    if matches!(&*name, "dry_run" | "allow_http") {
        return format!(
            "`{name}` is for POST /api/internal/action/… alone; this request would be carried out. Nothing was done"
        );
    }
    let known: Vec<&str> = route.query.iter().map(|one| one.name).collect();
    match known.is_empty() {
        true => format!("`{name}`: {} {} has no query", route.method, route.path),
        false => format!("`{name}` is not known here{}", nearest(&name, &known)),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
