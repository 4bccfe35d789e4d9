//! `/api/internal/calls`: calls that failed after validation through a fault of the plugin or the host.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::api::Api;
use crate::http::middleware::path::Path;
use crate::http::problem::Problem;
use crate::http::route::{Route, failure, get, query};
use moothall_core::scope::Scope;
use moothall_store::FailedCall;

/// The most calls on one page.
const PAGE: usize = 100;

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/internal/calls",
            "listFailedCalls",
            "Calls that failed by fault of plugin or host",
            list,
        )
        .needs(Scope::Read)
        .query(&[query::REQUEST, query::AFTER, query::LIMIT])
        .answers::<FailedCalls>(200),
        get(
            "/api/internal/calls/{id}",
            "getFailedCall",
            "A failed call, by its id or its request's",
            show,
        )
        .needs(Scope::Read)
        .answers::<FailedCall>(200)
        .fails(failure::NOT_FOUND),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct FailedCallsQuery {
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
    /// Only those of the request with this id.
    request_id: Option<String>,
}

/// The newest first.
#[derive(Serialize, JsonSchema)]
struct FailedCalls {
    calls: Vec<FailedCall>,
    /// The `after` of the next page.
    next: Option<i64>,
}

async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<FailedCallsQuery>, QueryRejection>,
) -> Result<Json<FailedCalls>, Problem> {
    let Query(page) = page.map_err(|_| Problem::unread_query())?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let request = page.request_id.as_deref();
    let calls = api.context.store.read(|reader| reader.failed_calls(request, page.after, limit))?;
    let next = calls.last().filter(|_| calls.len() == limit).map(|call: &FailedCall| call.position);
    Ok(Json(FailedCalls { calls, next }))
}

/// A call by its id, or by the id of its request.
async fn show(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<FailedCall>, Problem> {
    let call = api.context.store.read(|reader| reader.failed_call(&id))?;
    call.map(Json).ok_or_else(|| Problem::not_found(format!("There is no failed call '{id}'")))
}
