//! Dead letters of the worker `webhooks`: webhooks whose receivers failed.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::api::Api;
use crate::http::middleware::body_schema::request_body;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::path::Path;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::routes::workers::settled::{AT_ONCE, settled};
use moothall_store::Tx;

/// Which dead letter; without one, all of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DeadWebhooks")]
pub struct DeadWebhooksBody {
    #[schemars(range(min = 1, max = i64::MAX))]
    id: Option<i64>,
}

request_body!(DeadWebhooksBody);

pub async fn settle(
    State(api): State<Arc<Api>>,
    Path((worker, action)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    if worker != "webhooks" {
        return Err(Problem::not_found(format!("There is no worker '{worker}'")));
    }
    let is_retry = match action.as_str() {
        "retry" => true,
        "skip" => false,
        _ => return Err(Problem::not_found("A worker's dead letters can be retried or skipped")),
    };
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let DeadWebhooksBody { id } = body::parse(&bytes)?;
    let (now, name) =
        (api.context.clock.now_ms(), if is_retry { "webhook.retry" } else { "webhook.skip" });
    let make = move |tx: &Tx<'_>| {
        let count = match is_retry {
            true => tx.retry_webhooks(id, now, AT_ONCE)?,
            false => tx.skip_webhooks(id, i64::MAX, AT_ONCE)?,
        };
        Ok(settled(id, count))
    };
    let settled = answering.write(&api, name, make).await?;
    settled.map_err(|()| Problem::unknown_dead_letter("There is no such dead letter"))
}
