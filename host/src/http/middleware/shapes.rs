//! The shapes of the host's own request bodies: what OpenAPI says of them is what they are checked by, so that the two
//! cannot differ.
//!
//! `readOnly` is what answers show and nobody sets: it may be sent back, so that what was read can be put, and has no
//! effect. Every integer has bounds that its reader holds.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use moothall_core::ids::PersonId;
use moothall_engine::hooks::step::TIMEOUT_MS;

/// How long an endpoint may have to answer, in milliseconds.
const TIMEOUTS_MS: RangeInclusive<i64> = 100..=60_000;
/// How long a run of a driver's hook may take, in milliseconds.
const BUDGETS_MS: RangeInclusive<i64> = 1..=60_000;
/// How many people one request makes.
const COUNTS: RangeInclusive<i64> = 1..=1_000;

fn object(properties: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn with_required(mut schema: Value, required: &[&str]) -> Value {
    schema["required"] = json!(required);
    schema
}

/// `more` beside the properties of `schema`.
fn with_properties(mut schema: Value, more: &Value) -> Value {
    if let (Some(properties), Some(more)) = (schema["properties"].as_object_mut(), more.as_object())
    {
        properties.extend(more.clone());
    }
    schema
}

/// All of them, as OpenAPI has them.
pub fn shapes() -> Map<String, Value> {
    let mut all = Map::new();
    for shapes in [of_communities(), of_events(), of_hooks(), of_people()] {
        all.extend(shapes.as_object().cloned().unwrap_or_default());
    }
    all
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn texts() -> Value {
    json!({ "type": "array", "items": text() })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn integer(range: &RangeInclusive<i64>) -> Value {
    json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
}

/// Of a row.
fn id() -> Value {
    integer(&(1..=i64::MAX))
}

fn shown() -> Value {
    json!({ "readOnly": true })
}

fn of_communities() -> Value {
    let entry = object(&json!({
        "name": text(), "config": { "type": "object" }, "id": shown(), "community": shown(),
        "community_platform_id": shown(), "auth_type": shown(),
    }));
    json!({
        "CommunityChange": object(&json!({ "slug": text(), "name": text(), "readable_name": text(),
            "plugins": { "type": "array", "items": with_required(entry, &["name"]) } })),
        "ActionCall": object(&json!({ "parameters": { "type": "object" } })),
        "Authorization": object(&json!({ "type": { "enum": ["app", "user"] }, "community": text(),
            "redirect_uri": text(), "state": text(), "metagov_id": person() })),
        "DeadWebhooks": object(&json!({ "id": id() })),
        "DeadEvents": object(&json!({ "id": id(), "community": text() })),
    })
}

fn of_events() -> Value {
    let endpoint = object(&json!({
        "url": text(), "description": text(), "community": text(), "event_types": texts(),
        "format": { "enum": ["metagov", "standard", "openedx"] }, "use_www_form_encoding": flag(),
        "headers": { "type": "object", "additionalProperties": text() },
        "ordering": { "enum": ["fifo", "unordered"] }, "timeout_ms": integer(&TIMEOUTS_MS),
        "enabled": flag(),
    }));
    let of_new = json!({ "secret": { "type": "string", "writeOnly": true } });
    let maybe_text = json!({ "type": ["string", "null"] });
    let of_answer = json!({
        "id": shown(), "disabled_reason": shown(), "old_secret_until": shown(), "created_at": shown(),
        "state": shown(), "circuit": shown(), "backlog": shown(), "backlog_is_more": shown(), "oldest_waiting": shown(),
        "last_failure": shown(), "warnings": shown(), "url": maybe_text, "community": maybe_text,
    });
    json!({
        "NewEndpoint": with_required(with_properties(endpoint.clone(), &of_new), &["url"]),
        "EndpointChange": with_properties(endpoint, &of_answer),
        "Recovery": with_required(object(&json!({ "since": { "type": "string", "format": "date-time" },
            "states": { "type": "array", "minItems": 1, "items": { "enum": ["dead", "delivered"] } } })), &["since"]),
        "NewEvent": with_required(object(&json!({ "community": text(), "source": text(), "event_type": text(),
            "data": {}, "initiator": {}, "dedupe_key": text() })), &["community", "event_type"]),
        "PublishedChange": with_required(object(&json!({ "community": maybe_text, "author": maybe_text,
            "method": maybe_text, "url": maybe_text, "path": maybe_text, "query_string": maybe_text,
            "status": { "type": ["integer", "null"], "minimum": 0, "maximum": 65_535 }, "resource": text(),
            "resource_id": {}, "sub_resource": maybe_text, "sub_resource_id": {}, "resource_before": {},
            "resource_after": {} })), &["resource"]),
    })
}

fn of_hooks() -> Value {
    let step = object(&json!({
        "order": integer(&(i64::MIN..=i64::MAX)), "kind": { "enum": ["http", "plugin"] }, "target": text(), "description": text(),
        "enabled": flag(), "community": text(), "mode": { "enum": ["accumulate", "broadcast"] },
        "merge": { "enum": ["shallow", "deep"] }, "disable_filtering": flag(), "disable_halt": flag(),
        "halt_on_4xx": flag(), "redirect_on_4xx": text(), "halt_on_5xx": flag(), "redirect_on_5xx": text(),
        "halt_on_request_exception": flag(), "redirect_on_request_exception": text(),
        "use_www_form_encoding": flag(), "fail_silently": flag(),
        "timeout_ms": integer(&(1..=TIMEOUT_MS.cast_signed())), "preset": { "enum": ["openedx-webhooks"] },
    }));
    let of_new = json!({ "secret": { "type": "string", "writeOnly": true } });
    let maybe_text = json!({ "type": ["string", "null"] });
    json!({
        "HookChange": object(&json!({ "name": shown(), "alias": maybe_text, "description": text(),
            "input_schema": { "type": ["object", "boolean", "null"] }, "mutable": texts(), "sensitive": texts(),
            "exceptions": texts(), "halt_exception": maybe_text,
            "budget_ms": integer(&BUDGETS_MS), "declared_by": shown(), "steps": shown() })),
        "NewStep": with_required(with_properties(step.clone(), &of_new), &["target"]),
        "StepChange": with_properties(step, &json!({ "id": shown(), "hook": shown() })),
        "HookRun": with_required(object(&json!({ "community": text(), "data": { "type": "object" } })), &["data"]),
    })
}

fn person() -> Value {
    json!({ "type": ["integer", "string"], "minimum": 1, "maximum": PersonId::MOST, "pattern": "^[1-9][0-9]{0,15}$" })
}

/// Drivers of Metagov send null where they have nothing.
fn of_people() -> Value {
    let maybe_text = json!({ "type": ["string", "null"] });
    let key = json!({ "community_slug": text(), "platform_type": text(), "platform_identifier": text(),
        "community_platform_id": maybe_text });
    let unlink = with_required(
        // Drivers may send whose it is, as they did to link it.
        with_properties(
            object(&key),
            &json!({ "external_id": { "anyOf": [person(), { "type": "null" }] } }),
        ),
        &["community_slug", "platform_type", "platform_identifier"],
    );
    let link = with_properties(
        unlink.clone(),
        &json!({ "external_id": person(), "custom_data": {},
            "link_type": { "enum": ["oauth", "manual admin", "email matching", "unknown", null] },
            "link_quality": { "enum": ["unknown", "unconfirmed", "confirmed (weak)", "confirmed (strong)", null] } }),
    );
    json!({
        "NewPeople": with_required(
            object(&json!({ "community_slug": text(), "count": integer(&COUNTS) })),
            &["community_slug"]),
        "Merge": with_required(object(&json!({ "primary_instance_id": person(), "secondary_instance_id": person() })),
            &["primary_instance_id", "secondary_instance_id"]),
        "Link": with_required(link, &["community_slug", "external_id", "platform_type", "platform_identifier"]),
        "Unlink": unlink,
    })
}
