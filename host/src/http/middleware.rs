//! The request middleware: gives each request an id, finds its route, checks access, query and headers, calls the
//! handler, and counts the answer.
//!
//! It is one function instead of layers, because every request of the hot path goes through it.

pub mod accept;
pub mod access;
pub mod body;
pub mod body_budget;
pub mod body_schema;
pub mod changes;
pub mod foreign_response;
pub mod head;
pub mod hook_gate;
pub mod idempotency;
pub mod instance;
pub mod path;
pub mod request_id;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, Uri, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use metrics::Counter;

use crate::http::api::Api;
use crate::http::keys::Caller;
use crate::http::middleware::body_budget::{Arriving, Bodies, Sender};
use crate::http::middleware::head::BodyOf;
use crate::http::middleware::instance::COMMUNITY;
use crate::http::middleware::request_id::{REQUEST_ID, request_id};
use crate::http::peer::Peer;
use crate::http::problem::Problem;
use crate::http::table;
use crate::http::table::{Found, PathRoutes, Table};
use moothall_background::monitoring::{Point, account};
use moothall_core::ids::RequestId;
use moothall_core::telemetry::metric::HTTP_REQUESTS;

/// Handles every request. Clones share everything.
#[derive(Clone)]
pub struct RequestMiddleware {
    table: &'static Table,
    api: Arc<Api>,
}

impl RequestMiddleware {
    pub fn new(api: Arc<Api>) -> Self {
        Self { table: &table::ALL, api }
    }

    /// For the routes of health and metrics alone.
    pub fn for_operations(api: Arc<Api>) -> Self {
        Self { table: &table::OPERATIONS, api }
    }

    pub async fn handle(self, mut request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let id = request_id(request.headers(), &self.api.context.clock);
        let found = self.table.find(request.method(), request.uri().path());
        let seen = self.api.monitoring.is_active();
        let mut seen = seen.then(|| Seen::of(&self.api, found.place, &request));
        let is_page = found.route.is_some_and(|route| route.is_of_people)
            && !accept::wants_json(request.headers());
        let is_coded = request.headers().contains_key(header::CONTENT_ENCODING);
        let now = self.api.context.clock.now_ms();
        let admitted = access::check(&self.api.keys.load(), found.access, request.headers(), now);
        let response = match admitted {
            Err(problem) => {
                // Anybody can name a community.
                if let Some(seen) = &mut seen {
                    seen.account = in_path(found.place, &request);
                }
                let refused = problem.into_response();
                if Bodies::is_small(request.body()) { refused } else { last(refused) }
            }
            Ok(key) => match head::check(&request, found.route, is_coded) {
                Err(problem) if Bodies::is_small(request.body()) => problem.into_response(),
                Err(problem) => last(problem.into_response()),
                Ok(body) => {
                    request.extensions_mut().insert(id.clone());
                    let is_large = is_coded || !Bodies::is_small(request.body());
                    self.answer(request, found, (key, peer), (body, is_large)).await
                }
            },
        };
        let problem = seen.as_ref().and_then(|_| response.extensions().get::<Arc<Problem>>());
        let code = problem.map(|problem| problem.code().into());
        let response = leave(&self.api, response, &id, is_page);
        if let Some(seen) = seen {
            self.api.monitoring.record(seen.answered(response.status().as_u16(), code, id));
        }
        response
    }
}

impl RequestMiddleware {
    /// Calls the route. A large body that its handler has not read to the end closes the connection, and the answer
    /// says so.
    async fn answer(
        &self,
        mut request: Request<Incoming>,
        found: Found,
        (key, peer): (Option<Caller>, Peer),
        (body, may_grow): (BodyOf, bool),
    ) -> Response<Body> {
        if found.route.is_some_and(|route| route.knows_sender) {
            let proxies = &self.api.config.trusted_proxies;
            let sender = Sender::of(key.as_ref(), peer, request.headers(), proxies);
            request.extensions_mut().insert(sender);
        }
        let is_small = Bodies::is_small(request.body());
        let reservation = may_grow.then(|| {
            let proxies = &self.api.config.trusted_proxies;
            let sender = Sender::of(key.as_ref(), peer, request.headers(), proxies);
            self.api.bodies.begin(sender)
        });
        if let Some(reservation) = &reservation {
            request.extensions_mut().insert(reservation.clone());
        }
        if let Some(key) = key {
            request.extensions_mut().insert(key);
        }
        if body == BodyOf::Nobody {
            let request = match body::nothing(&self.api, request).await {
                Ok(request) => request,
                Err(problem) if is_small => return problem.into_response(),
                Err(problem) => return last(problem.into_response()),
            };
            return self.call(found, request).await;
        }
        let Some(reservation) = reservation else {
            return self.call(found, request.map(Body::new)).await;
        };
        let counted =
            request.map(|body| Body::new(Arriving { body, reservation: reservation.clone() }));
        let response = self.call(found, counted).await;
        if is_small || reservation.has_ended() { response } else { last(response) }
    }

    async fn call(&self, found: Found, mut request: Request<Body>) -> Response<Body> {
        match (found.route, found.place) {
            (Some(route), _) => {
                request.extensions_mut().insert(route);
                route.call(request, self.api.clone()).await
            }
            (None, Some(place)) => no_method(&place.methods(), request.uri()).into_response(),
            (None, None) => no_route(request.uri()).into_response(),
        }
    }
}

/// The last answer of its connection.
fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What a monitoring point needs of a request.
struct Seen {
    time: i64,
    since: Instant,
    method: Method,
    /// Nothing of an unknown path is kept.
    route: &'static str,
    /// The community's slug.
    account: Option<Box<str>>,
}

impl Seen {
    fn of(api: &Api, place: Option<&'static PathRoutes>, request: &Request<Incoming>) -> Self {
        let named = request.headers().get(&COMMUNITY).and_then(|slug| slug.to_str().ok());
        Self {
            time: api.context.clock.now_ms(),
            since: Instant::now(),
            method: request.method().clone(),
            route: place.map_or("/", |place| place.path),
            account: named.and_then(account).or_else(|| in_path(place, request)),
        }
    }

    fn answered(self, status: u16, error_code: Option<Box<str>>, request_id: RequestId) -> Point {
        let Self { time, since, method, route, account } = self;
        let took = since.elapsed();
        Point { time, method, route, account, status, error_code, request_id, took }
    }
}

/// The community in the path of an administrative route.
fn in_path(place: Option<&'static PathRoutes>, request: &Request<Incoming>) -> Option<Box<str>> {
    let mut named = path::parameters(place?.path, request.uri().path());
    named.find(|(name, _)| *name == "slug").and_then(|(_, slug)| account(slug))
}

fn leave(api: &Api, response: Response<Body>, id: &RequestId, is_page: bool) -> Response<Body> {
    let mut response = match response.extensions().get::<Arc<Problem>>().cloned() {
        Some(problem) if is_page => with_problem(api, response, &problem.as_page(), id),
        Some(problem) => with_problem(api, response, &problem, id),
        None => response,
    };
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    count(response.status().as_u16());
    response
}

fn with_problem(
    api: &Api,
    response: Response<Body>,
    problem: &Problem,
    id: &RequestId,
) -> Response<Body> {
    if let Some(cause) = problem.cause()
        && api.quotas.failed_requests.take()
    {
        tracing::error!(request = id.as_str(), "the host failed a request: {cause}");
    }
    let mut answer = problem.respond(id);
    if let Some(connection) = response.headers().get(header::CONNECTION) {
        answer.headers_mut().insert(header::CONNECTION, connection.clone());
    }
    answer
}

/// Counts a response by its status, with a handle that is looked up once.
fn count(status: u16) {
    static BY_STATUS: [OnceLock<Counter>; 600] = [const { OnceLock::new() }; 600];
    if let Some(slot) = BY_STATUS.get(usize::from(status)) {
        slot.get_or_init(|| HTTP_REQUESTS.of(&[("status", &status.to_string())])).increment(1);
    }
}

fn no_route(uri: &Uri) -> Problem {
    Problem::not_found(format!("There is no such route{}", meant(uri)))
}

/// `allowed`: the methods of the path.
fn no_method(allowed: &str, uri: &Uri) -> Problem {
    let detail = format!("This route has no such method; see `Allow`{}", meant(uri));
    Problem::no_method(detail, allowed)
}

/// `; did you mean …?`, for common mistakes.
fn meant(uri: &Uri) -> String {
    let path = table::ALL.path_meant(uri.path());
    path.map(|path| format!("; did you mean {path}?")).unwrap_or_default()
}
