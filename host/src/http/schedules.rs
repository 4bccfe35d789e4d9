//! `/api/internal/schedules`: what is due when, and what went wrong last.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::error::Problem;
use crate::clock::rfc3339;
use crate::plugins::NAMED;
use crate::store::{ScheduleFilter, ScheduleRow};

/// Schedules on one page at most.
const PAGE: usize = 500;

pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/api/internal/schedules", get(list))
}

#[derive(Debug, Default, Deserialize)]
struct ListQuery {
    community: Option<String>,
    plugin: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let (community, plugin, after) = (query.community, query.plugin, query.after);
    let filter = ScheduleFilter { community, plugin, after, limit };
    let rows = api.calls.store.read(|reader| reader.schedules(&filter))?;
    let next = rows.get(limit - 1).map(|row| row.id);
    let shown: Vec<_> = rows.iter().map(|row| shown(&api, row)).collect();
    Ok(Json(json!({ "schedules": shown, "next": next })))
}

fn shown(api: &Api, row: &ScheduleRow) -> Value {
    let instance = api.calls.communities.instance(row.instance);
    let process = row
        .process
        .and_then(|id| api.calls.store.read(|reader| reader.process_by_id(id)).ok().flatten());
    let (kind, name) = match row.kind.strip_prefix(NAMED) {
        Some(name) => ("schedule", Some(name)),
        None => (row.kind.as_str(), None),
    };
    json!({
        "id": row.id,
        "kind": kind,
        "name": name,
        "community": instance.as_ref().map(|one| one.community.slug.clone()),
        "plugin": instance.as_ref().map(|one| one.plugin.clone()),
        "instance": row.instance,
        "process": process.map(|process| process.public_id),
        "due_at": rfc3339(row.due_at),
        "last_at": row.last_at.map(rfc3339),
        "failures": row.failures,
        "last_error": row.last_error,
        "backing_off": row.failures > 0,
    })
}
