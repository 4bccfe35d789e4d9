//! What every request passes on its way in and out: its id, who may enter, the count.
//!
//! One function around the router instead of layers of middleware, because every request of the
//! hot path goes through it.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Extensions, HeaderName, HeaderValue, Method, Request, Response, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use metrics::Counter;
use tower::Service;

use super::access::KeyId;
use super::bodies::{Arriving, Bodies, Sender};
use super::error::Problem;
use super::serve::Peer;
use super::{Api, access, operations, routes};
use crate::clock::Clock;
use crate::ids::RequestId;
use crate::monitoring::{Point, Target};
use crate::telemetry::metric::HTTP_REQUESTS;

/// `actions::COMMUNITY`, as headers are looked up by.
const COMMUNITY_NAME: HeaderName = HeaderName::from_static("x-metagov-community");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where requests come in. Clones share everything.
#[derive(Clone)]
pub struct Door {
    router: Router,
    api: Arc<Api>,
}

impl Door {
    pub fn new(api: Arc<Api>) -> Self {
        Self { router: routes(api.clone()), api }
    }

    /// To health and metrics alone.
    pub fn of_operations(api: Arc<Api>) -> Self {
        Self { router: operations(api.clone()), api }
    }

    pub async fn pass(mut self, mut request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let id = request_id(&self.api, &request);
        let mut seen = self.api.monitoring.is_active().then(|| Seen::of(&self.api, &request));
        let response = match access::check(&self.api.keys.load(), &request) {
            Err(problem) => {
                // Anybody can name a community.
                if let Some(seen) = &mut seen {
                    seen.target = Target::new(seen.target.path(), None);
                }
                let refused = problem.into_response();
                if Bodies::is_small(request.body()) { refused } else { last(refused) }
            }
            Ok(key) => {
                request.extensions_mut().insert(id.clone());
                self.answer(request, key, peer).await
            }
        };
        let problem = seen.as_ref().and_then(|_| response.extensions().get::<Arc<Problem>>());
        let code = problem.map(|problem| problem.code().into());
        let response = leave(response, &id);
        if let Some(seen) = seen {
            self.api.monitoring.note(seen.answered(response.status().as_u16(), code, id));
        }
        response
    }
}

impl Door {
    /// What the router answers. A large body that nobody has read to its end ends the connection, and the
    /// answer says so.
    async fn answer(
        &mut self,
        mut request: Request<Incoming>,
        key: Option<KeyId>,
        peer: Peer,
    ) -> Response<Body> {
        let share = (!Bodies::is_small(request.body())).then(|| {
            let proxies = &self.api.config.trusted_proxies;
            let sender = Sender::of(key.as_ref(), peer, request.headers(), proxies);
            self.api.bodies.begin(sender)
        });
        if let Some(key) = key {
            request.extensions_mut().insert(key);
        }
        let Some(share) = share else { return answered(self.router.call(request).await) };
        let counted = request.map(|body| Arriving { body, share: share.clone() });
        let response = answered(self.router.call(counted).await);
        if share.has_ended() { response } else { last(response) }
    }
}

/// The last answer of its connection.
fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn answered(response: Result<Response<Body>, Infallible>) -> Response<Body> {
    match response {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// What is kept of a request to measure it.
struct Seen {
    time: i64,
    since: Instant,
    method: Method,
    target: Target,
}

impl Seen {
    fn of(api: &Api, request: &Request<Incoming>) -> Self {
        let community = request.headers().get(&COMMUNITY_NAME).and_then(|slug| slug.to_str().ok());
        Self {
            time: api.clock.now_ms(),
            since: Instant::now(),
            method: request.method().clone(),
            target: Target::new(request.uri().path(), community),
        }
    }

    fn answered(self, status: u16, error_code: Option<Box<str>>, request_id: RequestId) -> Point {
        let Self { time, since, method, target } = self;
        let took = since.elapsed();
        Point { time, method, target, status, error_code, request_id, took }
    }
}

/// Marks a response that is a plugin's own and leaves as it is.
#[derive(Clone, Copy, Debug)]
pub struct Verbatim;

/// The id that the door gave a request.
pub fn request_id_of(extensions: &Extensions, clock: &Clock) -> RequestId {
    extensions.get().cloned().unwrap_or_else(|| RequestId::new(clock))
}

/// The caller's own id, if it is of a form that can go into headers and logs.
fn request_id(api: &Api, request: &Request<Incoming>) -> RequestId {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    given.and_then(|id| RequestId::parse(id).ok()).unwrap_or_else(|| RequestId::new(&api.clock))
}

fn leave(response: Response<Body>, id: &RequestId) -> Response<Body> {
    let mut response = match response.extensions().get::<Arc<Problem>>().cloned() {
        Some(problem) => tell(response, &problem, id),
        // What the router itself refuses is told like everything else.
        None if response.status().is_client_error()
            && !is_json(&response)
            && response.extensions().get::<Verbatim>().is_none() =>
        {
            tell(
                response,
                &Arc::new(Problem::bad_request("The request's path or query is not valid")),
                id,
            )
        }
        None => response,
    };
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    count(response.status().as_u16());
    response
}

fn tell(response: Response<Body>, problem: &Problem, id: &RequestId) -> Response<Body> {
    if let Some(cause) = problem.cause() {
        tracing::error!(request = id.as_str(), "the host failed a request: {cause}");
    }
    let mut told = problem.respond(id);
    // `Allow` comes from the router, `Connection` from here.
    for name in [header::ALLOW, header::CONNECTION] {
        if let Some(value) = response.headers().get(&name) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    told
}

fn is_json(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().ends_with(b"json"))
}

/// Counts a response by its status, through a handle that is looked up once.
fn count(status: u16) {
    static BY_STATUS: [OnceLock<Counter>; 600] = [const { OnceLock::new() }; 600];
    if let Some(slot) = BY_STATUS.get(usize::from(status)) {
        slot.get_or_init(|| HTTP_REQUESTS.of(&[("status", &status.to_string())])).increment(1);
    }
}
