//! `/api/internal/community…`

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Json, extract::rejection::QueryRejection};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::{Api, body, plugins};
use crate::changes::Change;
use crate::communities::Community;
use crate::hooks::Builtin;
use crate::ids::{CommunitySlug, RequestId};
use crate::instance::Instance;
use crate::mutations::{Became, CommunityChange, PluginEntry};
use crate::plugins::Plugin;
use crate::secrets::shown;

/// What is written otherwise in a part of a path: all but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Communities on one page at most.
const PAGE: usize = 100;
/// Instances after which a page of communities ends.
const PAGE_INSTANCES: usize = 1_000;
/// Longest readable name, in characters.
const READABLE_NAME: usize = 100;

/// `{slug?, name?, readable_name?, plugins?}`
#[derive(Default, Deserialize)]
pub struct CommunityBody {
    slug: Option<String>,
    name: Option<String>,
    readable_name: Option<String>,
    plugins: Option<Vec<EntryBody>>,
}

#[derive(Deserialize)]
struct EntryBody {
    name: String,
    config: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Page {
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

type Answer = Result<(StatusCode, Json<Value>), Problem>;

pub async fn create(
    State(api): State<Arc<Api>>,
    Extension(request): Extension<RequestId>,
    told: Change,
    body: Body,
) -> Answer {
    let body: CommunityBody = body::json(&api, body).await?;
    let slug = match body.slug.as_deref().or(body.name.as_deref()) {
        Some(slug) => parse_slug(slug)?,
        None => CommunitySlug::random().map_err(|error| {
            tracing::error!(%error, "no random slug");
            Problem::not_ready("The host has no randomness now")
        })?,
    };
    let change = CommunityChange { slug: None, ..change(body)? };
    enabling(&api, slug.as_str(), &change, &request).await?;
    let community = api.mutations.telling(told).create(slug, change, request).await?;
    Ok((StatusCode::CREATED, Json(community_json(&api, &community)?)))
}

pub async fn put(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
    Extension(request): Extension<RequestId>,
    told: Change,
    body: Body,
) -> Answer {
    let (slug, mutations) = (parse_slug(&slug)?, api.mutations.telling(told));
    let body: CommunityBody = body::json(&api, body).await?;
    if let Some(name) = body.name.as_deref().filter(|name| *name != slug.as_str()) {
        return Err(Problem::bad_request(format!("Expected name {slug}, found {name}")));
    }
    let change = change(body)?;
    enabling(&api, slug.as_str(), &change, &request).await?;
    let (change, community) = mutations.put(slug, change, request).await?;
    let status = if change == Became::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(community_json(&api, &community)?)))
}

/// The hook before each plugin that the community shall have.
async fn enabling(
    api: &Api,
    slug: &str,
    change: &CommunityChange,
    request: &RequestId,
) -> Result<(), Problem> {
    if api.hooks.active(Builtin::PluginEnabling).is_none() {
        return Ok(());
    }
    for entry in change.plugins.iter().flatten() {
        plugins::enabling(api, slug, &entry.name, &entry.config, request).await?;
    }
    Ok(())
}

pub async fn show(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(community_json(&api, &*find(&api, &slug)?)?))
}

pub async fn delete(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
    told: Change,
) -> Result<StatusCode, Problem> {
    let slug = parse_slug(&slug).map_err(|_| Problem::unknown_community(&slug))?;
    api.mutations.telling(told).delete(slug).await?;
    // Steps for the community have gone with it.
    api.hooks.look_again();
    Ok(StatusCode::NO_CONTENT)
}

pub async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(page) = page.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let slugs = api.calls.store.read(|reader| reader.community_slugs(&page.after, limit))?;
    let (mut communities, mut instances, mut next) = (Vec::new(), 0, None);
    for (at, slug) in slugs.iter().enumerate() {
        let Some(community) = api.calls.communities.get(slug) else { continue };
        instances += community.instances.len();
        communities.push(community_json(&api, &community)?);
        if at + 1 == limit || instances >= PAGE_INSTANCES {
            next = Some(slug);
            break;
        }
    }
    Ok(Json(json!({ "communities": communities, "next": next })))
}

/// Webhook URLs of the enabled plugins that receive any.
pub async fn hooks(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Problem> {
    let community = find(&api, &slug)?;
    let hooks: Vec<_> =
        community.instances.iter().filter_map(|one| hook(&api, &community, one)).collect();
    Ok(Json(json!({ "hooks": hooks })))
}

/// Where a platform reaches an instance, if its plugin receives webhooks.
fn hook(api: &Api, community: &Community, instance: &Arc<Instance>) -> Option<String> {
    let plugin = api.calls.plugins.get(instance.plugin.as_str())?;
    if !plugin.uses_webhook() {
        return None;
    }
    let config: Value = serde_json::from_str(instance.stored_config()).unwrap_or_default();
    let mut hook = format!("/api/hooks/{}/{}", community.names.slug, instance.plugin);
    match config.get("webhook_slug") {
        None | Some(Value::Null) => {}
        Some(Value::String(slug)) if slug.is_empty() => {}
        Some(Value::String(slug)) => {
            hook = format!("{hook}/{}", utf8_percent_encode(slug, SEGMENT));
        }
        // A secret one is not shown.
        Some(_) => hook.push_str("/********"),
    }
    let of_plugin = community.instances.iter().filter(|one| one.plugin == instance.plugin).count();
    if let (true, Some(id)) = (of_plugin > 1, &instance.platform_id) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("community_platform_id", id);
        hook = format!("{hook}?{}", query.finish());
    }
    Some(hook)
}

pub async fn actions(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Problem> {
    listed(&api, &slug, "actions", super::plugins::actions_json)
}

pub async fn processes(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Problem> {
    listed(&api, &slug, "processes", super::plugins::processes_json)
}

pub async fn events(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Problem> {
    listed(&api, &slug, "events", super::plugins::events_json)
}

/// What the enabled plugins have of one kind, each plugin once.
fn listed(
    api: &Api,
    slug: &str,
    what: &str,
    of: fn(&Plugin) -> Vec<Value>,
) -> Result<Json<Value>, Problem> {
    let community = find(api, slug)?;
    let names: BTreeSet<_> =
        community.instances.iter().map(|instance| instance.plugin.as_str()).collect();
    let plugins = names.into_iter().filter_map(|name| api.calls.plugins.get(name));
    let all: Vec<Value> = plugins.flat_map(|plugin| of(&plugin)).collect();
    Ok(Json(json!({ what: all })))
}

fn find(api: &Api, slug: &str) -> Result<Arc<Community>, Problem> {
    api.calls.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
}

fn parse_slug(slug: &str) -> Result<CommunitySlug, Problem> {
    CommunitySlug::parse(slug)
        .map_err(|error| Problem::bad_request(format!("The slug '{slug}' is not valid: {error}")))
}

fn change(body: CommunityBody) -> Result<CommunityChange, Problem> {
    if body.readable_name.as_ref().is_some_and(|name| name.chars().count() > READABLE_NAME) {
        return Err(Problem::bad_request(format!(
            "A readable_name has at most {READABLE_NAME} characters"
        )));
    }
    let entry = |entry: EntryBody| PluginEntry {
        name: entry.name,
        config: entry.config.unwrap_or_else(|| json!({})),
    };
    Ok(CommunityChange {
        slug: body.slug.as_deref().map(parse_slug).transpose()?,
        readable_name: body.readable_name,
        plugins: body.plugins.map(|entries| entries.into_iter().map(entry).collect()),
    })
}

pub fn community_json(api: &Api, community: &Community) -> Result<Value, Problem> {
    let names = &community.names;
    let pointers = api.calls.store.read(|reader| reader.secret_pointers(names.id))?;
    let shown = |instance: &Arc<Instance>| instance_json(api, instance, pointers.get(&instance.id));
    let plugins: Vec<Value> = community.instances.iter().map(shown).collect();
    Ok(json!({
        "slug": names.slug,
        "name": names.slug,
        "readable_name": names.readable_name,
        "plugins": plugins,
    }))
}

/// An instance as it is shown: its secrets, which are at `pointers`, replaced, whether its plugin
/// is loaded or not.
pub fn instance_json(api: &Api, instance: &Instance, pointers: Option<&Vec<String>>) -> Value {
    let plugin = api.calls.plugins.get(instance.plugin.as_str());
    let public: Value = serde_json::from_str(instance.stored_config()).unwrap_or_default();
    let mut pointers = pointers.cloned().unwrap_or_default();
    pointers.extend(plugin.iter().flat_map(|plugin| plugin.config_schema.secrets().find(&public)));
    json!({
        "id": instance.id,
        "name": instance.plugin,
        "config": shown(&public, &pointers),
        "community": instance.community.slug,
        "community_platform_id": instance.platform_id,
        "auth_type": plugin.map(|plugin| plugin.manifest.auth_type.clone()),
    })
}
