//! `POST /api/internal/changes`, and what a request to any other route says of the change that it makes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::post;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::KeyId;
use super::error::Problem;
use super::{Api, body};
use crate::changes::Change;
use crate::ids::RequestId;

/// Longest `resource_before` and `resource_after` together, in bytes.
const DATA_BYTES: usize = 256 << 10;

pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/api/internal/changes", post(publish))
}

/// One thing that routes change: its name, and the part of the path that is its id.
struct Named {
    path: &'static str,
    resource: (&'static str, Option<&'static str>),
    sub_resource: Option<(&'static str, Option<&'static str>)>,
}

const fn named(path: &'static str, resource: &'static str, id: Option<&'static str>) -> Named {
    Named { path, resource: (resource, id), sub_resource: None }
}

const fn sub(
    path: &'static str,
    resource: (&'static str, Option<&'static str>),
    sub_resource: &'static str,
    id: Option<&'static str>,
) -> Named {
    Named { path, resource, sub_resource: Some((sub_resource, id)) }
}

/// Every route whose success `api.change` tells of. A test compares it with the table of all routes.
const RESOURCES: &[Named] = &[
    named("/api/internal/community", "community", None),
    named("/api/internal/community/{slug}", "community", Some("slug")),
    sub("/api/internal/plugin/{name}", ("plugin", Some("name")), "instance", None),
    sub("/api/internal/plugin/{name}/{id}", ("plugin", Some("name")), "instance", Some("id")),
    named("/api/internal/process/{target}", "process", None),
    named("/api/internal/process/{target}/{id}", "process", Some("id")),
    named("/api/internal/identity/create_id", "person", None),
    named("/api/internal/identity/merge_ids", "person", None),
    sub("/api/internal/identity/link_account", ("person", None), "account", None),
    sub("/api/internal/identity/unlink_account", ("person", None), "account", None),
    named("/api/internal/endpoints", "endpoint", None),
    named("/api/internal/endpoints/{id}", "endpoint", Some("id")),
    sub("/api/internal/endpoints/{id}/rotate-secret", ("endpoint", Some("id")), "secret", None),
    sub("/api/internal/endpoints/{id}/recover", ("endpoint", Some("id")), "deliveries", None),
    named("/api/internal/hooks/{name}", "hook", Some("name")),
    sub("/api/internal/hooks/{name}/steps", ("hook", Some("name")), "step", None),
    sub("/api/internal/hooks/{name}/steps/{id}", ("hook", Some("name")), "step", Some("id")),
];

impl FromRequestParts<Arc<Api>> for Change {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        let matched = MatchedPath::from_request_parts(head, api).await.ok();
        let params = RawPathParams::from_request_parts(head, api).await.ok();
        let param = |wanted: &str| {
            let found = params.iter().flatten().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.to_owned())
        };
        let mut change = of_request(head, api);
        let path = matched.as_ref().map_or("", MatchedPath::as_str);
        if let Some(of) = RESOURCES.iter().find(|one| one.path == path) {
            let (resource, id) = of.resource;
            change.resource = resource.to_owned();
            change.resource_id = id.and_then(param);
            if let Some((sub_resource, id)) = of.sub_resource {
                change.sub_resource = Some(sub_resource.to_owned());
                change.sub_resource_id = id.and_then(param);
            }
        }
        Ok(change)
    }
}

fn of_request(head: &Parts, api: &Api) -> Change {
    let request_id = head.extensions.get::<RequestId>().map(ToString::to_string);
    Change {
        author: head.extensions.get::<KeyId>().and_then(|key| api.keys.load().name_of(key)),
        method: head.method.as_str().to_owned(),
        url: head.uri.to_string(),
        path: head.uri.path().to_owned(),
        query_string: head.uri.query().map(str::to_owned),
        status: 200,
        request_id: request_id.unwrap_or_default(),
        ..Change::default()
    }
}

/// A change of the driver's own, with the same fields. Absent ones are those of this request.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    community: Option<String>,
    author: Option<String>,
    method: Option<String>,
    url: Option<String>,
    path: Option<String>,
    query_string: Option<String>,
    status: Option<u16>,
    resource: Option<String>,
    resource_id: Option<Value>,
    sub_resource: Option<String>,
    sub_resource_id: Option<Value>,
    #[serde(default)]
    resource_before: Value,
    #[serde(default)]
    resource_after: Value,
}

async fn publish(
    State(api): State<Arc<Api>>,
    Extension(request): Extension<RequestId>,
    of: Change,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let told: Published = body::json(&api, body).await?;
    let resource = told.resource.ok_or_else(|| {
        Problem::bad_request("The body has no `resource`: what was changed, `story`")
    })?;
    let community = told.community.as_deref().map(|slug| {
        api.calls.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
    });
    let community = community.transpose()?;
    let (before, after) = (told.resource_before, told.resource_after);
    if before.to_string().len() + after.to_string().len() > DATA_BYTES {
        return Err(Problem::bad_request(format!(
            "`resource_before` and `resource_after` have at most {DATA_BYTES} bytes together"
        )));
    }
    let change = Change {
        author: told.author.or(of.author),
        method: told.method.unwrap_or(of.method),
        url: told.url.unwrap_or_default(),
        path: told.path.unwrap_or_default(),
        query_string: told.query_string,
        status: told.status.unwrap_or(200),
        resource,
        resource_id: told.resource_id.and_then(id),
        sub_resource: told.sub_resource,
        sub_resource_id: told.sub_resource_id.and_then(id),
        request_id: request.to_string(),
    };
    let now = api.clock.now_ms();
    let write = api.calls.store.write("change.publish", move |tx| {
        let names = community.as_ref().map(|one| &*one.names);
        tx.tell_change(&change, names, &before, &after, now)
    });
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": write.await? }))))
}

/// Ids are strings, however they were written.
fn id(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi::ROUTES;

    /// What tells of no change: see events.md, 4.
    const SILENT: [&str; 11] = [
        "/api/internal/action/{target}",
        "/api/internal/changes",
        "/api/internal/events",
        "/api/internal/hooks/{name}/run",
        "/api/internal/endpoints/{id}/ping",
        "/api/internal/deliveries/{id}/resend",
        "/api/internal/workers/{worker}/{action}",
        "/api/internal/workers/{plugin}/{worker}/{action}",
        "/api/internal/oauth/{plugin}/start",
        "/api/internal/oauth/{plugin}/authorize",
        "/api/internal/identity/get_user",
    ];

    #[test]
    fn every_route_that_changes_something_names_what() {
        let changing = ROUTES.iter().filter(|route| {
            route.path.starts_with("/api/internal")
                && matches!(route.method, "post" | "put" | "patch" | "delete")
        });
        for route in changing {
            let is_named = RESOURCES.iter().any(|one| one.path == route.path);
            assert!(
                is_named != SILENT.contains(&route.path),
                "{} {} is neither named nor silent, or both",
                route.method,
                route.path
            );
        }
    }
}
