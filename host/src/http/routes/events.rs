//! `/api/internal/events`, `/api/internal/event-types`: lists and publishes events.

pub mod stream;
pub mod wanted;

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::http::api::Api;
use crate::http::json_text::text_of;
use crate::http::keys::Caller;
use crate::http::middleware::body_schema::request_body;
use crate::http::middleware::idempotency::{Begun, prepared_json};
use crate::http::middleware::{accept, body, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{LAST_EVENT_ID, Route, failure, get, post, query};
use crate::http::routes::events::wanted::{Wanted, beyond_the_end};
use crate::http::routes::plugins;
use crate::http::routes::plugins::EventType;
use moothall_core::day_budget::{Charge, ROW_BYTES};
use moothall_core::events::{
    Envelope, MATCHES_NOTHING, is_event_type, matches_nothing, pattern_fault, published_scope,
};
use moothall_core::ids::{CommunityId, Position, RequestId, new_event_id, parse_number};
use moothall_core::scope::Scope;
use moothall_engine::plugins::{Declared, Plugin};
use moothall_engine::publishing::Publication;
use moothall_store::{Audience, NewEvent};
use moothall_values::json::{Object, list as list_of};

/// The most events on one page.
const PAGE: usize = 100;
/// The most events that are read for one page, if it leaves some out by their type.
const WALK: usize = 1_000;
/// The largest data or initiator of a published event, in bytes.
const DATA_BYTES: usize = 256 << 10;
/// The longest dedupe key, in bytes.
const DEDUPE_BYTES: usize = 200;
/// The default source of published events.
const DRIVER: &str = "driver";
/// The source of the API's own events.
const API: &str = "api";

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/api/internal/events",
            "listEvents",
            "Lists events; as `text/event-stream` it streams them",
            list,
        )
        .needs(Scope::Read)
        .query(&[query::COMMUNITY, query::EVENT_TYPE, query::AFTER, query::LIMIT, query::NAMED])
        .headers(&[LAST_EVENT_ID])
        .answers::<Events>(200)
        .fails(failure::COMMUNITY)
        .fails(&[(410, Code::Gone)]),
        post("/api/internal/events", "publishEvent", "Publishes an event", publish)
            .needs(Scope::Drive)
            .body::<EventBody>()
            .answers::<PublishedId>(202)
            .changes_nothing()
            .fails(failure::COMMUNITY)
            .fails(&[(400, Code::InvalidData)]),
        get("/api/internal/event-types", "listEventTypes", "Declared types of events", types)
            .needs(Scope::Read)
            .answers::<EventTypes>(200),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct EventsQuery {
    community: Option<String>,
    /// A pattern, as in subscriptions.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
    /// For a stream: whether the name of each message is the event's type.
    named: Option<bool>,
}

/// The oldest first; as a stream if `Accept` names one.
async fn list(
    State(api): State<Arc<Api>>,
    key: Option<Extension<Caller>>,
    headers: HeaderMap,
    page: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|_| Problem::unread_query())?;
    let wanted = wanted(&api, &page)?;
    let since = last_event_id(&headers)?;
    let is_stream = wants_stream(&headers);
    if let Some(vain) = in_vain(&page, since, is_stream) {
        return Err(Problem::bad_request(vain));
    }
    if is_stream {
        let from = since.or(page.after.map(Position));
        let is_named = page.named.unwrap_or(false);
        return stream::open(api, (wanted, is_named), key.map(|Extension(key)| key), from);
    }
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let walk = if wanted.pattern.is_some() { WALK } else { limit };
    let after = page.after.map_or(Position::START, Position);
    let (_, last) = api.context.store.read(|reader| reader.event_range())?;
    if after > last {
        return Err(beyond_the_end(after, last, "`after`"));
    }
    let (found, is_cut) =
        api.context.store.read(|reader| reader.events(wanted.community, after, walk))?;
    let events: Vec<&Envelope> = found.iter().filter(|e| wanted.has(e)).take(limit).collect();
    let ended = if events.len() == limit { events.last().copied() } else { found.last() };
    let more = events.len() == limit || is_cut;
    let next = ended.filter(|_| more).map(|event| event.position.0);
    let events = list_of(events.into_iter().map(Envelope::json));
    let mut shown = Object::new().carrying("events", &events).with("next", next);
    if let Some(doubt) = wanted.doubt {
        shown = shown.with("warnings", json!([doubt]));
    }
    Ok(crate::http::json_text::json_text(shown.end()))
}

/// A page of events, as `list` writes it; or a stream whose messages have one event each as data.
enum Events {}

impl JsonSchema for Events {
    fn schema_name() -> Cow<'static, str> {
        "Events".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["events", "next"],
            "properties": {
                "events": { "type": "array", "items": schemas.subschema_for::<Envelope>() },
                "next": { "description": "The `after` of the next page.", "type": ["integer", "null"] },
                "warnings": { "description": "Why `type` most likely matches nothing.", "type": "array",
                    "items": { "type": "string" } },
            },
        })
    }
}

/// If both are named, a stream if its quality is not lower.
fn wants_stream(headers: &HeaderMap) -> bool {
    let list = accept::wanted(headers, "application/json").unwrap_or(0.0);
    accept::wanted(headers, "text/event-stream").is_some_and(|stream| stream >= list)
}

/// Parameters only of the list, or only of the stream.
fn in_vain(page: &EventsQuery, since: Option<Position>, is_stream: bool) -> Option<&'static str> {
    if is_stream {
        let has_limit = page.limit.is_some();
        return has_limit
            .then_some("`limit` is of the list of events; a stream has no end: leave it out");
    }
    if page.named == Some(true) {
        return Some(
            "`named` is of the stream; ask for it with `Accept: text/event-stream`, or leave `named` out",
        );
    }
    since.map(|_| "`Last-Event-ID` is of the stream; the list goes on after `after`")
}

fn wanted(api: &Api, page: &EventsQuery) -> Result<Wanted, Problem> {
    let community = page.community.as_deref().map(|slug| find(api, slug)).transpose()?;
    let (pattern, mut doubt) = (page.event_type.clone(), None);
    if let Some(pattern) = &pattern {
        if let Some(fault) = pattern_fault(pattern) {
            return Err(Problem::bad_request(format!("The query's type is no pattern: {fault}")));
        }
        if matches_nothing(pattern) {
            return Err(Problem::bad_request(format!("The query's type {MATCHES_NOTHING}")));
        }
        doubt = declared(api).doubt(pattern).map(|why| format!("`type`: `{pattern}` {why}"));
    }
    Ok(Wanted { community: community.map(|(id, _)| id), pattern, doubt })
}

/// The events that the loaded plugins declare.
pub fn declared(api: &Api) -> Declared {
    let plugins = api.context.plugins.all();
    let types = |plugin: &Arc<Plugin>| {
        let types = plugin.manifest.events.iter().map(|one| one.event_type.clone());
        (plugin.name.to_string(), types.collect())
    };
    Declared(plugins.iter().map(types).collect())
}

fn find(api: &Api, slug: &str) -> Result<(CommunityId, String), Problem> {
    let community =
        api.context.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))?;
    Ok((community.names.id, community.names.slug.to_string()))
}

/// The position after which a stream goes on. Clients that have no id yet send an empty one.
fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(id) = headers.get("last-event-id").filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let position = id.to_str().ok().and_then(parse_number).map(Position);
    let refusal =
        || Problem::bad_request("Last-Event-ID is the id of an event of this stream, a number");
    position.map(Some).ok_or_else(refusal)
}

/// An event that is to be published.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewEvent")]
struct EventBody {
    community: String,
    source: Option<String>,
    event_type: String,
    #[serde(default)]
    #[schemars(with = "Value")]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    #[schemars(with = "Value")]
    initiator: Option<Box<RawValue>>,
    dedupe_key: Option<String>,
}

request_body!(EventBody);

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
    let charge = charge(&api, head.extensions.get(), &event)?;
    let answer =
        |id: &str| prepared_json(StatusCode::ACCEPTED, text_of(&PublishedId { id: id.to_owned() }));
    let id = Publication { event, charge, first }.publish(&api.context, answer).await?;
    Ok((StatusCode::ACCEPTED, Json(PublishedId { id })).into_response())
}

/// Counts the event in its driver's day budget.
fn charge(api: &Api, key: Option<&Caller>, event: &NewEvent) -> Result<Charge, Problem> {
    let bytes = event.data.len() + event.initiator.as_ref().map_or(0, String::len);
    let spent = api.budgets.of_driver(key.map_or("", Caller::id));
    let most = api.settings.limits.driver_day_bytes();
    let charged = spent.charge(api.context.clock.now_ms(), bytes as u64 + ROW_BYTES, most);
    charged.map_err(|used_up| api.day_used_up(used_up))
}

fn new_event(api: &Api, published: EventBody, request: &RequestId) -> Result<NewEvent, Problem> {
    let slug = published.community;
    let (community, slug) = find(api, &slug)?;
    let source = published.source.unwrap_or_else(|| DRIVER.to_owned());
    let event_type = published.event_type;
    check_names(&source, &event_type)?;
    let data = published.data.map_or_else(|| "null".to_owned(), |data| data.get().to_owned());
    let initiator = published.initiator.map(|initiator| initiator.get().to_owned());
    check_size("data", &data)?;
    check_size("initiator", initiator.as_deref().unwrap_or_default())?;
    check_data(api, &source, &event_type, &data)?;
    let key_fits = |key: &String| (1..=DEDUPE_BYTES).contains(&key.len());
    if !published.dedupe_key.as_ref().is_none_or(key_fits) {
        return Err(Problem::bad_request(format!("A dedupe_key has 1 to {DEDUPE_BYTES} bytes")));
    }
    let now = api.context.clock.now_ms();
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

/// An event that is published with a plugin as its source must be as the plugin declares it.
fn check_data(api: &Api, source: &str, event_type: &str, data: &str) -> Result<(), Problem> {
    let Some(plugin) = api.context.plugins.get(source) else { return Ok(()) };
    let Some(Some(schema)) = plugin.events.get(event_type) else { return Ok(()) };
    let data: Value = serde_json::from_str(data)
        .map_err(|error| Problem::internal(format!("an event's data cannot be read: {error}")))?;
    schema.validate(&data).map_err(|faults| {
        let what = "The event's data is not what its plugin declares";
        Problem::invalid(Code::InvalidData, what, "data", faults)
    })
}

#[derive(Serialize, JsonSchema)]
struct EventTypes {
    event_types: Vec<EventType>,
}

/// The events that the loaded plugins declare, and the host's own.
async fn types(State(api): State<Arc<Api>>) -> Json<EventTypes> {
    let all = api.context.plugins.all();
    let mut event_types: Vec<_> =
        all.iter().flat_map(|plugin| plugins::events_of(plugin)).collect();
    event_types.push(EventType {
        event_type: "change".to_owned(),
        source: API.to_owned(),
        description: "A change through the API; subscribed to as `api.change`".to_owned(),
        schema: None,
    });
    Json(EventTypes { event_types })
}

/// The published event.
#[derive(Serialize, JsonSchema)]
pub struct PublishedId {
    /// The event's id.
    pub id: String,
}
