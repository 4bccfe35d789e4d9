//! `/api/plugins`: routes of plugins' own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{Method, header};
use axum::response::Response;
use axum::routing::any;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::error::Problem;
use super::webhooks::{answer, read};
use super::{Api, access};
use crate::calls::{CallError, Mode, What};
use crate::guest::{Fault, Output};
use crate::instance::Instance;
use crate::plugins::{Plugin, Route};

/// Parts of a path that are looked at; one with more is no plugin's.
const PARTS: usize = 64;

pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/api/plugins/{*path}", any(handle))
}

#[derive(Debug, Default, Deserialize)]
struct RouteQuery {
    community_platform_id: Option<String>,
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
    let (route, captures) = of_method(found, request.method())?;
    if !route.is_public {
        access::admit(&api.keys.load(), request.headers())?;
        // The key is the driver's, and no plugin's to see.
        request.headers_mut().remove(header::AUTHORIZATION);
    }
    let query = Query::<RouteQuery>::try_from_uri(request.uri());
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let platform_id = query.community_platform_id.as_deref();
    let instance = instance(&api, (&plugin, route.is_public), community, platform_id)?;
    let path = route.path.clone();
    let (request, id) = read(&api, request).await?;
    let call = api.calls.on(plugin, instance, What::Route { path, captures, request }, id).await?;
    match api.calls.run(call, Mode::Commit).await?.output {
        Output::Response(response) => Ok(answer(response)),
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

type Found<'a> = (&'a Route, Vec<(String, String)>);

fn of_method<'a>(found: Vec<Found<'a>>, method: &Method) -> Result<Found<'a>, Problem> {
    let allowed: Vec<String> = found.iter().flat_map(|(route, _)| route.methods.clone()).collect();
    if allowed.is_empty() {
        return Err(no_route());
    }
    let mut of_method = found
        .into_iter()
        .filter(|(route, _)| route.methods.iter().any(|one| one == method.as_str()));
    of_method.next().ok_or_else(|| Problem::wrong_method(&allowed.join(", ")))
}

/// On a public route nobody learns which instances there are.
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
        Some(slug) => api.calls.communities.get(slug).ok_or_else(no_route)?,
        None => api.calls.communities.of_host().ok_or_else(no_route)?,
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

/// A plugin that is away is so for every community; which others there are is nobody's to learn.
fn away(error: CallError) -> Problem {
    match error {
        CallError::PluginUnavailable(_) => error.into(),
        _ => no_route(),
    }
}

fn no_route() -> Problem {
    Problem::not_found("There is no such route of a plugin")
}
