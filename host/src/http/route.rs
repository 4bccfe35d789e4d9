//! The declaration of a route: one value beside its handler that holds everything the host knows about it.
//!
//! The table of routes, the access check, the check of queries and headers, the change events, the labels of monitoring
//! points and the OpenAPI document all come from it. Must never say what a handler does.

pub mod failure;
pub mod query;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::http::api::Api;
use crate::http::middleware::body_schema::{BodySchema, RequestBody};
use failure::Failure;
use moothall_core::scope::Scope;
use query::Parameter;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Clients whose API key has this scope; while no key was ever created, clients on this machine.
    Key(Scope),
    /// The same with a key of any scope: to hear that there is nothing.
    AnyKey,
    /// Anybody: for platforms, browsers and supervisors.
    Public,
    /// As the route's plugin says: the handler checks the key.
    OfPlugin,
}

impl Access {
    pub fn is_protected(self) -> bool {
        matches!(self, Self::Key(_) | Self::AnyKey)
    }
}

/// A resource that a route changes: its name, and the parameter of the path with its id.
pub type Named = (&'static str, Option<&'static str>);

/// What `api.change` says about a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeEvent {
    /// No event: the route only reads, or is not for drivers.
    NotApplicable,
    /// It does something that changes no resource.
    None,
    /// The resource that it changes, and how.
    Of(Named, Option<Named>),
}

/// Whether a POST with an Idempotency-Key has its effect once.
#[derive(Clone, Copy, Debug)]
pub enum Once {
    Yes,
    /// The host ignores the key: it may be for the request's receiver.
    Others,
    /// Refused, and why.
    Never(&'static str),
}

/// Why an answer with a new secret is not sent again.
pub const SECRET: &str = "the answer holds a secret, which the host does not keep to give it again";

pub const COMMUNITY: &str = "X-Metagov-Community";
pub const PLATFORM: &str = "X-Metagov-Platform-Id";
pub const LAST_EVENT_ID: &str = "Last-Event-ID";
/// The headers that choose community and instance.
pub const INSTANCE: &[&str] = &[COMMUNITY, PLATFORM];

/// The answer with one status, except failures.
pub struct DeclaredAnswer {
    pub status: u16,
    pub content: Content,
}

pub enum Content {
    Nothing,
    /// JSON of one of the host's types.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// A plugin's JSON, or nothing.
    Any,
    /// Answers with a text of that media type.
    Text(&'static str),
}

/// A future with an answer.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Response> + Send>>;
type Handle = Box<dyn Fn(Request, Arc<Api>) -> ResponseFuture + Send + Sync>;

/// One method of one path.
pub struct Route {
    /// The form for OpenAPI.
    pub method: Method,
    /// Whether it takes every other method too.
    pub is_any: bool,
    pub path: &'static str,
    /// Its name in generated clients: a verb and a noun, which never changes.
    pub id: &'static str,
    /// Its group in OpenAPI; the table sets it.
    pub tag: &'static str,
    pub summary: &'static str,
    pub access: Access,
    pub change_event: ChangeEvent,
    /// The parameters of its query.
    pub query: Vec<Parameter>,
    /// Whether its query may have other parameters: those of a platform, a plugin or a monitor.
    pub is_open: bool,
    pub once: Once,
    /// Its own headers.
    pub headers: &'static [&'static str],
    /// What its body is, if it has one.
    pub body: Option<RouteBody>,
    /// The answers of its handler.
    pub answers: Vec<DeclaredAnswer>,
    /// Failures besides those that follow from the rest.
    pub fails: Vec<&'static [Failure]>,
    /// Whether a plugin or a hook may answer: with any status and any body.
    pub by_others: bool,
    /// Whether people use it with a browser: a failure is a page, unless the client accepts only JSON.
    pub is_of_people: bool,
    /// Whether its handler needs to know who sends a request.
    pub knows_sender: bool,
    handle: Handle,
    /// Answers HEAD, where GET does more than read.
    head: Option<Handle>,
}

/// What the body of a request is.
#[derive(Clone, Copy)]
pub enum RouteBody {
    /// JSON of one of the host's types.
    Of(fn() -> &'static BodySchema),
    Any,
}

/// A route of which nobody has said yet who may use it: it is no `Route` before.
pub struct Unguarded(Route);

impl Unguarded {
    /// For clients whose key has this scope.
    pub fn needs(self, scope: Scope) -> Route {
        Route { access: Access::Key(scope), ..self.0 }
    }

    pub fn public(self) -> Route {
        Route { access: Access::Public, ..self.0 }
    }

    pub fn of_plugin(self) -> Route {
        Route { access: Access::OfPlugin, ..self.0 }
    }
}

/// A handler whose future is boxed once.
pub trait Answers<T>: Handler<T, Arc<Api>, Future = ResponseFuture> {}
impl<T, H: Handler<T, Arc<Api>, Future = ResponseFuture>> Answers<T> for H {}

pub fn get<T: 'static>(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: impl Answers<T>,
) -> Unguarded {
    Unguarded(Route::new(Method::GET, (path, id, summary), boxed(handler)))
}

/// A route that does something: `changes` or `changes_nothing` says what it changes.
pub fn post<T: 'static>(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: impl Answers<T>,
) -> Unguarded {
    Unguarded(Route::new(Method::POST, (path, id, summary), boxed(handler)))
}

pub fn put<T: 'static>(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: impl Answers<T>,
) -> Unguarded {
    Unguarded(Route::new(Method::PUT, (path, id, summary), boxed(handler)))
}

pub fn delete<T: 'static>(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: impl Answers<T>,
) -> Unguarded {
    Unguarded(Route::new(Method::DELETE, (path, id, summary), boxed(handler)))
}

/// A route for every method; OpenAPI shows it with this one.
pub fn any<T: 'static>(
    method: Method,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: impl Answers<T>,
) -> Unguarded {
    let route = Route::new(method, (path, id, summary), boxed(handler));
    Unguarded(Route { is_any: true, ..route })
}

fn boxed<T: 'static>(handler: impl Answers<T>) -> Handle {
    Box::new(move |request, api| handler.clone().call(request, api))
}

impl Route {
    fn new(
        method: Method,
        (path, id, summary): (&'static str, &'static str, &'static str),
        handle: Handle,
    ) -> Self {
        Self {
            method,
            is_any: false,
            path,
            id,
            tag: "",
            summary,
            access: Access::AnyKey,
            change_event: ChangeEvent::NotApplicable,
            query: Vec::new(),
            is_open: false,
            once: Once::Yes,
            headers: &[],
            body: None,
            answers: Vec::new(),
            fails: Vec::new(),
            by_others: false,
            is_of_people: false,
            knows_sender: false,
            handle,
            head: None,
        }
    }

    pub fn tagged(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    pub fn changes(self, resource: Named) -> Self {
        Self { change_event: ChangeEvent::Of(resource, None), ..self }
    }

    /// Changes a part of a resource.
    pub fn changes_of(self, resource: Named, part: Named) -> Self {
        Self { change_event: ChangeEvent::Of(resource, Some(part)), ..self }
    }

    pub fn changes_nothing(self) -> Self {
        Self { change_event: ChangeEvent::None, ..self }
    }

    pub fn query(self, query: &[Parameter]) -> Self {
        Self { query: query.to_vec(), ..self }
    }

    /// The host does not know its query or its headers.
    pub fn of_others(self) -> Self {
        Self { is_open: true, once: Once::Others, ..self }
    }

    pub fn never_once(self, why: &'static str) -> Self {
        Self { once: Once::Never(why), ..self }
    }

    pub fn headers(self, headers: &'static [&'static str]) -> Self {
        Self { headers, ..self }
    }

    pub fn body<T: RequestBody>(self) -> Self {
        Self { body: Some(RouteBody::Of(T::schema)), ..self }
    }

    /// JSON of a plugin's, or whatever a platform sends.
    pub fn any_body(self) -> Self {
        Self { body: Some(RouteBody::Any), ..self }
    }

    /// Answers with JSON of that type.
    pub fn answers<T: JsonSchema>(self, status: u16) -> Self {
        let shape = |schemas: &mut SchemaGenerator| schemas.subschema_for::<T>();
        self.answers_with(status, Content::Json(shape))
    }

    /// A plugin's JSON, or nothing.
    pub fn answers_any(self, status: u16) -> Self {
        self.answers_with(status, Content::Any)
    }

    pub fn answers_nothing(self, status: u16) -> Self {
        self.answers_with(status, Content::Nothing)
    }

    /// Answers with a text of that media type.
    pub fn answers_text(self, status: u16, kind: &'static str) -> Self {
        self.answers_with(status, Content::Text(kind))
    }

    fn answers_with(mut self, status: u16, content: Content) -> Self {
        self.answers.push(DeclaredAnswer { status, content });
        self
    }

    pub fn fails(mut self, failures: &'static [Failure]) -> Self {
        self.fails.push(failures);
        self
    }

    /// A step of a hook, or the plugin, may answer instead of the host.
    pub fn by_others(self) -> Self {
        Self { by_others: true, ..self }
    }

    pub fn of_people(self) -> Self {
        Self { is_of_people: true, ..self }
    }

    pub fn knowing_sender(self) -> Self {
        Self { knows_sender: true, ..self }
    }

    /// Answers HEAD with another handler.
    pub fn head<T: 'static>(self, handler: impl Answers<T>) -> Self {
        Self { head: Some(boxed(handler)), ..self }
    }

    pub fn call(&self, request: Request, api: Arc<Api>) -> ResponseFuture {
        match &self.head {
            Some(head) if *request.method() == Method::HEAD => head(request, api),
            _ => (self.handle)(request, api),
        }
    }

    /// Whether it takes that method: a route with GET has HEAD.
    pub fn has(&self, method: &Method) -> bool {
        self.is_any
            || self.method == *method
            || *method == Method::HEAD && self.method == Method::GET
    }

    /// Whether a header chooses the instance.
    pub fn has_platform(&self) -> bool {
        self.headers.contains(&PLATFORM)
    }

    /// How a request to it can fail: the declared failures, and those that follow from the rest of its
    /// declaration.
    pub fn failures(&self) -> BTreeSet<Failure> {
        let is_once = self.method == Method::POST && matches!(self.once, Once::Yes);
        let follow: [(bool, &[Failure]); 5] = [
            (true, failure::ALWAYS),
            (self.access.is_protected(), failure::OF_KEY),
            (self.body.is_some() || is_once, failure::OF_BODY),
            (is_once, failure::OF_ONCE),
            (self.by_others, failure::OF_HOOK),
        ];
        let followed = follow.into_iter().filter(|(follows, _)| *follows).map(|(_, of)| of);
        followed.chain(self.fails.iter().copied()).flatten().copied().collect()
    }
}
