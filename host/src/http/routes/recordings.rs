//! `/api/internal/recordings`: calls that were recorded, so that they can be run again elsewhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::api::Api;
use crate::http::json_text::json_text;
use crate::http::middleware::path::Path;
use crate::http::problem::Problem;
use crate::http::route::{Route, failure, get, query};
use moothall_core::scope::Scope;
use moothall_store::RecordedRow;
use moothall_values::recording::Recording;

/// The most recordings on one page.
const PAGE: usize = 100;

pub fn routes() -> Vec<Route> {
    vec![
        get("/api/internal/recordings", "listRecordings", "Calls that were recorded", list)
            .needs(Scope::Read)
            .query(&[query::PLUGIN, query::REQUEST, query::AFTER, query::LIMIT])
            .answers::<Recordings>(200),
        get(
            "/api/internal/recordings/{id}",
            "getRecording",
            "What was recorded of a call, by its id or its request's",
            show,
        )
        .needs(Scope::Read)
        .answers::<Recording>(200)
        .fails(failure::NOT_FOUND),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct RecordingsQuery {
    /// Only those of this plugin.
    plugin: Option<String>,
    /// Only those of the request with this id.
    request_id: Option<String>,
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
}

/// The newest first.
#[derive(Serialize, JsonSchema)]
struct Recordings {
    recordings: Vec<RecordedRow>,
    /// The `after` of the next page.
    next: Option<i64>,
}

async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<RecordingsQuery>, QueryRejection>,
) -> Result<Json<Recordings>, Problem> {
    let Query(page) = page.map_err(|_| Problem::unread_query())?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let (plugin, request) = (page.plugin.as_deref(), page.request_id.as_deref());
    let recordings =
        api.context.store.read(|reader| reader.recordings(plugin, request, page.after, limit))?;
    let last = recordings.last().filter(|_| recordings.len() == limit);
    let next = last.map(|row: &RecordedRow| row.position);
    Ok(Json(Recordings { recordings, next }))
}

/// A recording by the id of its call, or by that of its request. It goes out as it was written.
async fn show(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let recording = api.context.store.read(|reader| reader.recording(&id))?;
    let recording = recording.ok_or_else(|| {
        Problem::not_found(format!("No call '{id}' is recorded, or its recording is gone"))
    })?;
    Ok(json_text(recording))
}
