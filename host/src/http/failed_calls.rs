//! `/api/internal/calls`: calls that failed after validation by fault of plugin or host.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::error::Problem;
use crate::store::FailedCall;

/// Calls on one page at most.
const PAGE: usize = 100;

#[derive(Debug, Default, Deserialize)]
pub struct Page {
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
}

/// The newest first.
pub async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(page) = page.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let calls = api.calls.store.read(|reader| reader.failed_calls(page.after, limit))?;
    let next = calls.last().filter(|_| calls.len() == limit).map(|call: &FailedCall| call.position);
    Ok(Json(json!({ "calls": calls, "next": next })))
}

pub async fn show(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<FailedCall>, Problem> {
    let call = api.calls.store.read(|reader| reader.failed_call(&id))?;
    call.map(Json).ok_or_else(|| Problem::not_found(format!("There is no failed call '{id}'")))
}
