//! The worker `webhooks`: requests that still wait for their receivers.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::AT_ONCE;
use crate::clock::rfc3339;
use crate::http::error::Problem;
use crate::http::{Api, body};
use crate::store::WebhookItem;

/// Dead letters that are shown.
const SHOWN: usize = 100;

pub fn shown(api: &Api) -> Result<Value, Problem> {
    let store = &api.calls.store;
    let (lag, dead) = store.read(|r| Ok((r.webhook_lag()?, r.dead_webhooks(0, SHOWN)?)))?;
    let now = api.clock.now_ms();
    let letters: Vec<_> = dead.iter().map(|item| letter(api, item)).collect();
    Ok(json!({
        "worker": "webhooks",
        "waiting": lag.waiting,
        "failing": lag.failing,
        "lag_ms": lag.oldest_at.map_or(0, |oldest| (now - oldest).max(0)),
        "dead": lag.dead,
        "dead_letters": letters,
    }))
}

fn letter(api: &Api, item: &WebhookItem) -> Value {
    let instance = api.calls.communities.instance(item.instance);
    json!({
        "id": item.id,
        "community": instance.as_ref().map(|one| one.community.slug.clone()),
        "plugin": instance.as_ref().map(|one| one.plugin.clone()),
        "instance": item.instance,
        "attempts": item.attempts,
        "dead_since": rfc3339(item.due_at),
        "last_error": item.last_error,
    })
}

/// Which dead letter; all of them if none is named.
#[derive(Debug, Default, Deserialize)]
pub struct SettleBody {
    id: Option<i64>,
}

pub async fn settle(
    State(api): State<Arc<Api>>,
    Path((worker, action)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    if worker != "webhooks" {
        return Err(Problem::not_found(format!("There is no worker '{worker}'")));
    }
    let SettleBody { id } = body::json(&api, body).await?;
    let (now, store) = (api.clock.now_ms(), &api.calls.store);
    let count = match action.as_str() {
        "retry" => {
            store.write("webhook.retry", move |tx| tx.retry_webhooks(id, now, AT_ONCE)).await?
        }
        "skip" => {
            store.write("webhook.skip", move |tx| tx.skip_webhooks(id, i64::MAX, AT_ONCE)).await?
        }
        _ => return Err(Problem::not_found("A worker's dead letters can be retried or skipped")),
    };
    if id.is_some() && count == 0 {
        return Err(Problem::not_found("There is no such dead letter"));
    }
    Ok(Json(json!({ "count": count })))
}
