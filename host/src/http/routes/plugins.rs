//! `/api/internal/plugin…`: lists plugin files and what plugins offer; enables and disables plugins.

pub mod instance;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::value::RawValue;

use crate::http::api::{Api, require_plugin_of_path};
use crate::http::json_text::text_of;
use crate::http::middleware::body_schema::is_wrapped;
use crate::http::middleware::changes::Changing;
use crate::http::middleware::hook_gate::Gate;
use crate::http::middleware::idempotency::{Asked, PendingAnswer};
use crate::http::middleware::instance::{community, platform_header};
use crate::http::middleware::path::Path;
use crate::http::middleware::{body, hook_gate, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{INSTANCE, Route, delete, failure, get, post};
use crate::http::routes::plugins::instance::{ShownInstance, instance_shown};
use moothall_core::ids::{CommunitySlug, InstanceId, RequestId, parse_number};
use moothall_core::instance::Instance;
use moothall_core::scope::Scope;
use moothall_engine::calls::CallError;
use moothall_engine::hooks::{Builtin, enabling_data};
use moothall_engine::mutations::{Became, ExtraWriteOf, PluginEntry};

pub use shown::{
    ActionType, EventType, ProcessType, actions_of, events_of, metadata, processes_of,
};
use shown::{ConfigSchemas, PluginFiles, PluginMetadata};

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/internal/plugins",
            "listPlugins",
            "Every plugin file, and what became of it",
            files,
        )
        .needs(Scope::Read)
        .answers::<PluginFiles>(200),
        get(
            "/api/internal/plugin-schemas",
            "listConfigSchemas",
            "The config schema of each plugin",
            schemas,
        )
        .needs(Scope::Read)
        .answers::<ConfigSchemas>(200),
        post(
            "/api/internal/plugin/{name}",
            "enablePlugin",
            "Enables a plugin for a community; the body is its config",
            enable,
        )
        .needs(Scope::Operate)
        .headers(INSTANCE)
        .any_body()
        .answers::<ShownInstance>(201)
        .answers::<ShownInstance>(200)
        .by_others()
        .changes_of(("plugin", Some("name")), ("instance", None))
        .fails(failure::CHOICE)
        .fails(failure::ENABLING)
        .fails(failure::CALL),
        get(
            "/api/internal/plugin/{name}/metadata",
            "getPluginMetadata",
            "What a plugin has",
            shown_metadata,
        )
        .needs(Scope::Read)
        .answers::<PluginMetadata>(200)
        .fails(&[
            (404, Code::UnknownPlugin),
            (503, Code::Compiling),
            (503, Code::PluginUnavailable),
        ]),
        delete(
            "/api/internal/plugin/{name}/{id}",
            "disablePlugin",
            "Disables an instance of a plugin",
            disable,
        )
        .needs(Scope::Operate)
        .answers_nothing(204)
        .changes_of(("plugin", Some("name")), ("instance", Some("id")))
        .fails(failure::CALL)
        .fails(&[
            (400, Code::TooManyRows),
            (404, Code::UnknownInstance),
            (404, Code::UnknownPlugin),
        ]),
    ]
}

async fn enable(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Extension(request): Extension<RequestId>,
    Changing(change_event): Changing,
    headers: HeaderMap,
    asked: Request,
) -> Result<Response, Problem> {
    let (slug, platform_id) = (community(&headers)?, platform_header(&headers)?);
    let unknown = |_| Problem::from(CallError::UnknownCommunity(slug.to_owned()));
    let slug = CommunitySlug::parse(slug).map_err(unknown)?;
    // With an Idempotency-Key a stored answer is sent again even if community or plugin have changed.
    if !idempotency::is_asked_for(&headers) {
        let community = api.calls.community(slug.as_str())?;
        api.calls.plugin(&name, &community)?;
    }
    let (bytes, answering) = match idempotency::asked(&api, asked).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let community = api.calls.community(slug.as_str())?;
    let plugin = api.calls.plugin(&name, &community)?;
    let config = body::any(&bytes)?.to_owned();
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&config).unwrap_or_default();
    if is_wrapped(plugin.config_schema.document(), "config", members.get("config").copied()) {
        return Err(Problem::wrapped(Code::InvalidConfig, "the settings of a plugin", "config"));
    }
    if let Gate::Break(answer) = enabling(&api, slug.as_str(), &name, &config, &request).await? {
        return Ok(answer);
    }
    let platform_id = platform_id.map(str::to_owned);
    let entry = PluginEntry { name, config: Some(config), platform_id };
    let extra_write = (Some(remembering(&api, answering.clone())), answering.clone());
    match api
        .mutations
        .with_change_event(change_event)
        .enable(slug, entry, extra_write, request.clone())
        .await
    {
        Ok((Became::Unchanged, instance)) => {
            let shown = text_of(&instance_of(&api, &instance)?);
            answering.alone(&api, (StatusCode::OK, shown)).await
        }
        Ok((became, instance)) => {
            Ok((status(became), Json(instance_of(&api, &instance)?)).into_response())
        }
        Err(error) => Err(answering.refused(&api, error.into(), &request).await),
    }
}

fn status(became: Became) -> StatusCode {
    if became == Became::Created { StatusCode::CREATED } else { StatusCode::OK }
}

fn instance_of(api: &Api, instance: &Instance) -> Result<ShownInstance, Problem> {
    let community = instance.community.id;
    let pointers = api.context.store.read(|reader| reader.secret_pointers(community))?;
    Ok(instance_shown(api, instance, pointers.get(&instance.id)))
}

/// The write that creates or changes the instance also stores the answer.
fn remembering(api: &Arc<Api>, answering: PendingAnswer) -> ExtraWriteOf<(Became, Arc<Instance>)> {
    let api = api.clone();
    Box::new(move |tx, (became, instance)| {
        let pointers = tx.reader().secret_pointers(instance.community.id)?;
        let shown = instance_shown(&api, instance, pointers.get(&instance.id));
        answering.remember(tx, status(*became), &text_of(&shown))
    })
}

/// Runs the hook before a plugin is enabled; its steps see the config without secrets.
pub async fn enabling(
    api: &Api,
    slug: &str,
    name: &str,
    config: &str,
    request: &RequestId,
) -> Result<Gate<()>, Problem> {
    let community = api.context.communities.get(slug);
    let data = || enabling_data(Some(slug), name, api.context.plugins.get(name).as_deref(), config);
    let passed = hook_gate::pass(api, Builtin::PluginEnabling, community.as_ref(), request, data);
    Ok(passed.await?.map_continue(drop))
}

async fn disable(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
    Changing(change_event): Changing,
) -> Result<StatusCode, Problem> {
    require_plugin_of_path(&api, &name)?;
    let number = parse_number(&id).ok_or_else(|| Problem::no_instance(&name, &id))?;
    api.mutations.with_change_event(change_event).disable(name.clone(), InstanceId(number)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn files(State(api): State<Arc<Api>>) -> Json<PluginFiles> {
    Json(shown::files(&api))
}

async fn shown_metadata(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<PluginMetadata>, Problem> {
    Ok(Json(metadata(&*api.calls.serving(&name)?)))
}

async fn schemas(State(api): State<Arc<Api>>) -> Json<ConfigSchemas> {
    Json(shown::config_schemas(&api))
}
