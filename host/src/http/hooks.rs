//! `/api/internal/hooks`: which there are, their steps, and running one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::{Api, body};
use crate::changes::Change;
use crate::egress::Reach;
use crate::hooks::step::{Kind, Settings, Step, Target};
use crate::hooks::{DeclaredBy, Ended, Hook, Run, secret_context};
use crate::ids::{CommunityId, RequestId, unguessable_ulid};
use crate::outbox::SigningSecret;
use crate::plugins::background::HookManifest;
use crate::store::{HookRow, StepRow, View};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/internal/hooks", get(list))
        .route("/api/internal/hooks/{name}", get(show).put(put).delete(delete))
        .route("/api/internal/hooks/{name}/run", post(run))
        .route("/api/internal/hooks/{name}/steps", get(steps).post(add_step))
        .route(
            "/api/internal/hooks/{name}/steps/{id}",
            get(show_step).put(put_step).delete(delete_step),
        )
}

type Answer = Result<(StatusCode, Json<Value>), Problem>;

async fn list(State(api): State<Arc<Api>>) -> Json<Value> {
    let all: Vec<Value> = api.hooks.all().iter().map(|hook| hook_json(hook)).collect();
    Json(json!({ "hooks": all }))
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(hook_json(&*find(&api, &name)?)))
}

fn hook_json(hook: &Hook) -> Value {
    let mut shown = serde_json::to_value(&hook.point.manifest).unwrap_or_default();
    shown["alias"] = json!(hook.point.alias());
    shown["halt_exception"] = json!(hook.point.halts_with());
    shown["declared_by"] = match &hook.declared_by {
        DeclaredBy::Host => json!("host"),
        DeclaredBy::Driver => json!("driver"),
        DeclaredBy::Plugin(name) => json!(format!("plugin:{name}")),
    };
    shown["steps"] = hook.steps.iter().map(|step| step_json(step)).collect();
    shown
}

fn step_json(step: &Step) -> Value {
    let mut shown = serde_json::to_value(&step.settings).unwrap_or_default();
    shown["id"] = json!(step.id);
    shown["hook"] = json!(step.hook);
    shown
}

fn find(api: &Api, name: &str) -> Result<Arc<Hook>, Problem> {
    api.hooks.get(name).ok_or_else(|| Problem::not_found(format!("There is no hook '{name}'")))
}

fn step_of(api: &Api, name: &str, id: &str) -> Result<Arc<Step>, Problem> {
    let hook = find(api, name)?;
    let step = hook.steps.iter().find(|step| step.id == id);
    step.cloned().ok_or_else(|| no_step(name, id))
}

fn no_step(hook: &str, id: &str) -> Problem {
    Problem::not_found(format!("The hook '{hook}' has no step '{id}'"))
}

/// What `PUT` makes is the driver's: a hook of the host or of a plugin stays as it is.
fn require_drivers(api: &Api, name: &str) -> Result<(), Problem> {
    match api.hooks.get(name).map(|hook| hook.declared_by.clone()) {
        None | Some(DeclaredBy::Driver) => Ok(()),
        Some(_) => Err(Problem::conflict(
            "hook_declared",
            format!("The hook '{name}' is the host's or a plugin's; drivers add steps to it"),
        )),
    }
}

async fn put(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    told: Change,
    body: Body,
) -> Answer {
    require_drivers(&api, &name)?;
    if !is_name(&name) {
        return Err(Problem::bad_request(
            "A hook's name is a domain name backwards with a version: org.example.thing.happening.v1",
        ));
    }
    let mut body: Value = body::json(&api, body).await?;
    if body.is_null() {
        body = json!({});
    }
    let Some(fields) = body.as_object_mut() else {
        return Err(Problem::bad_request("A hook is a JSON object"));
    };
    fields.insert("name".to_owned(), json!(name));
    let manifest: HookManifest = serde_json::from_value(body)
        .map_err(|error| Problem::bad_request(format!("The hook is not valid: {error}")))?;
    check(&manifest)?;
    api.hooks.compile(manifest.clone()).await.map_err(|wrong| {
        Problem::bad_request(format!("The hook is not valid: {}", wrong.join("; ")))
    })?;
    let before = api.hooks.get(&name);
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let definition = serde_json::to_value(&manifest).unwrap_or_default().to_string();
    let row = HookRow { name: name.clone(), definition };
    let (now, most) = (api.clock.now_ms(), api.settings.hooks.declared);
    let told = told.with_status(status.as_u16());
    let write = api.calls.store.write_then(
        "hook.put",
        move |tx| {
            let view = View::Hook(row.name.clone());
            tx.changing(Some(&told), CommunityId::HOST, &view, now, |tx| {
                tx.put_hook(&row, most, now)
            })
        },
        Some(api.hooks.after_write()),
    );
    if !write.await? {
        let detail = format!("There are {most} hooks already; raise [hooks] declared");
        return Err(Problem::conflict("too_many_hooks", detail));
    }
    api.hooks.reload()?;
    Ok((status, Json(hook_json(&*find(&api, &name)?))))
}

/// As the manifest's schema has it.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    name.len() <= 200
        && name.contains('.')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('.').all(part)
}

fn check(manifest: &HookManifest) -> Result<(), Problem> {
    let pointers = manifest.mutable.iter().chain(&manifest.sensitive);
    if let Some(wrong) = pointers.clone().find(|one| !one.is_empty() && !one.starts_with('/')) {
        return Err(Problem::bad_request(format!(
            "`mutable` and `sensitive` list JSON Pointers; `{wrong}` is none"
        )));
    }
    let lists = [manifest.mutable.len(), manifest.sensitive.len(), manifest.exceptions.len()];
    if lists.iter().any(|length| *length > 50) || !(1..=60_000).contains(&manifest.budget_ms) {
        return Err(Problem::bad_request(
            "Each list has at most 50 entries, and `budget_ms` is 1 to 60000",
        ));
    }
    Ok(())
}

async fn delete(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    told: Change,
) -> Result<StatusCode, Problem> {
    find(&api, &name)?;
    require_drivers(&api, &name)?;
    let (now, told) = (api.clock.now_ms(), told.with_status(204));
    let write = api.calls.store.write_then(
        "hook.delete",
        move |tx| {
            let view = View::Hook(name.clone());
            tx.changing(Some(&told), CommunityId::HOST, &view, now, |tx| tx.delete_hook(&name))
        },
        Some(api.hooks.after_write()),
    );
    write.await?;
    api.hooks.reload()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn steps(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let hook = find(&api, &name)?;
    Ok(Json(json!({ "steps": hook.steps.iter().map(|step| step_json(step)).collect::<Vec<_>>() })))
}

async fn show_step(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(step_json(&*step_of(&api, &name, &id)?)))
}

async fn add_step(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    told: Change,
    body: Body,
) -> Answer {
    find(&api, &name)?;
    let mut body: Value = body::json(&api, body).await?;
    let refusal =
        |fault: &str| Problem::bad_request(format!("The field `secret` is not valid: {fault}"));
    let secret = match body.as_object_mut().and_then(|body| body.remove("secret")) {
        Some(Value::String(secret)) => SigningSecret::parse(&secret).map_err(refusal)?,
        None | Some(Value::Null) => {
            SigningSecret::generate().map_err(|error| Problem::internal(error.to_string()))?
        }
        Some(_) => return Err(refusal("a secret is a text that begins with `whsec_`")),
    };
    let id = unguessable_ulid(&api.clock).map_err(|error| Problem::internal(error.to_string()))?;
    let id = format!("step_{id}");
    let sealed = api.mutations.keyring.seal(&secret_context(&id), secret.text().as_bytes());
    let sealed = sealed.map_err(|error| Problem::internal(error.to_string()))?;
    let mut told = told.with_status(StatusCode::CREATED.as_u16());
    told.sub_resource_id = Some(id.clone());
    write_step(&api, &name, &id, Some(sealed), body, told).await?;
    let mut shown = step_json(&*step_of(&api, &name, &id)?);
    shown["secret"] = json!(secret.text());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// What is absent becomes the default.
async fn put_step(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
    told: Change,
    body: Body,
) -> Result<Json<Value>, Problem> {
    require_own(&*step_of(&api, &name, &id)?)?;
    let body: Value = body::json(&api, body).await?;
    write_step(&api, &name, &id, None, body, told).await?;
    Ok(Json(step_json(&*step_of(&api, &name, &id)?)))
}

/// A step with a secret is a new one.
async fn write_step(
    api: &Api,
    name: &str,
    id: &str,
    secret: Option<Vec<u8>>,
    body: Value,
    told: Change,
) -> Result<(), Problem> {
    let hook = find(api, name)?;
    let settings = Settings::parse(body)
        .map_err(|wrong| Problem::bad_request(format!("The step is not valid: {wrong}")))?;
    hook.check(&settings).map_err(Problem::unusable)?;
    let is_same = |step: &Settings| (step.kind, &step.target) == (settings.kind, &settings.target);
    // A step whose target has gone can still be disabled.
    if !hook.steps.iter().any(|step| step.id == id && is_same(&step.settings)) {
        check_target(api, name, &settings)?;
    }
    let community = match settings.community.as_str() {
        "*" => CommunityId::HOST,
        slug => {
            let community = api.calls.communities.get(slug);
            community.ok_or_else(|| Problem::unknown_community(slug))?.names.id
        }
    };
    let (now, is_new) = (api.clock.now_ms(), secret.is_some());
    let mut shown = serde_json::to_value(&settings).unwrap_or_default();
    shown["id"] = json!(id);
    shown["hook"] = json!(name);
    let row = StepRow {
        id: 0,
        public_id: id.to_owned(),
        hook: name.to_owned(),
        community,
        settings: shown.to_string(),
        secret: secret.unwrap_or_default(),
        created_at: now,
    };
    let most = api.settings.hooks.steps;
    let write = api.calls.store.write_then(
        "hook.step",
        move |tx| {
            let view = View::Step(row.public_id.clone());
            tx.changing(Some(&told), row.community, &view, now, |tx| match is_new {
                true => tx.add_step(&row, most),
                false => tx.put_step(&row),
            })
        },
        Some(api.hooks.after_write()),
    );
    if !write.await? {
        if !is_new {
            return Err(no_step(name, id));
        }
        let detail = format!("The hook has {most} steps already; raise [hooks] steps");
        return Err(Problem::conflict("too_many_steps", detail));
    }
    Ok(api.hooks.reload()?)
}

fn check_target(api: &Api, hook: &str, settings: &Settings) -> Result<(), Problem> {
    if settings.kind == Kind::Http {
        return api.egress.check_address(&settings.target, &Reach::Public).map_err(|fault| {
            Problem::bad_request(format!("The step's `target` cannot be sent to: {fault}"))
        });
    }
    let plugin = api.calls.plugins.get(&settings.target);
    let plugin = plugin.ok_or_else(|| Problem::unknown_plugin(&settings.target))?;
    if plugin.manifest.filters.iter().any(|filter| filter.hook == hook) {
        return find(api, hook)?.admits(&plugin).map_err(Problem::unusable);
    }
    Err(Problem::unusable(format!(
        "the plugin '{}' has no filter for the hook '{hook}'",
        settings.target
    )))
}

/// A manifest's step is changed by adding one for the same plugin, which takes its place.
fn require_own(step: &Step) -> Result<(), Problem> {
    if step.secret.is_empty() && matches!(step.target, Target::Plugin(_)) {
        return Err(Problem::conflict(
            "step_of_plugin",
            "This step is in the plugin's manifest; POST a step with `kind: \"plugin\"` and this `target` to replace it",
        ));
    }
    Ok(())
}

async fn delete_step(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
    told: Change,
) -> Result<StatusCode, Problem> {
    let step = step_of(&api, &name, &id)?;
    require_own(&step)?;
    let (now, told, of) = (api.clock.now_ms(), told.with_status(204), step.community);
    let write = api.calls.store.write_then(
        "hook.step",
        move |tx| {
            let view = View::Step(id.clone());
            tx.changing(Some(&told), of, &view, now, |tx| tx.delete_step(&name, &id))
        },
        Some(api.hooks.after_write()),
    );
    write.await?;
    api.hooks.reload()?;
    Ok(StatusCode::NO_CONTENT)
}

/// `{community?, data}`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunBody {
    community: Option<String>,
    #[serde(default)]
    data: Value,
}

/// Runs it for a driver, whatever it halts: what the driver does about it is its own.
async fn run(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Extension(request_id): Extension<RequestId>,
    body: Body,
) -> Answer {
    find(&api, &name)?;
    let body: RunBody = body::json(&api, body).await?;
    let hook = find(&api, &name)?;
    let community = body.community.as_deref().map(|slug| {
        api.calls.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
    });
    let community = community.transpose()?;
    if !body.data.is_object() {
        return Err(Problem::bad_request("The body has no `data`: the hook's data, an object"));
    }
    if let Some(schema) = &hook.point.input {
        schema.validate(&body.data).map_err(Problem::invalid_data)?;
    }
    let outcome = api.hooks.run(Run { hook, community, data: body.data, request_id }).await;
    let status = match outcome.ended {
        Ended::Error(_) => StatusCode::BAD_GATEWAY,
        Ended::Exhausted(_) => StatusCode::SERVICE_UNAVAILABLE,
        Ended::Continue | Ended::Halt(_) => StatusCode::OK,
    };
    Ok((status, Json(outcome.shown())))
}
