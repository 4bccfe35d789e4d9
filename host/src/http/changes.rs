//! `POST /api/internal/changes`, and what a request to any other route says of the change that it makes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::access::KeyId;
use super::error::Problem;
use super::idempotency::Asked;
use super::route::{Route, Told, failure, post};
use super::{Api, body, idempotency, path, text_of};
use crate::changes::Change;
use crate::ids::RequestId;
use crate::json::NULL;
use crate::store::Tx;

/// Longest `resource_before` and `resource_after` together, in bytes.
const DATA_BYTES: usize = 256 << 10;

pub fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/internal/changes",
            "publishChange",
            "Publishes a change of the driver's own",
            publish,
        )
        .body("PublishedChange")
        .answers::<PublishedId>(202)
        .changes_nothing()
        .fails(failure::COMMUNITY),
    ]
}

/// The change that a request makes, as far as its head says.
pub struct Changing(pub Change);

impl FromRequestParts<Arc<Api>> for Changing {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        let mut change = of_request(head, api);
        let route = head.extensions.get::<&'static Route>();
        if let Some(Told::Change((resource, id), part)) = route.map(|route| route.told) {
            let values = path::values(head).unwrap_or_default();
            let value = |wanted: &str| {
                let found = values.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| value.clone())
            };
            change.resource = resource.to_owned();
            change.resource_id = id.and_then(value);
            change.sub_resource = part.map(|(name, _)| name.to_owned());
            change.sub_resource_id = part.and_then(|(_, id)| id).and_then(value);
        }
        Ok(Self(change))
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

/// What was published.
#[derive(Serialize, JsonSchema)]
pub struct PublishedId {
    /// The event's.
    pub id: String,
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
    resource_before: Option<Box<RawValue>>,
    resource_after: Option<Box<RawValue>>,
}

async fn publish(
    State(api): State<Arc<Api>>,
    Extension(request_id): Extension<RequestId>,
    Changing(of): Changing,
    request: Request,
) -> Result<Response, Problem> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let told: Published = body::parse_as("PublishedChange", &bytes)?;
    let resource = told.resource.ok_or_else(|| {
        Problem::bad_request("The body has no `resource`: what was changed, `story`")
    })?;
    let community = told.community.as_deref().map(|slug| {
        api.context.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
    });
    let community = community.transpose()?;
    let text =
        |view: Option<Box<RawValue>>| view.map_or(NULL.to_owned(), |view| view.get().to_owned());
    let (before, after) = (text(told.resource_before), text(told.resource_after));
    if before.len() + after.len() > DATA_BYTES {
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
        request_id: request_id.to_string(),
    };
    let now = api.context.clock.now_ms();
    let make = move |tx: &Tx<'_>| {
        let names = community.as_ref().map(|one| &*one.names);
        let id = tx.tell_change(&change, names, &before, &after, now)?;
        Ok(Ok::<_, Infallible>((StatusCode::ACCEPTED, text_of(&PublishedId { id }))))
    };
    let Ok(response) = answering.write(&api, "change.publish", make).await?;
    Ok(response)
}

/// Ids are strings, however they were written.
fn id(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
