//! `/api/plugins`: passes requests to routes that plugins declare.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{Method, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;

use crate::http::api::Api;
use crate::http::middleware::access;
use crate::http::middleware::instance::InstanceQuery;
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route;
use crate::http::route::{any, failure};
use crate::http::routes::webhooks::{answer, read};
use moothall_core::instance::Instance;
use moothall_core::scope::Scope;
use moothall_engine::calls::{CallError, Mode};
use moothall_engine::plugins::{Plugin, Route};
use moothall_guest::exports::HandleRoute;
use moothall_guest::{Fault, Output};

/// The most parts of a path; with more it is not a plugin's route.
const PARTS: usize = 64;

pub fn routes() -> Vec<route::Route> {
    vec![
        any(
            Method::GET,
            "/api/plugins/{*path}",
            "callPluginRoute",
            "Routes of plugins' own; any method",
            handle,
        )
        .of_plugin()
        .of_others()
        .by_others()
        .fails(failure::CALL)
        .fails(&[
            (401, Code::Unauthorized),
            (403, Code::ForeignRequest),
            (403, Code::Scope),
            (405, Code::MethodNotAllowed),
            (408, Code::BodyTooSlow),
            (413, Code::BodyTooLarge),
            (503, Code::NotReady),
        ]),
    ]
}

async fn handle(State(api): State<Arc<Api>>, mut request: Request) -> Result<Response, Problem> {
    let parts = parts(request.uri().path())?;
    let [name, rest @ ..] = parts.as_slice() else { return Err(no_route()) };
    let plugin = api.calls.serving(name).map_err(away)?;
    let (community, path) = match rest {
        rest if plugin.is_of_host() => (None, rest),
        [community, rest @ ..] => (Some(community.as_str()), rest),
        [] => return Err(no_route()),
    };
    let found: Vec<_> =
        plugin.routes.iter().filter_map(|route| Some((route, route.captures(path)?))).collect();
    let ((route, captures), method) = of_method(found, request.method())?;
    let is_looked_at = *request.method() != method;
    *request.method_mut() = method;
    if !route.is_public {
        let now = api.context.clock.now_ms();
        access::admit(&api.keys.load(), Scope::Drive, request.headers(), now)?;
        // The key is the driver's, and a plugin must not see it.
        request.headers_mut().remove(header::AUTHORIZATION);
    }
    let query = Query::<InstanceQuery>::try_from_uri(request.uri());
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let platform_id = query.community_platform_id.as_deref();
    let instance = instance(&api, (&plugin, route.is_public), community, platform_id)?;
    let path = route.path.clone();
    let (request, id) = read(&api, request).await?;
    let handle = HandleRoute { path, captures, request };
    let call = api.calls.on(plugin, instance, handle, id.clone()).await?;
    // Reading changes nothing.
    let mode = if is_looked_at { Mode::Collect } else { Mode::Commit };
    match api.calls.run(call, mode).await?.output {
        Output::Response(response) => Ok(answer(&api, name, &id, response)),
        _ => Err(Fault::Host("a route answered with no response".into()).into()),
    }
}

/// The parts of the path after `/api/plugins`, percent-decoded.
fn parts(path: &str) -> Result<Vec<String>, Problem> {
    let rest = path.strip_prefix("/api/plugins/").unwrap_or_default();
    let decoded = rest.split('/').take(PARTS + 1).map(|part| {
        let text = percent_decode_str(part).decode_utf8();
        text.map(|text| text.into_owned())
            .map_err(|_| Problem::bad_request("The path is not UTF-8 once it is percent-decoded"))
    });
    let parts: Vec<_> = decoded.collect::<Result<_, _>>()?;
    if parts.len() > PARTS { Err(no_route()) } else { Ok(parts) }
}

type MatchedRoute<'a> = (&'a Route, Vec<(String, String)>);

/// The route, and the method to call it with.
fn of_method<'a>(
    found: Vec<MatchedRoute<'a>>,
    method: &Method,
) -> Result<(MatchedRoute<'a>, Method), Problem> {
    let allowed: Vec<String> = found.iter().flat_map(|(route, _)| route.methods.clone()).collect();
    if allowed.is_empty() {
        return Err(no_route());
    }
    let has =
        |route: &Route, method: &Method| route.methods.iter().any(|one| one == method.as_str());
    let is_answered = |method: &Method| found.iter().any(|(route, _)| has(route, method));
    // A route without HEAD answers HEAD like GET.
    let method = match *method == Method::HEAD && !is_answered(method) {
        true => Method::GET,
        false => method.clone(),
    };
    let mut of_method = found.into_iter().filter(|(route, _)| has(route, &method));
    let route = of_method.next().ok_or_else(|| Problem::wrong_method(&allowed.join(", ")))?;
    Ok((route, method))
}

/// A public route does not reveal which instances exist.
fn instance(
    api: &Api,
    (plugin, is_public): (&Plugin, bool),
    community: Option<&str>,
    platform_id: Option<&str>,
) -> Result<Arc<Instance>, Problem> {
    let is_set_up = !plugin.is_of_host() || plugin.serves_host();
    if !is_set_up {
        return Err(not_set_up());
    }
    let found = match community {
        Some(slug) => api.context.communities.get(slug).ok_or_else(no_route)?,
        None => api.context.communities.of_host().ok_or_else(no_route)?,
    };
    match (api.calls.instance(&found, plugin, platform_id), community) {
        (Ok(instance), _) => Ok(instance),
        (Err(_), None) => Err(not_set_up()),
        (Err(_), Some(_)) if is_public => Err(no_route()),
        (Err(CallError::NotEnabled { .. }), Some(_)) => Err(no_route()),
        (Err(error), Some(_)) => Err(error.into()),
    }
}

fn not_set_up() -> Problem {
    Problem::not_ready("The plugin is not set up; see the log")
}

/// A plugin that does not serve is missing for every community; the answer reveals nothing else.
fn away(error: CallError) -> Problem {
    match error {
        CallError::PluginUnavailable(..) => error.into(),
        _ => no_route(),
    }
}

fn no_route() -> Problem {
    Problem::not_found(
        "There is no such route of a plugin: a plugin of communities is reached at /api/plugins/<plugin>/<community>/…, \
         and one of the whole host at /api/plugins/<plugin>/…",
    )
}
