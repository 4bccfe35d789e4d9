//! `/api/internal/plugin…`: plugin files, what plugins offer, enabling and disabling one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::actions::community;
use super::communities::instance_json;
use super::error::Problem;
use super::{Api, body, guard};
use crate::calls::CallError;
use crate::changes::Change;
use crate::clock::rfc3339;
use crate::day_budget::day_end;
use crate::hooks::{Builtin, enabling_data};
use crate::ids::{CommunitySlug, InstanceId, RequestId};
use crate::mutations::{Became, PluginEntry};
use crate::plugins::{FileReport, Plugin};

/// A config body; absent, it is empty.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct ConfigBody(Value);

impl Default for ConfigBody {
    fn default() -> Self {
        Self(json!({}))
    }
}

pub async fn enable(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Extension(request): Extension<RequestId>,
    told: Change,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let slug = community(&headers)?;
    let unknown = |_| Problem::from(CallError::UnknownCommunity(slug.to_owned()));
    let slug = CommunitySlug::parse(slug).map_err(unknown)?;
    let community = api.calls.community(slug.as_str())?;
    api.calls.plugin(&name, &community)?;
    let ConfigBody(config) = body::json(&api, body).await?;
    enabling(&api, slug.as_str(), &name, &config, &request).await?;
    let (change, instance) =
        api.mutations.telling(told).enable(slug, PluginEntry { name, config }, request).await?;
    let status = if change == Became::Created { StatusCode::CREATED } else { StatusCode::OK };
    let pointers = api.calls.store.read(|reader| reader.secret_pointers(instance.community.id))?;
    Ok((status, Json(instance_json(&api, &instance, pointers.get(&instance.id)))))
}

/// The hook before a plugin is enabled; its steps see the config without secrets.
pub async fn enabling(
    api: &Api,
    slug: &str,
    name: &str,
    config: &Value,
    request: &RequestId,
) -> Result<(), Problem> {
    let community = api.calls.communities.get(slug);
    let data = || enabling_data(Some(slug), name, api.calls.plugins.get(name).as_deref(), config);
    guard::pass(api, Builtin::PluginEnabling, community.as_ref(), request, data).await.map(drop)
}

pub async fn disable(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
    told: Change,
) -> Result<StatusCode, Problem> {
    let none = || Problem::not_found(format!("There is no instance {id} of plugin '{name}'"));
    let number = id.parse().map_err(|_| none())?;
    api.mutations.telling(told).disable(name.clone(), InstanceId(number)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every file in the plugin directory, and what became of it.
pub async fn files(State(api): State<Arc<Api>>) -> Json<Value> {
    let now = api.clock.now_ms();
    let shown = |report: FileReport| {
        let plugin = report.name.as_ref().and_then(|name| api.calls.plugins.get(name));
        let mut shown = json!(report);
        shown["stored_today"] = json!(plugin.map(|plugin| stored_today(&plugin, now)));
        shown
    };
    let files: Vec<Value> = api.calls.plugins.reports().into_iter().map(shown).collect();
    Json(json!({ "plugins": files }))
}

/// Of what it may have stored in a day, how much it had today.
fn stored_today(plugin: &Plugin, now: i64) -> Value {
    json!({
        "bytes": plugin.terms.spent.today(now),
        "bytes_per_day": plugin.terms.limits.day_bytes(),
        "resets_at": rfc3339(day_end(now)),
    })
}

pub async fn metadata(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let plugin = api.calls.plugins.get(&name).ok_or_else(|| Problem::unknown_plugin(&name))?;
    Ok(Json(json!({
        "name": plugin.name,
        "auth_type": plugin.manifest.auth_type,
        "uses_webhook": plugin.uses_webhook(),
        "schemas": {
            "config": plugin.manifest.config_schema,
            "actions": actions_json(&plugin),
            "events": events_json(&plugin),
            "processes": processes_json(&plugin),
        },
    })))
}

pub async fn schemas(State(api): State<Arc<Api>>) -> Json<Value> {
    let all = api.calls.plugins.all();
    let schema =
        |plugin: &Arc<Plugin>| (plugin.name.to_string(), json!(plugin.manifest.config_schema));
    Json(Value::Object(all.iter().map(schema).collect::<Map<_, _>>()))
}

pub fn actions_json(plugin: &Plugin) -> Vec<Value> {
    let action = |action: &crate::plugins::manifest::ActionManifest| {
        json!({
            "id": format!("{}.{}", plugin.name, action.slug),
            "description": action.description,
            "parameters_schema": action.parameters_schema,
            "response_schema": action.response_schema,
        })
    };
    plugin.manifest.actions.iter().map(action).collect()
}

pub fn events_json(plugin: &Plugin) -> Vec<Value> {
    let event = |event: &crate::plugins::manifest::EventManifest| {
        json!({
            "event_type": event.event_type,
            "source": plugin.name,
            "description": event.description,
            "schema": event.schema,
        })
    };
    plugin.manifest.events.iter().map(event).collect()
}

pub fn processes_json(plugin: &Plugin) -> Vec<Value> {
    let process = |process: &crate::plugins::manifest::ProcessManifest| {
        json!({
            "id": format!("{}.{}", plugin.name, process.name),
            "description": process.description,
            "parameters_schema": process.parameters_schema,
            "response_schema": process.outcome_schema,
        })
    };
    plugin.manifest.processes.iter().map(process).collect()
}
