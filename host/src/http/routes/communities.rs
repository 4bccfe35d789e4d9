//! `/api/internal/community…`: creates, changes, shows and deletes communities.

mod shown;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::rejection::QueryRejection};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::api::Api;
use crate::http::json_text::text_of;
use crate::http::middleware::body_schema::{request_body, shown_too};
use crate::http::middleware::changes::Changing;
use crate::http::middleware::hook_gate::Gate;
use crate::http::middleware::idempotency::{Asked, PendingAnswer};
use crate::http::middleware::path::Path;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{Route, delete, failure, get, post, put, query};
use crate::http::routes::plugins;
use moothall_core::ids::{CommunitySlug, RequestId};
use moothall_core::instance::Instance;
use moothall_core::scope::Scope;
use moothall_engine::communities::Community;
use moothall_engine::hooks::Builtin;
use moothall_engine::mutations::{Became, CommunityChange, ExtraWriteOf, PluginEntry};
use moothall_engine::plugins::Plugin;

use shown::{
    ActionTypes, Communities, CommunityEventTypes, ProcessTypes, ShownCommunity, WebhookUrls,
    community_shown, with_pointers,
};

/// Characters that are encoded in a part of a path: all except RFC 3986's unreserved ones.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The most communities on one page.
const PAGE: usize = 100;
/// The number of instances after which a page of communities ends.
const PAGE_INSTANCES: usize = 1_000;
/// The longest readable name, in characters.
const READABLE_NAME: usize = 100;

pub fn routes() -> Vec<Route> {
    vec![
        get("/api/internal/community", "listCommunities", "Lists communities", list)
            .needs(Scope::Read)
            .query(&[query::AFTER_NAME, query::LIMIT])
            .answers::<Communities>(200),
        post("/api/internal/community", "createCommunity", "Creates a community", create)
            .needs(Scope::Operate)
            .body::<CommunityBody>()
            .answers::<ShownCommunity>(201)
            .by_others()
            .changes(("community", None))
            .fails(failure::ENABLING)
            .fails(failure::CALL)
            .fails(&[(409, Code::CommunityExists), (503, Code::NotReady)]),
        get("/api/internal/community/{slug}", "getCommunity", "A community", show)
            .needs(Scope::Read)
            .answers::<ShownCommunity>(200)
            .fails(&[(404, Code::UnknownCommunity)]),
        put(
            "/api/internal/community/{slug}",
            "putCommunity",
            "Creates or changes a community",
            put_one,
        )
        .needs(Scope::Operate)
        .body::<CommunityBody>()
        .answers::<ShownCommunity>(200)
        .answers::<ShownCommunity>(201)
        .by_others()
        .changes(("community", Some("slug")))
        .fails(failure::ENABLING)
        .fails(failure::CALL)
        .fails(&[(404, Code::UnknownCommunity), (409, Code::CommunityExists)]),
        delete("/api/internal/community/{slug}", "deleteCommunity", "Deletes a community", remove)
            .needs(Scope::Operate)
            .answers_nothing(204)
            .changes(("community", Some("slug")))
            .fails(failure::CALL)
            .fails(&[(400, Code::TooManyRows), (404, Code::UnknownCommunity)]),
        get("/api/internal/community/{slug}/hooks", "listWebhookUrls", "URLs for webhooks", hooks)
            .needs(Scope::Read)
            .answers::<WebhookUrls>(200)
            .fails(&[(404, Code::UnknownCommunity)]),
        get(
            "/api/internal/community/{slug}/actions",
            "listActions",
            "Actions of its plugins",
            actions,
        )
        .needs(Scope::Read)
        .answers::<ActionTypes>(200)
        .fails(&[(404, Code::UnknownCommunity)]),
        get(
            "/api/internal/community/{slug}/processes",
            "listProcessTypes",
            "Types of processes of its plugins",
            processes,
        )
        .needs(Scope::Read)
        .answers::<ProcessTypes>(200)
        .fails(&[(404, Code::UnknownCommunity)]),
        get(
            "/api/internal/community/{slug}/events",
            "listCommunityEventTypes",
            "Types of events of its plugins",
            events,
        )
        .needs(Scope::Read)
        .answers::<CommunityEventTypes>(200)
        .fails(&[(404, Code::UnknownCommunity)]),
    ]
}

/// What a community is to be; what is absent stays as it is.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "CommunityChange")]
struct CommunityBody {
    slug: Option<String>,
    name: Option<String>,
    readable_name: Option<String>,
    plugins: Option<Vec<EntryBody>>,
}

request_body!(CommunityBody);

/// A plugin that the community shall have.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = shown_too(&["id", "community", "community_platform_id", "auth_type"]))]
struct EntryBody {
    name: String,
    #[serde(default)]
    #[schemars(with = "Map<String, Value>")]
    config: Option<Box<RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
struct CommunitiesQuery {
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

async fn create(
    State(api): State<Arc<Api>>,
    Extension(request): Extension<RequestId>,
    Changing(change_event): Changing,
    asked: Request,
) -> Result<Response, Problem> {
    let (bytes, answering) = match idempotency::asked(&api, asked).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: CommunityBody = body::parse(&bytes)?;
    let slug = match body.slug.as_deref().or(body.name.as_deref()) {
        Some(slug) => {
            require_name(&body, slug)?;
            parse_slug(slug)?
        }
        None => CommunitySlug::random().map_err(|error| {
            tracing::error!(%error, "no random slug");
            Problem::not_ready("The host has no randomness now")
        })?,
    };
    let change = CommunityChange { slug: None, ..change(body)? };
    if let Gate::Break(answer) = enabling(&api, slug.as_str(), &change, &request).await? {
        return Ok(answer);
    }
    let extra_write = (remembering(&api, answering.clone()), answering.clone());
    match api
        .mutations
        .with_change_event(change_event)
        .create(slug, change, extra_write, request.clone())
        .await
    {
        Ok(community) => {
            let shown = Json(community_shown(&api, &community)?);
            Ok((StatusCode::CREATED, shown).into_response())
        }
        Err(error) => Err(answering.refused(&api, error.into(), &request).await),
    }
}

/// The write that creates the community also stores the answer.
fn remembering(api: &Arc<Api>, answering: PendingAnswer) -> ExtraWriteOf<Community> {
    let api = api.clone();
    Box::new(move |tx, community| {
        let pointers = tx.reader().secret_pointers(community.names.id)?;
        let shown = with_pointers(&api, community, &pointers);
        answering.remember(tx, StatusCode::CREATED, &text_of(&shown))
    })
}

async fn put_one(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
    Extension(request): Extension<RequestId>,
    Changing(change_event): Changing,
    body: Body,
) -> Result<Response, Problem> {
    let (slug, mutations) = (parse_slug(&slug)?, api.mutations.with_change_event(change_event));
    let body: CommunityBody = body::json(&api, body).await?;
    require_name(&body, slug.as_str())?;
    let change = change(body)?;
    if let Gate::Break(answer) = enabling(&api, slug.as_str(), &change, &request).await? {
        return Ok(answer);
    }
    let (change, community) = mutations.put(slug, change, request).await?;
    let status = if change == Became::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(community_shown(&api, &community)?)).into_response())
}

/// `name` is the slug: if both are sent they must be equal.
fn require_name(body: &CommunityBody, slug: &str) -> Result<(), Problem> {
    match body.name.as_deref().filter(|name| *name != slug) {
        None => Ok(()),
        Some(name) => Err(Problem::bad_request(format!("Expected name {slug}, found {name}"))),
    }
}

/// Runs the hook before each plugin that will be enabled.
async fn enabling(
    api: &Api,
    slug: &str,
    change: &CommunityChange,
    request: &RequestId,
) -> Result<Gate<()>, Problem> {
    if api.hooks.active(Builtin::PluginEnabling).is_none() {
        return Ok(Gate::Continue(()));
    }
    let community = api.context.communities.get(slug);
    for PluginEntry { name, config, .. } in change.plugins.iter().flatten() {
        let is_there = community.as_ref().is_some_and(|one| one.of_plugin(name).next().is_some());
        // A plugin that stays as it is has been enabled already.
        if config.is_some() || !is_there {
            let config = config.as_deref().unwrap_or("{}");
            let passed = plugins::enabling(api, slug, name, config, request).await?;
            if passed.is_break() {
                return Ok(passed);
            }
        }
    }
    Ok(Gate::Continue(()))
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<ShownCommunity>, Problem> {
    Ok(Json(community_shown(&api, &*find(&api, &slug)?)?))
}

async fn remove(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
    Changing(change_event): Changing,
) -> Result<StatusCode, Problem> {
    let slug = parse_slug(&slug).map_err(|_| Problem::no_community(&slug))?;
    api.mutations.with_change_event(change_event).delete(slug).await?;
    // The community's steps were deleted with it.
    api.hooks.reload()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<CommunitiesQuery>, QueryRejection>,
) -> Result<Json<Communities>, Problem> {
    let Query(page) = page.map_err(|_| Problem::unread_query())?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let slugs = api.context.store.read(|reader| reader.community_slugs(&page.after, limit))?;
    let (mut communities, mut instances, mut next) = (Vec::new(), 0, None);
    for (at, slug) in slugs.iter().enumerate() {
        let Some(community) = api.context.communities.get(slug) else { continue };
        instances += community.instances.len();
        communities.push(community_shown(&api, &community)?);
        if at + 1 == limit || instances >= PAGE_INSTANCES {
            next = Some(slug.clone());
            break;
        }
    }
    Ok(Json(Communities { communities, next }))
}

/// The webhook URLs of the enabled plugins that have receivers.
async fn hooks(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<WebhookUrls>, Problem> {
    let community = find(&api, &slug)?;
    let hooks = community.instances.iter().filter_map(|one| hook(&api, &community, one)).collect();
    Ok(Json(WebhookUrls { hooks }))
}

/// The path at which a platform reaches an instance, if its plugin receives webhooks.
fn hook(api: &Api, community: &Community, instance: &Arc<Instance>) -> Option<String> {
    let plugin = api.context.plugins.get(instance.plugin.as_str())?;
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
        // A secret part is not shown.
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

async fn actions(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<ActionTypes>, Problem> {
    Ok(Json(ActionTypes { actions: of_plugins(&api, &slug, plugins::actions_of)? }))
}

async fn processes(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<ProcessTypes>, Problem> {
    Ok(Json(ProcessTypes { processes: of_plugins(&api, &slug, plugins::processes_of)? }))
}

async fn events(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
) -> Result<Json<CommunityEventTypes>, Problem> {
    Ok(Json(CommunityEventTypes { events: of_plugins(&api, &slug, plugins::events_of)? }))
}

/// What the enabled plugins offer of one kind, each plugin once.
fn of_plugins<T>(api: &Api, slug: &str, of: fn(&Plugin) -> Vec<T>) -> Result<Vec<T>, Problem> {
    let community = find(api, slug)?;
    let names: BTreeSet<_> =
        community.instances.iter().map(|instance| instance.plugin.as_str()).collect();
    let plugins = names.into_iter().filter_map(|name| api.context.plugins.get(name));
    Ok(plugins.flat_map(|plugin| of(&plugin)).collect())
}

fn find(api: &Api, slug: &str) -> Result<Arc<Community>, Problem> {
    api.context.communities.get(slug).ok_or_else(|| Problem::no_community(slug))
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
        config: entry.config.map(|config| config.get().to_owned()),
        platform_id: None,
    };
    Ok(CommunityChange {
        slug: body.slug.as_deref().map(parse_slug).transpose()?,
        readable_name: body.readable_name,
        plugins: body.plugins.map(|entries| entries.into_iter().map(entry).collect()),
    })
}
