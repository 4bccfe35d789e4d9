//! A monitoring point, which is cheap to make, and a batch of them as a plugin gets it.
//!
//! A point copies the little that it keeps: a slice of the request would keep the request's whole buffer.

use std::collections::HashMap;
use std::time::Duration;

use hyper::Method;
use serde::Serialize;

use moothall_core::clock::rfc3339;
use moothall_core::ids::RequestId;

/// Longest name of a community, in bytes.
const NAME_BYTES: usize = 50;

/// The measurement of one request.
#[derive(Clone)]
pub struct Point {
    /// When it came in, in milliseconds since the Unix epoch.
    pub time: i64,
    pub method: Method,
    /// The path of its route, or `/` if there is none.
    pub route: &'static str,
    /// The slug of the community that it named.
    pub account: Option<Box<str>>,
    pub status: u16,
    pub error_code: Option<Box<str>>,
    pub request_id: RequestId,
    pub took: Duration,
}

/// The slug that a request names, if its length is that of a slug: anybody can send anything.
pub fn account(slug: &str) -> Option<Box<str>> {
    (1..=NAME_BYTES).contains(&slug.len()).then(|| slug.into())
}

#[derive(Serialize)]
struct Shown<'a> {
    series: &'static str,
    time: &'a str,
    tags: Tags<'a>,
    fields: Fields<'a>,
}

#[derive(Clone, Serialize)]
struct Tags<'a> {
    service: &'static str,
    account_id: Option<&'a str>,
    route: &'a str,
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
}

#[derive(Serialize)]
struct Fields<'a> {
    request_id: &'a str,
    /// In seconds.
    execution_time: f64,
}

/// A JSON array; a request that failed is in two series.
pub fn rendered(points: &[Point]) -> String {
    // Few routes and few milliseconds make up a batch.
    let (mut routes, mut times) = (HashMap::new(), HashMap::new());
    for point in points {
        let route = (point.method.as_str(), point.route);
        routes.entry(route).or_insert_with(|| format!("{}:{}", route.0, route.1));
        times.entry(point.time).or_insert_with(|| rfc3339(point.time));
    }
    let shown = points.iter().flat_map(|point| {
        let time = &times[&point.time];
        let route = &routes[&(point.method.as_str(), point.route)];
        let failed = (point.status >= 400).then_some("errors");
        std::iter::once("requests").chain(failed).map(move |series| Shown {
            series,
            time,
            tags: Tags {
                service: "moothall",
                account_id: point.account.as_deref(),
                route,
                status_code: point.status,
                error_code: point.error_code.as_deref(),
            },
            fields: Fields {
                request_id: point.request_id.as_str(),
                execution_time: point.took.as_secs_f64(),
            },
        })
    });
    serde_json::to_string(&shown.collect::<Vec<_>>()).unwrap_or_else(|_| "[]".to_owned())
}
