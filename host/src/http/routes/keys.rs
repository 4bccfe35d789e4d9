//! `/api/internal/keys`: API keys, which an operator makes, replaces and revokes.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::api::Api;
use crate::http::keys::{KEPT_HOURS, Keys, MOST_KEPT_HOURS, Purpose, new_secret};
use crate::http::middleware::body;
use crate::http::middleware::body_schema::request_body;
use crate::http::middleware::path::Path;
use crate::http::problem::Problem;
use crate::http::route::{Route, SECRET, delete, failure, get, post};
use moothall_core::clock::{Moment, parse_rfc3339};
use moothall_core::scope::{Scope, Scopes};
use moothall_store::{ApiKeyRow, StoreError, Tx};
use moothall_values::moment::A_MOMENT;

/// How long a replaced secret counts unless the request says otherwise, and the most that it may say, in seconds.
const KEPT_SECONDS: u32 = KEPT_HOURS * 60 * 60;
const MOST_KEPT_SECONDS: u32 = MOST_KEPT_HOURS * 60 * 60;

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/internal/keys",
            "listKeys",
            "API keys, revoked ones too, without their secrets",
            list,
        )
        .needs(Scope::Admin)
        .answers::<ShownKeys>(200),
        post(
            "/api/internal/keys",
            "createKey",
            "Makes an API key; it is in the answer alone",
            create,
        )
        .needs(Scope::Admin)
        .never_once(SECRET)
        .body::<KeyBody>()
        .answers::<NewKey>(201)
        .changes_nothing(),
        post(
            "/api/internal/keys/{id}/rotate",
            "rotateKey",
            "Another secret for a key; the one that it replaces counts for a while",
            rotate,
        )
        .needs(Scope::Admin)
        .never_once(SECRET)
        .body::<RotationBody>()
        .answers::<NewKey>(200)
        .changes_nothing()
        .fails(failure::NOT_FOUND),
        delete("/api/internal/keys/{id}", "revokeKey", "Revokes an API key", revoke)
            .needs(Scope::Admin)
            .answers_nothing(204)
            .changes_nothing()
            .fails(failure::NOT_FOUND),
    ]
}

/// What a key is for.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "KeyCreation")]
struct KeyBody {
    name: String,
    #[schemars(length(min = 1))]
    scopes: Vec<Scope>,
    #[schemars(extend("format" = "date-time"))]
    expires_at: Option<String>,
}

request_body!(KeyBody);

/// How a key is rotated.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "KeyRotation")]
struct RotationBody {
    /// How long the secret that is replaced still counts, in seconds; a day unless given.
    #[schemars(range(min = 0, max = MOST_KEPT_SECONDS))]
    keep_seconds: Option<u32>,
}

request_body!(RotationBody);

#[derive(Serialize, JsonSchema)]
struct ShownKeys {
    keys: Vec<ShownKey>,
}

/// An API key without its secret.
#[derive(Serialize, JsonSchema)]
struct ShownKey {
    id: String,
    name: String,
    scopes: Scopes,
    created_at: Moment,
    expires_at: Option<Moment>,
    revoked_at: Option<Moment>,
    /// To the second, or null if it never was.
    last_used_at: Option<Moment>,
    /// Until when the secret before the last rotation counts.
    replaced_until: Option<Moment>,
}

impl ShownKey {
    fn of(row: ApiKeyRow, keys: &Keys) -> Self {
        let used = row.last_used_at.max(keys.last_used(&row.id));
        Self {
            id: row.id,
            name: row.name,
            scopes: row.scopes,
            created_at: Moment(row.created_at),
            expires_at: row.expires_at.map(Moment),
            revoked_at: row.revoked_at.map(Moment),
            last_used_at: used.map(Moment),
            replaced_until: row.replaced.map(|(_, until)| Moment(until)),
        }
    }
}

/// A key with its secret, which is shown this one time.
#[derive(Serialize, JsonSchema)]
struct NewKey {
    /// What requests send after `Bearer`.
    key: String,
    #[serde(flatten)]
    shown: ShownKey,
}

async fn list(State(api): State<Arc<Api>>) -> Result<Json<ShownKeys>, Problem> {
    let (rows, keys) = (api.context.store.read(|reader| reader.api_keys())?, api.keys.load());
    let keys = rows.into_iter().map(|row| ShownKey::of(row, &keys)).collect();
    Ok(Json(ShownKeys { keys }))
}

async fn create(
    State(api): State<Arc<Api>>,
    body: Body,
) -> Result<(StatusCode, Json<NewKey>), Problem> {
    let body: KeyBody = body::json(&api, body).await?;
    let now = api.context.clock.now_ms();
    let purpose = Purpose {
        name: body.name,
        scopes: body.scopes,
        expires_at: body.expires_at.as_deref().map(moment).transpose()?,
    };
    if let Some(fault) = purpose.fault(now) {
        return Err(Problem::bad_request(format!("The key is not valid: {fault}")));
    }
    let (key, row) = purpose.key(now).map_err(no_randomness)?;
    let added = row.clone();
    api.context.store.write("key.create", move |tx| tx.add_api_key(&added)).await?;
    api.reread_keys()?;
    Ok((StatusCode::CREATED, Json(NewKey { key, shown: ShownKey::of(row, &Keys::default()) })))
}

fn moment(text: &str) -> Result<i64, Problem> {
    parse_rfc3339(text)
        .ok_or_else(|| Problem::bad_request(format!("The field `expires_at` is not {A_MOMENT}")))
}

async fn rotate(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<NewKey>, Problem> {
    let body: RotationBody = body::json(&api, body).await?;
    let kept = body.keep_seconds.unwrap_or(KEPT_SECONDS);
    let (key, hash) = new_secret(&id).map_err(no_randomness)?;
    let now = api.context.clock.now_ms();
    let (until, of) = (now + i64::from(kept) * 1000, id.clone());
    let make = move |tx: &Tx<'_>| tx.rotate_api_key(&of, &hash, until, now);
    if !api.context.store.write("key.rotate", make).await? {
        return Err(unknown(&id));
    }
    api.reread_keys()?;
    let row = find(&api, &id)?.ok_or_else(|| unknown(&id))?;
    Ok(Json(NewKey { key, shown: ShownKey::of(row, &api.keys.load()) }))
}

async fn revoke(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (of, now) = (id.clone(), api.context.clock.now_ms());
    if !api.context.store.write("key.revoke", move |tx| tx.revoke_api_key(&of, now)).await? {
        return Err(unknown(&id));
    }
    api.reread_keys()?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(api: &Api, id: &str) -> Result<Option<ApiKeyRow>, StoreError> {
    let rows = api.context.store.read(|reader| reader.api_keys())?;
    Ok(rows.into_iter().find(|row| row.id == id))
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("There is no valid key with the id '{id}'"))
}

fn no_randomness(error: getrandom::Error) -> Problem {
    Problem::internal(error.to_string())
}
