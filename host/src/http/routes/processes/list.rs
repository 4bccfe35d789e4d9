//! Lists processes.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::http::api::{Api, require_plugin};
use crate::http::json_text::json_text;
use crate::http::problem::Problem;
use moothall_core::effects::ProcessStatus;
use moothall_core::ids::CommunityId;
use moothall_store::{ProcessFilter, ProcessRow};
use moothall_values::json::{self, Object};

/// The most processes on one page.
const PAGE: usize = 100;

/// A page of processes, as `list` writes it.
pub enum Processes {}

impl JsonSchema for Processes {
    fn schema_name() -> Cow<'static, str> {
        "Processes".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["processes", "next"],
            "properties": {
                "processes": { "type": "array", "items": schemas.subschema_for::<ProcessRow>() },
                "next": { "description": "The `after` of the next page.", "type": ["string", "null"] },
            },
        })
    }
}

#[derive(Debug, Default, Deserialize)]
pub struct ProcessesQuery {
    community: Option<String>,
    status: Option<String>,
    plugin: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

pub async fn list(
    State(api): State<Arc<Api>>,
    query: Result<Query<ProcessesQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::unread_query())?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let plugin = query.plugin.clone();
    let filter = ProcessFilter {
        community: query.community.as_deref().map(|slug| community_id(&api, slug)).transpose()?,
        status: query.status.as_deref().map(status).transpose()?,
        plugin: query.plugin,
        after: after(&api, query.after.as_deref())?,
        limit,
    };
    let rows = api.context.store.read(|reader| reader.processes(&filter))?;
    if rows.is_empty() {
        // Processes outlive their plugin: if it has any, it existed.
        plugin.as_deref().map_or(Ok(()), |plugin| require_plugin(&api, plugin))?;
    }
    let next = rows.get(limit - 1).map(|row| row.public_id.clone());
    let shown = json::list(rows.iter().map(ProcessRow::shown));
    Ok(json_text(Object::new().carrying("processes", &shown).with("next", next).end()))
}

fn community_id(api: &Api, slug: &str) -> Result<CommunityId, Problem> {
    let community = api.context.communities.get(slug);
    community.map(|one| one.names.id).ok_or_else(|| Problem::unknown_community(slug))
}

fn status(text: &str) -> Result<ProcessStatus, Problem> {
    ProcessStatus::parse(text)
        .ok_or_else(|| Problem::bad_request("`status` is one of created, pending and completed"))
}

/// The next page begins after the process with this id.
fn after(api: &Api, id: Option<&str>) -> Result<i64, Problem> {
    let Some(id) = id else { return Ok(0) };
    let row = api.context.store.read(|reader| reader.process(id))?;
    row.map(|row| row.id.0).ok_or_else(|| Problem::bad_request(format!("There is no process {id}")))
}
