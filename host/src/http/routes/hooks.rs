//! `/api/internal/hooks`: lists, declares, deletes and runs hooks.

mod lookup;
mod steps;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::http::api::{Api, PUT_TRIES};
use crate::http::middleware::body_schema::{request_body, shown_too};
use crate::http::middleware::changes::Changing;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::path::Path;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::code::Code;
use crate::http::problem::{Problem, RETRY_SECONDS};
use crate::http::route::{Route, delete, failure, get, post, put};
use crate::http::routes::hooks::lookup::find;
use moothall_core::ids::RequestId;
use moothall_core::scope::Scope;
use moothall_engine::hooks::{DeclaredBy, Ended, Hook, Outcome, Run};
use moothall_engine::plugins::hook_faults;
use moothall_engine::plugins::manifest::HookManifest;
use moothall_store::{HookPut, HookRow};

/// How long a run of a driver's hook may take at most, in milliseconds.
const MOST_BUDGET_MS: i64 = 60_000;

pub fn routes() -> Vec<Route> {
    let own = vec![
        get("/api/internal/hooks", "listHooks", "Hooks with their steps", list)
            .needs(Scope::Read)
            .answers::<ListedHooks>(200),
        get("/api/internal/hooks/{name}", "getHook", "A hook", show)
            .needs(Scope::Read)
            .answers::<ShownHook>(200)
            .fails(failure::NOT_FOUND),
        put("/api/internal/hooks/{name}", "putHook", "Declares a hook, or changes it", change)
            .needs(Scope::Operate)
            .body::<HookBody>()
            .answers::<ShownHook>(200)
            .answers::<ShownHook>(201)
            .changes(("hook", Some("name")))
            .fails(&[
                (409, Code::ChangedMeanwhile),
                (409, Code::HookDeclared),
                (409, Code::TooManyHooks),
                (422, Code::UnusableSetting),
            ]),
        delete("/api/internal/hooks/{name}", "deleteHook", "Deletes a hook and its steps", remove)
            .needs(Scope::Operate)
            .answers_nothing(204)
            .changes(("hook", Some("name")))
            .fails(failure::NOT_FOUND)
            .fails(&[(409, Code::HookDeclared)]),
        post("/api/internal/hooks/{name}/run", "runHook", "Runs a hook", run)
            .needs(Scope::Drive)
            .body::<RunBody>()
            .answers::<Outcome>(200)
            .answers::<Outcome>(502)
            .answers::<Outcome>(503)
            .changes_nothing()
            .fails(failure::NOT_FOUND)
            .fails(failure::COMMUNITY)
            .fails(&[(400, Code::InvalidParameters)]),
    ];
    own.into_iter().chain(steps::routes()).collect()
}

#[derive(Serialize, JsonSchema)]
struct ListedHooks {
    hooks: Vec<ShownHook>,
}

/// A point at which a request can be changed or refused.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Hook")]
struct ShownHook {
    #[serde(flatten)]
    manifest: HookManifest,
    /// `host`, `driver`, or `plugin:<name>`.
    declared_by: String,
    /// In the order of a run.
    steps: Vec<steps::ShownStep>,
}

async fn list(State(api): State<Arc<Api>>) -> Result<Json<ListedHooks>, Problem> {
    let all = api.hooks.all();
    let hooks: Result<Vec<_>, Problem> = all.iter().map(|hook| shown(&api, hook)).collect();
    Ok(Json(ListedHooks { hooks: hooks? }))
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<ShownHook>, Problem> {
    Ok(Json(shown(&api, &*find(&api, &name)?)?))
}

fn shown(api: &Api, hook: &Hook) -> Result<ShownHook, Problem> {
    let alias = Some(hook.point.alias().to_owned());
    let halt_exception = hook.point.halts_with().map(str::to_owned);
    let declared_by = match &hook.declared_by {
        DeclaredBy::Host => "host".to_owned(),
        DeclaredBy::Driver => "driver".to_owned(),
        DeclaredBy::Plugin(name) => format!("plugin:{name}"),
    };
    let manifest = HookManifest { alias, halt_exception, ..hook.point.manifest.clone() };
    Ok(ShownHook { manifest, declared_by, steps: steps::shown(api, hook)? })
}

/// `PUT` changes only drivers' hooks: a hook of the host or of a plugin stays as it is.
fn require_drivers(api: &Api, name: &str) -> Result<(), Problem> {
    match api.hooks.get(name).map(|hook| hook.declared_by.clone()) {
        None | Some(DeclaredBy::Driver) => Ok(()),
        Some(_) => Err(Problem::conflict(
            Code::HookDeclared,
            format!("The hook '{name}' is the host's or a plugin's; drivers add steps to it"),
        )),
    }
}

/// What a hook of the driver's is to be; it is read as the members that are given.
#[derive(JsonSchema)]
#[schemars(rename = "HookChange", transform = shown_too(&["name", "declared_by", "steps"]))]
#[expect(
    dead_code,
    reason = "what is absent and what is null differ, so that the members are read one by one"
)]
struct HookBody {
    #[schemars(extend("nullable" = true))]
    alias: Option<String>,
    description: Option<String>,
    #[serde(default)]
    #[schemars(extend("type" = ["object", "boolean", "null"], "nullable" = true))]
    input_schema: Option<Value>,
    mutable: Option<Vec<String>>,
    sensitive: Option<Vec<String>>,
    exceptions: Option<Vec<String>>,
    #[schemars(extend("nullable" = true))]
    halt_exception: Option<String>,
    #[schemars(range(min = 1, max = MOST_BUDGET_MS))]
    budget_ms: Option<i64>,
}

request_body!(HookBody);

/// Members that the body leaves out stay, also if somebody else changed them meanwhile.
async fn change(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Changing(change_event): Changing,
    body: Body,
) -> Result<(StatusCode, Json<ShownHook>), Problem> {
    require_drivers(&api, &name)?;
    if !is_name(&name) {
        return Err(Problem::bad_request(
            "A hook's name is a domain name backwards with a version: org.example.thing.happening.v1",
        ));
    }
    let body = body::given::<HookBody>(&api, body).await?;
    for _ in 0..PUT_TRIES {
        let before = api.context.store.read(|reader| reader.hook(&name))?;
        let manifest = applied(before.as_ref(), &name, body.clone())?;
        require_exceptions(&api, &manifest)?;
        api.hooks.compile(manifest.clone()).await.map_err(|wrong| {
            Problem::bad_request(format!("The hook is not valid: {}", wrong.join("; ")))
        })?;
        let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        let change_event = change_event.clone().with_status(status.as_u16());
        let definition = serde_json::to_value(&manifest).unwrap_or_default().to_string();
        let (row, most) =
            (HookRow { name: manifest.name, definition }, api.settings.hooks.declared);
        match api.hooks.put(before, row, most, change_event).await? {
            HookPut::Done => {
                return Ok((status, Json(shown(&api, &*find(&api, &name)?)?)));
            }
            HookPut::Changed => {}
            HookPut::TooMany => {
                let detail = format!("There are {most} hooks already; raise [hooks] declared");
                return Err(Problem::conflict(Code::TooManyHooks, detail));
            }
        }
    }
    Err(Problem::changed_meanwhile(&format!("hook '{name}'")))
}

/// The body's members over the existing declaration: members that it leaves out stay.
fn applied(
    before: Option<&HookRow>,
    name: &str,
    body: Map<String, Value>,
) -> Result<HookManifest, Problem> {
    let mut fields = match before.map(HookRow::shown) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    // Members that answers contain and that nobody sets.
    let is_set = |name: &String| !matches!(name.as_str(), "declared_by" | "steps");
    fields.extend(body.into_iter().filter(|(name, _)| is_set(name)));
    fields.insert("name".to_owned(), json!(name));
    if fields.get("alias") == fields.get("name") {
        // The default that answers show.
        fields.remove("alias");
    }
    // Null removes an optional member.
    fields.retain(|_, value| !value.is_null());
    let declaration = Value::Object(fields);
    let faults = hook_faults(&declaration);
    if !faults.is_empty() {
        return Err(Problem::invalid(Code::BadRequest, "The hook is not valid", "", faults));
    }
    serde_json::from_value(declaration)
        .map_err(|_| Problem::bad_request("The hook is not valid: a field is not of its type"))
}

/// What the existing steps need of it.
fn require_exceptions(api: &Api, manifest: &HookManifest) -> Result<(), Problem> {
    let hook = api.hooks.get(&manifest.name).filter(|_| manifest.exceptions.is_empty());
    let step = hook.as_ref().and_then(|hook| hook.steps.iter().find(|step| step.settings.halts()));
    step.map_or(Ok(()), |step| {
        Err(Problem::unusable(format!(
            "the hook needs an exception for its step `{}`, which has settings `halt_on_…` or `redirect_on_…`: \
             declare one, or change the step first",
            step.id
        )))
    })
}

/// Whether the manifest's schema allows the name.
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

async fn remove(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Changing(change_event): Changing,
) -> Result<StatusCode, Problem> {
    find(&api, &name)?;
    require_drivers(&api, &name)?;
    api.hooks.delete(name, change_event.with_status(204)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a hook is run with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HookRun")]
struct RunBody {
    community: Option<String>,
    #[schemars(with = "Map<String, Value>")]
    data: Box<RawValue>,
}

request_body!(RunBody);

/// Runs it for a driver, which decides what to do if it halts.
async fn run(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Extension(request_id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    find(&api, &name)?;
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: RunBody = body::parse(&bytes)?;
    let hook = find(&api, &name)?;
    let community = body.community.as_deref().map(|slug| {
        api.context.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
    });
    let community = community.transpose()?;
    let data = body.data.get().to_owned();
    let data = match &hook.point.input {
        Some(schema) => schema.checked(data).map_err(Problem::invalid_data)?,
        None => data,
    };
    let run = Run { hook, community, data, request_id, may_send: true };
    let outcome = api.hooks.run(run).await;
    let status = match outcome.ended {
        Ended::Error(..) => StatusCode::BAD_GATEWAY,
        Ended::Exhausted(_) => StatusCode::SERVICE_UNAVAILABLE,
        Ended::Continue | Ended::Halt(_) => StatusCode::OK,
    };
    let mut response = answering.alone(&api, (status, outcome.shown())).await?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_SECONDS.into());
    }
    Ok(response)
}
