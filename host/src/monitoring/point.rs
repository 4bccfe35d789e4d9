//! One request as it is measured, cheap to make; and a batch as a plugin gets it.
//!
//! A point copies the little that it keeps: a part of the request itself would keep its whole buffer.

use std::collections::HashMap;
use std::time::Duration;

use hyper::Method;
use serde::Serialize;

use super::RouteOf;
use crate::clock::rfc3339;
use crate::ids::RequestId;

/// Longest path that is kept, in bytes: longer than those of all routes with what they name.
const PATH_BYTES: usize = 1 << 10;
/// Longest name of a community, in bytes.
const NAME_BYTES: usize = 50;

/// What is measured.
#[derive(Clone)]
pub struct Point {
    /// When it came in, in milliseconds since the Unix epoch.
    pub time: i64,
    pub method: Method,
    pub target: Target,
    pub status: u16,
    pub error_code: Option<Box<str>>,
    pub request_id: RequestId,
    pub took: Duration,
}

/// The path, and the community that the request named: one piece of memory, because there is one for each
/// request.
#[derive(Clone)]
pub struct Target {
    text: Box<str>,
    path_bytes: usize,
}

impl Target {
    /// Of what anybody can send only as much as says something.
    pub fn new(path: &str, community: Option<&str>) -> Self {
        let path = &path[..path.floor_char_boundary(PATH_BYTES)];
        let community = community.filter(|name| name.len() <= NAME_BYTES).unwrap_or_default();
        let mut text = String::with_capacity(path.len() + community.len());
        text.push_str(path);
        text.push_str(community);
        Self { text: text.into(), path_bytes: path.len() }
    }

    pub fn path(&self) -> &str {
        &self.text[..self.path_bytes]
    }

    /// The community's slug.
    fn account(&self) -> Option<&str> {
        let named = &self.text[self.path_bytes..];
        let in_path = || self.path().strip_prefix("/api/internal/community/")?.split('/').next();
        Some(named).filter(|slug| !slug.is_empty()).or_else(in_path).filter(|slug| !slug.is_empty())
    }
}

impl Point {
    /// The community's slug.
    pub fn account(&self) -> Option<&str> {
        self.target.account()
    }
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
pub fn rendered(points: &[Point], route_of: RouteOf) -> String {
    // Few routes and few milliseconds make up a batch.
    let (mut routes, mut times) = (HashMap::new(), HashMap::new());
    for point in points {
        let (method, path) = (point.method.as_str(), point.target.path());
        routes.entry((method, path)).or_insert_with(|| route_of(method, path));
        times.entry(point.time).or_insert_with(|| rfc3339(point.time));
    }
    let shown = points.iter().flat_map(|point| {
        let time = &times[&point.time];
        let route = &routes[&(point.method.as_str(), point.target.path())];
        let failed = (point.status >= 400).then_some("errors");
        std::iter::once("requests").chain(failed).map(move |series| Shown {
            series,
            time,
            tags: Tags {
                service: "moothall",
                account_id: point.account(),
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
