//! `/api/internal/hooks/{name}/steps`: the steps of a hook. Only the answer that makes a secret shows it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::api::{Api, PUT_TRIES};
use crate::http::middleware::body;
use crate::http::middleware::body_schema::{request_body, shown_too};
use crate::http::middleware::changes::Changing;
use crate::http::middleware::path::Path;
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::failure;
use crate::http::route::failure::Failure;
use crate::http::route::{Route, SECRET, delete, get, post, put};
use crate::http::routes::hooks::lookup::find;
use crate::http::routes::hooks::lookup::{no_step, step_of};
use moothall_core::ids::{CommunityId, unguessable_ulid};
use moothall_core::scope::Scope;
use moothall_deliveries::SigningSecret;
use moothall_egress::Reach;
use moothall_engine::hooks::step::{Settings, Step, StepKind, TIMEOUT_MS, Target};
use moothall_engine::hooks::{DeclaredBy, Hook};
use moothall_store::StepRow;

/// Why a step's settings are not possible.
const SETTINGS: &[Failure] =
    &[(400, Code::UnknownCommunity), (400, Code::UnknownPlugin), (422, Code::UnusableSetting)];

pub fn routes() -> Vec<Route> {
    let (all, one) = ("/api/internal/hooks/{name}/steps", "/api/internal/hooks/{name}/steps/{id}");
    vec![
        get(all, "listSteps", "Steps in the order of a run", list)
            .needs(Scope::Read)
            .answers::<Steps>(200)
            .fails(failure::NOT_FOUND),
        post(all, "addStep", "Adds a step; its secret once", add)
            .needs(Scope::Operate)
            .never_once(SECRET)
            .body::<NewStep>()
            .answers::<ShownStep>(201)
            .changes_of(("hook", Some("name")), ("step", None))
            .fails(failure::NOT_FOUND)
            .fails(SETTINGS)
            .fails(&[(409, Code::TooManySteps)]),
        get(one, "getStep", "A step", show)
            .needs(Scope::Read)
            .answers::<ShownStep>(200)
            .fails(failure::NOT_FOUND),
        put(one, "changeStep", "Changes a step", change)
            .needs(Scope::Operate)
            .body::<StepChange>()
            .answers::<ShownStep>(200)
            .changes_of(("hook", Some("name")), ("step", Some("id")))
            .fails(failure::NOT_FOUND)
            .fails(SETTINGS)
            .fails(&[(409, Code::ChangedMeanwhile), (409, Code::StepOfPlugin)]),
        delete(one, "deleteStep", "Deletes a step", remove)
            .needs(Scope::Operate)
            .answers_nothing(204)
            .changes_of(("hook", Some("name")), ("step", Some("id")))
            .fails(failure::NOT_FOUND)
            .fails(&[(409, Code::StepOfPlugin)]),
    ]
}

async fn list(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<Steps>, Problem> {
    Ok(Json(Steps { steps: shown(&api, &*find(&api, &name)?)? }))
}

/// In the order of a run.
#[derive(Serialize, JsonSchema)]
struct Steps {
    steps: Vec<ShownStep>,
}

/// A step of a hook.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Step")]
pub struct ShownStep {
    id: String,
    hook: String,
    #[serde(flatten)]
    settings: Settings,
    /// Only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    secret: Option<String>,
}

pub fn shown(api: &Api, hook: &Hook) -> Result<Vec<ShownStep>, Problem> {
    hook.steps.iter().map(|step| shown_step(api, step)).collect()
}

async fn show(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<ShownStep>, Problem> {
    Ok(Json(shown_step(&api, &*step_of(&api, &name, &id)?)?))
}

/// With the present name of its community.
fn shown_step(api: &Api, step: &Step) -> Result<ShownStep, Problem> {
    let (id, hook, mut settings) = (step.id.clone(), step.hook.clone(), step.settings.clone());
    if step.community != CommunityId::HOST {
        // A deleted community's steps are deleted too; until then they show its last name.
        settings.community = slug_of(api, step.community)?.unwrap_or(settings.community);
    }
    Ok(ShownStep { id, hook, settings, secret: None })
}

fn slug_of(api: &Api, community: CommunityId) -> Result<Option<String>, Problem> {
    Ok(api.context.store.read(|reader| reader.community_slug(community.0))?)
}

/// What can be said of a step whether it is new or not.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "what is absent stays as it is, so that the members are read one by one"
)]
struct StepFields {
    #[schemars(range(min = i64::MIN, max = i64::MAX))]
    order: Option<i64>,
    #[schemars(extend("enum" = ["http", "plugin"]))]
    kind: Option<String>,
    description: Option<String>,
    enabled: Option<bool>,
    community: Option<String>,
    #[schemars(extend("enum" = ["accumulate", "broadcast"]))]
    mode: Option<String>,
    #[schemars(extend("enum" = ["shallow", "deep"]))]
    merge: Option<String>,
    disable_filtering: Option<bool>,
    disable_halt: Option<bool>,
    halt_on_4xx: Option<bool>,
    redirect_on_4xx: Option<String>,
    halt_on_5xx: Option<bool>,
    redirect_on_5xx: Option<String>,
    halt_on_request_exception: Option<bool>,
    redirect_on_request_exception: Option<String>,
    use_www_form_encoding: Option<bool>,
    fail_silently: Option<bool>,
    #[schemars(range(min = 1, max = TIMEOUT_MS))]
    timeout_ms: Option<u64>,
    #[schemars(extend("enum" = ["openedx-webhooks"]))]
    preset: Option<String>,
}

/// A step that is to be added.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read as the members that are given")]
struct NewStep {
    target: String,
    #[schemars(extend("writeOnly" = true))]
    secret: Option<String>,
    #[serde(flatten)]
    fields: StepFields,
}

request_body!(NewStep);

/// What a step is to be.
#[derive(JsonSchema)]
#[schemars(transform = shown_too(&["id", "hook"]))]
#[expect(dead_code, reason = "read as the members that are given")]
struct StepChange {
    target: Option<String>,
    #[serde(flatten)]
    fields: StepFields,
}

request_body!(StepChange, elsewhere);

fn elsewhere(name: &str, _: &Value) -> Option<String> {
    let again = "a secret is not put; delete the step, and POST one with another secret";
    (name == "secret").then(|| again.to_owned())
}

async fn add(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Changing(change_event): Changing,
    body: Body,
) -> Result<(StatusCode, Json<ShownStep>), Problem> {
    find(&api, &name)?;
    let mut body = Value::Object(body::given::<NewStep>(&api, body).await?);
    let refusal =
        |fault: &str| Problem::bad_request(format!("The field `secret` is not valid: {fault}"));
    let secret = match body.as_object_mut().and_then(|body| body.remove("secret")) {
        Some(Value::String(secret)) => SigningSecret::parse(&secret).map_err(refusal)?,
        None => SigningSecret::generate().map_err(|error| Problem::internal(error.to_string()))?,
        Some(_) => return Err(refusal("a secret is a text that begins with `whsec_`")),
    };
    let id = unguessable_ulid(&api.context.clock)
        .map_err(|error| Problem::internal(error.to_string()))?;
    let id = format!("step_{id}");
    let mut change_event = change_event.with_status(StatusCode::CREATED.as_u16());
    change_event.sub_resource_id = Some(id.clone());
    let blank = StepRow {
        id: 0,
        public_id: id.clone(),
        hook: name.clone(),
        community: CommunityId::HOST,
        settings: String::new(),
        secret: Vec::new(),
        created_at: api.context.clock.now_ms(),
    };
    let row = applied(&api, &Settings::default(), &body, blank).await?;
    let most = api.settings.hooks.steps;
    if !api.hooks.add_step(row, &secret, most, change_event).await? {
        let detail = format!("The hook has {most} steps already; raise [hooks] steps");
        return Err(Problem::conflict(Code::TooManySteps, detail));
    }
    let shown = shown_step(&api, &*step_of(&api, &name, &id)?)?;
    let shown = ShownStep { secret: Some(secret.text().to_owned()), ..shown };
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Members that the body leaves out stay, also if somebody else changed them meanwhile.
async fn change(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
    Changing(change_event): Changing,
    body: Body,
) -> Result<Json<ShownStep>, Problem> {
    require_own(&*step_of(&api, &name, &id)?)?;
    let body = Value::Object(body::given::<StepChange>(&api, body).await?);
    for _ in 0..PUT_TRIES {
        let stored = api.context.store.read(|reader| reader.step(&id))?;
        let before = stored.filter(|row| row.hook == name).ok_or_else(|| no_step(&name, &id))?;
        let settings = Settings::of_row(&before)
            .map_err(|error| Problem::internal(format!("a step cannot be read: {error}")))?;
        let after = applied(&api, &settings, &body, before.clone()).await?;
        if api.hooks.put_step(before, after, change_event.clone()).await? {
            return Ok(Json(shown_step(&api, &*step_of(&api, &name, &id)?)?));
        }
    }
    Err(Problem::changed_meanwhile(&format!("step '{id}'")))
}

/// The row with the body's settings over the existing ones.
async fn applied(
    api: &Api,
    before: &Settings,
    body: &Value,
    mut row: StepRow,
) -> Result<StepRow, Problem> {
    let mut settings = Settings::over(before, body.clone())
        .map_err(|wrong| Problem::bad_request(format!("The step is not valid: {wrong}")))?;
    if body.get("community").is_some() {
        row.community = community(api, &settings.community)?;
    } else if row.community != CommunityId::HOST {
        // It may have been renamed, and another may have its old name.
        settings.community = slug_of(api, row.community)?.unwrap_or(settings.community);
    }
    let hook = find(api, &row.hook)?;
    hook.check(&settings).map_err(Problem::unusable)?;
    check_kind(before, &settings)?;
    check_redirects(api, &hook, before, &settings)?;
    let is_same = |step: &Settings| (step.kind, &step.target) == (settings.kind, &settings.target);
    // A step whose target is gone can still be disabled.
    if !hook.steps.iter().any(|step| step.id == row.public_id && is_same(&step.settings)) {
        check_target(api, &row.hook, &settings).await?;
    }
    let mut shown = serde_json::to_value(&settings).unwrap_or_default();
    shown["id"] = json!(row.public_id);
    shown["hook"] = json!(row.hook);
    row.settings = shown.to_string();
    Ok(row)
}

/// A plugin does not answer over HTTP: settings about that have no effect on its step.
fn check_kind(before: &Settings, after: &Settings) -> Result<(), Problem> {
    let of_http =
        |one: &Settings| one.kind == StepKind::Plugin && (one.halts() || one.use_www_form_encoding);
    if of_http(after) && !of_http(before) {
        return Err(Problem::bad_request(
            "The step is not valid: `halt_on_…`, `redirect_on_…` and `use_www_form_encoding` are of steps with \
             `kind: \"http\"`; a plugin's step halts by what it answers",
        ));
    }
    Ok(())
}

/// A redirect must be possible: its halt is enabled, and if the host itself redirects, browsers may be sent
/// there.
fn check_redirects(
    api: &Api,
    hook: &Hook,
    before: &Settings,
    after: &Settings,
) -> Result<(), Problem> {
    for (stored, (name, halts, page)) in before.redirects().into_iter().zip(after.redirects()) {
        // A disabled one keeps its URL.
        let is_off = !halts && stored.2 == page;
        if page.is_empty() || is_off || stored == (name, halts, page) {
            continue;
        }
        let refusal = |why: &str| {
            Problem::bad_request(format!("The step is not valid: `redirect_on_{name}` {why}"))
        };
        if !halts {
            return Err(refusal(&format!("has no effect without `halt_on_{name}`")));
        }
        if hook.declared_by == DeclaredBy::Host {
            let why = |reason| refusal(&format!("leads nowhere: {reason}"));
            api.oauth.may_redirect(page).map_err(why)?;
        }
    }
    Ok(())
}

fn community(api: &Api, slug: &str) -> Result<CommunityId, Problem> {
    if slug == "*" {
        return Ok(CommunityId::HOST);
    }
    let community = api.context.communities.get(slug);
    Ok(community.ok_or_else(|| Problem::unknown_community(slug))?.names.id)
}

async fn check_target(api: &Api, hook: &str, settings: &Settings) -> Result<(), Problem> {
    if settings.kind == StepKind::Http {
        let reachable = api.egress.check_reachable(&settings.target, &Reach::Public).await;
        return reachable.map_err(|fault| {
            Problem::bad_request(format!("The step's `target` cannot be sent to: {fault}"))
        });
    }
    let plugin = api.context.plugins.get(&settings.target);
    let plugin = plugin.ok_or_else(|| {
        let meant = api.calls.plugin_meant(&settings.target);
        Problem::unknown_plugin(&settings.target, &meant)
    })?;
    if plugin.manifest.filters.iter().any(|filter| filter.hook == hook) {
        return find(api, hook)?.admits(&plugin).map_err(Problem::unusable);
    }
    Err(Problem::unusable(format!(
        "the plugin '{}' has no filter for the hook '{hook}'",
        settings.target
    )))
}

/// A manifest's step is changed by adding one for the same plugin, which replaces it.
fn require_own(step: &Step) -> Result<(), Problem> {
    if step.secret.is_empty() && matches!(step.target, Target::Plugin(_)) {
        return Err(Problem::conflict(
            Code::StepOfPlugin,
            "This step is in the plugin's manifest; POST a step with `kind: \"plugin\"` and this `target` to replace it",
        ));
    }
    Ok(())
}

async fn remove(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
    Changing(change_event): Changing,
) -> Result<StatusCode, Problem> {
    let step = step_of(&api, &name, &id)?;
    require_own(&step)?;
    let change_event = change_event.with_status(204);
    api.hooks.delete_step(name, id, step.community, change_event).await?;
    Ok(StatusCode::NO_CONTENT)
}
