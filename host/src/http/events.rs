//! `/api/internal/events`, `/api/internal/event-types`: what happened, for whoever asks; and what
//! drivers and other platforms publish.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::access::KeyId;
use super::error::Problem;
use super::idempotency::{Begun, First};
use super::{Api, body, event_stream, idempotency, plugins};
use crate::events::{Envelope, is_event_type, matches, pattern_fault, published_scope};
use crate::ids::{CommunityId, RequestId, new_event_id};
use crate::store::{AfterWrite, Audience, NewEvent, StoreError, Tx};

/// Events on one page at most.
const PAGE: usize = 100;
/// Events that a page looks at, at most, where it leaves some out by their type.
const WALK: usize = 1_000;
/// Data or initiator of a published event, in bytes.
const DATA_BYTES: usize = 256 << 10;
/// Longest dedupe key, in bytes.
const DEDUPE_BYTES: usize = 200;
/// Who publishes if it does not say.
const DRIVER: &str = "driver";
/// Source of what the API itself tells.
const API: &str = "api";

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/internal/events", get(list).post(publish))
        .route("/api/internal/event-types", get(types))
}

#[derive(Debug, Default, Deserialize)]
struct Page {
    community: Option<String>,
    /// A pattern, as subscriptions have them.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
}

/// Which events somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub community: Option<CommunityId>,
    pattern: Option<String>,
}

impl Wanted {
    pub fn has(&self, event: &Envelope) -> bool {
        let matches = |pattern: &String| matches(pattern, &event.source, &event.event_type);
        self.pattern.as_ref().is_none_or(matches)
    }
}

/// The oldest first; as a stream, if that is asked for.
async fn list(
    State(api): State<Arc<Api>>,
    key: Option<Extension<KeyId>>,
    headers: HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|error| Problem::bad_request(error.body_text()))?;
    let wanted = wanted(&api, &page)?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/event-stream")) {
        let from = last_event_id(&headers)?.or(page.after);
        return event_stream::open(api, wanted, key.map(|Extension(key)| key), from);
    }
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let walk = if wanted.pattern.is_some() { WALK } else { limit };
    let (community, after) = (wanted.community, page.after.unwrap_or(0));
    let (found, is_cut) = api.calls.store.read(|reader| reader.events(community, after, walk))?;
    let events: Vec<&Envelope> = found.iter().filter(|e| wanted.has(e)).take(limit).collect();
    let ended = if events.len() == limit { events.last().copied() } else { found.last() };
    let more = events.len() == limit || is_cut;
    let next = ended.filter(|_| more).map(|event| event.position);
    let events: Vec<Value> = events.into_iter().map(Envelope::json).collect();
    Ok(Json(json!({ "events": events, "next": next })).into_response())
}

fn wanted(api: &Api, page: &Page) -> Result<Wanted, Problem> {
    let community = page.community.as_deref().map(|slug| find(api, slug)).transpose()?;
    if let Some(fault) = page.event_type.as_deref().and_then(pattern_fault) {
        return Err(Problem::bad_request(format!("The query's type is no pattern: {fault}")));
    }
    Ok(Wanted { community: community.map(|(id, _)| id), pattern: page.event_type.clone() })
}

fn find(api: &Api, slug: &str) -> Result<(CommunityId, String), Problem> {
    let community = api
        .calls
        .communities
        .get(slug)
        .ok_or_else(|| Problem::bad_request(format!("Community '{slug}' not found")))?;
    Ok((community.names.id, community.names.slug.to_string()))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let position = id.to_str().ok().and_then(|id| id.parse().ok()).filter(|id: &i64| *id >= 0);
    let refusal =
        || Problem::bad_request("Last-Event-ID is the id of an event of this stream, a number");
    position.map(Some).ok_or_else(refusal)
}

/// `{community, source?, event_type, data, initiator?, dedupe_key?}`
#[derive(Default, Deserialize)]
struct Published {
    community: Option<String>,
    source: Option<String>,
    event_type: Option<String>,
    data: Option<Box<RawValue>>,
    initiator: Option<Box<RawValue>>,
    dedupe_key: Option<String>,
}

async fn publish(
    State(api): State<Arc<Api>>,
    Extension(request): Extension<RequestId>,
    asked: Request,
) -> Result<Response, Problem> {
    let (head, body) = asked.into_parts();
    let bytes = body::read(&api, body).await?;
    let first = match idempotency::begin(&api, &head, &bytes)? {
        Begun::Replayed(response) => return Ok(response),
        Begun::Plain => None,
        Begun::First(first) => Some(first),
    };
    let event = new_event(&api, body::parse(&bytes)?, &request)?;
    // Running until the write has ended, whether the client still waits or not.
    let running = first.clone();
    let ended: AfterWrite<String> = Box::new(move |_| drop(running));
    let (believed, bytes) = (api.clock.believed_ms(), event.data.len());
    let write = move |tx: &Tx<'_>| append(tx, event, believed, first);
    let id = api.calls.store.write_of("event.publish", bytes, write, Some(ended)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response())
}

/// The event's id: that of an earlier one with its dedupe key, if there is one.
fn append(
    tx: &Tx<'_>,
    event: NewEvent,
    believed: i64,
    first: Option<First>,
) -> Result<String, StoreError> {
    let known = match &event.dedupe {
        Some((scope, key)) => tx.deduplicated(scope, key, believed)?,
        None => None,
    };
    let id = match known {
        Some(id) => id,
        None => {
            tx.append_event(&event)?;
            event.id
        }
    };
    let json = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = json!({ "id": id }).to_string().into_bytes();
    let remember = first.and_then(|first| first.remember(StatusCode::ACCEPTED, json, body, None));
    remember.map_or(Ok(()), |remember| remember(tx))?;
    Ok(id)
}

fn new_event(api: &Api, published: Published, request: &RequestId) -> Result<NewEvent, Problem> {
    let slug = published.community.ok_or_else(|| missing("community"))?;
    let (community, slug) = find(api, &slug)?;
    let source = published.source.unwrap_or_else(|| DRIVER.to_owned());
    let event_type = published.event_type.ok_or_else(|| missing("event_type"))?;
    check_names(&source, &event_type)?;
    let data = published.data.map_or_else(|| "null".to_owned(), |data| data.get().to_owned());
    let initiator = published.initiator.map(|initiator| initiator.get().to_owned());
    check_size("data", &data)?;
    check_size("initiator", initiator.as_deref().unwrap_or_default())?;
    let key_fits = |key: &String| (1..=DEDUPE_BYTES).contains(&key.len());
    if !published.dedupe_key.as_ref().is_none_or(key_fits) {
        return Err(Problem::bad_request(format!("A dedupe_key has 1 to {DEDUPE_BYTES} bytes")));
    }
    let now = api.clock.now_ms();
    Ok(NewEvent {
        id: new_event_id(now),
        community: Some(community),
        slug,
        key: source.clone(),
        dedupe: published.dedupe_key.map(|key| (published_scope(community, &source), key)),
        source,
        event_type,
        time: now,
        data,
        initiator,
        origin: "published",
        instance: None,
        request_id: request.to_string(),
        audience: Audience::Endpoints,
    })
}

fn missing(field: &str) -> Problem {
    Problem::bad_request(format!("The body has no `{field}`, which an event needs"))
}

fn check_names(source: &str, event_type: &str) -> Result<(), Problem> {
    if !is_event_type(event_type) {
        return Err(Problem::bad_request(
            "An event_type matches [A-Za-z0-9_.: -]{1,100}; this one does not",
        ));
    }
    // A subscription's first `:` ends its source, and `process/<id>` orders notifications.
    if !is_event_type(source) || source.contains(':') {
        return Err(Problem::bad_request(
            "A source matches [A-Za-z0-9_. -]{1,100}; this one does not",
        ));
    }
    if source == API {
        return Err(Problem::bad_request("The source `api` is the host's own; take another"));
    }
    Ok(())
}

fn check_size(what: &str, text: &str) -> Result<(), Problem> {
    if text.len() <= DATA_BYTES {
        return Ok(());
    }
    Err(Problem::bad_request(format!(
        "The event's {what} has {} bytes, at most {DATA_BYTES} are allowed",
        text.len()
    )))
}

/// What the loaded plugins declare, and what the host tells.
async fn types(State(api): State<Arc<Api>>) -> Json<Value> {
    let mut all: Vec<Value> =
        api.calls.plugins.all().iter().flat_map(|plugin| plugins::events_json(plugin)).collect();
    all.push(json!({
        "event_type": "change",
        "source": API,
        "description": "A change through the API; subscribed to as `api.change`",
        "schema": null,
    }));
    Json(json!({ "event_types": all }))
}
