//! `POST /api/internal/changes`: publishes a change that a driver made itself.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::api::Api;
use crate::http::json_text::text_of;
use crate::http::middleware::body_schema::request_body;
use crate::http::middleware::changes::Changing;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::route::{Route, failure, post};
use crate::http::routes::events::PublishedId;
use moothall_core::changes::Change;
use moothall_core::ids::RequestId;
use moothall_core::scope::Scope;
use moothall_store::Tx;
use moothall_values::json::NULL;

/// The longest `resource_before` and `resource_after` together, in bytes.
const DATA_BYTES: usize = 256 << 10;

pub fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/internal/changes",
            "publishChange",
            "Publishes a change of the driver's own",
            publish,
        )
        .needs(Scope::Drive)
        .body::<ChangeBody>()
        .answers::<PublishedId>(202)
        .changes_nothing()
        .fails(failure::COMMUNITY),
    ]
}

/// A driver's own change, with the fields of `api.change`. Absent fields are those of this request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PublishedChange")]
struct ChangeBody {
    #[schemars(extend("nullable" = true))]
    community: Option<String>,
    #[schemars(extend("nullable" = true))]
    author: Option<String>,
    #[schemars(extend("nullable" = true))]
    method: Option<String>,
    #[schemars(extend("nullable" = true))]
    url: Option<String>,
    #[schemars(extend("nullable" = true))]
    path: Option<String>,
    #[schemars(extend("nullable" = true))]
    query_string: Option<String>,
    #[schemars(range(min = 0, max = 65_535), extend("nullable" = true))]
    status: Option<u16>,
    resource: String,
    #[serde(default)]
    #[schemars(with = "Value")]
    resource_id: Option<Value>,
    #[schemars(extend("nullable" = true))]
    sub_resource: Option<String>,
    #[serde(default)]
    #[schemars(with = "Value")]
    sub_resource_id: Option<Value>,
    #[serde(default)]
    #[schemars(with = "Value")]
    resource_before: Option<Box<RawValue>>,
    #[serde(default)]
    #[schemars(with = "Value")]
    resource_after: Option<Box<RawValue>>,
}

request_body!(ChangeBody);

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
    let change_event: ChangeBody = body::parse(&bytes)?;
    let resource = change_event.resource;
    let community = change_event.community.as_deref().map(|slug| {
        api.context.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
    });
    let community = community.transpose()?;
    let text =
        |view: Option<Box<RawValue>>| view.map_or(NULL.to_owned(), |view| view.get().to_owned());
    let (before, after) = (text(change_event.resource_before), text(change_event.resource_after));
    if before.len() + after.len() > DATA_BYTES {
        return Err(Problem::bad_request(format!(
            "`resource_before` and `resource_after` have at most {DATA_BYTES} bytes together"
        )));
    }
    let change = Change {
        author: change_event.author.or(of.author),
        method: change_event.method.unwrap_or(of.method),
        url: change_event.url.unwrap_or_default(),
        path: change_event.path.unwrap_or_default(),
        query_string: change_event.query_string,
        status: change_event.status.unwrap_or(200),
        resource,
        resource_id: change_event.resource_id.and_then(id),
        sub_resource: change_event.sub_resource,
        sub_resource_id: change_event.sub_resource_id.and_then(id),
        request_id: request_id.to_string(),
        statuses: of.statuses,
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

/// An id may be sent as a number or a string; it becomes a string.
fn id(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
