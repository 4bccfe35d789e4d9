//! `/api/internal/schedules`: when schedules are due, and their last failures.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::api::{Api, require_community, require_plugin};
use crate::http::problem::Problem;
use crate::http::route::{Route, failure, get, query};
use moothall_core::clock::Moment;
use moothall_core::ids::{CommunitySlug, InstanceId, PluginName};
use moothall_core::scope::Scope;
use moothall_store::{ScheduleFilter, ScheduleRow};

/// The most schedules on one page.
const PAGE: usize = 500;

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/internal/schedules",
            "listSchedules",
            "Lists schedules: when each is due, and why it last failed",
            list,
        )
        .needs(Scope::Read)
        .query(&[query::COMMUNITY, query::PLUGIN, query::AFTER, query::LIMIT])
        .answers::<Schedules>(200)
        .fails(failure::COMMUNITY)
        .fails(failure::PLUGIN),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct SchedulesQuery {
    community: Option<String>,
    plugin: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    query: Result<Query<SchedulesQuery>, QueryRejection>,
) -> Result<Json<Schedules>, Problem> {
    let Query(query) = query.map_err(|_| Problem::unread_query())?;
    query.community.as_deref().map_or(Ok(()), |slug| require_community(&api, slug))?;
    query.plugin.as_deref().map_or(Ok(()), |plugin| require_plugin(&api, plugin))?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let (community, plugin, after) = (query.community, query.plugin, query.after);
    let filter = ScheduleFilter { community, plugin, after, limit };
    let rows = api.context.store.read(|reader| reader.schedules(&filter))?;
    let next = rows.get(limit - 1).map(|row| row.id);
    let schedules = rows.iter().map(|row| shown(&api, row)).collect();
    Ok(Json(Schedules { schedules, next }))
}

#[derive(Serialize, JsonSchema)]
struct Schedules {
    schedules: Vec<ScheduleView>,
    /// The `after` of the next page.
    next: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct ScheduleView {
    id: i64,
    /// `producer`, `update`, `closing`, or `schedule`: a named schedule of the manifest.
    kind: &'static str,
    name: Option<String>,
    community: Option<CommunitySlug>,
    plugin: Option<PluginName>,
    instance: InstanceId,
    process: Option<String>,
    due_at: Moment,
    last_at: Option<Moment>,
    failures: u32,
    last_error: Option<String>,
    backing_off: bool,
}

fn shown(api: &Api, row: &ScheduleRow) -> ScheduleView {
    let instance = api.context.communities.instance(row.instance);
    let process = row
        .process
        .and_then(|id| api.context.store.read(|reader| reader.process_by_id(id)).ok().flatten());
    ScheduleView {
        id: row.id,
        kind: row.kind.label(),
        name: row.kind.name().map(str::to_owned),
        community: instance.as_ref().map(|one| one.community.slug.clone()),
        plugin: instance.as_ref().map(|one| one.plugin.clone()),
        instance: row.instance,
        process: process.map(|process| process.public_id),
        due_at: Moment(row.due_at),
        last_at: row.last_at.map(Moment),
        failures: row.failures,
        last_error: row.last_error.clone(),
        backing_off: row.failures > 0,
    }
}
