//! The body of a delivery in each format. Pure; an event's data is sent as it was stored.

use bytes::Bytes;
use serde_json::{Value, json};

use super::form;
use moothall_core::clock::rfc3339;
use moothall_core::endpoint::BodyFormat;
use moothall_core::events::Envelope;
use moothall_values::json::Object;

/// What a receiver gets.
#[derive(Clone, Debug)]
pub struct Rendered {
    pub body: Bytes,
    pub content_type: &'static str,
    /// What the operator should know: keys that collided in a form.
    pub warning: Option<String>,
}

/// An event in the format of its endpoint. `host` is this machine's name.
pub fn as_json(event: &Envelope, format: BodyFormat, host: &str) -> Rendered {
    let body = text(event, format, host).into();
    Rendered { body, content_type: "application/json", warning: None }
}

/// The same object, flattened for receivers that expect a form.
pub fn as_form(event: &Envelope, format: BodyFormat, host: &str) -> Rendered {
    let (body, warning) = match form::encode(&text(event, format, host)) {
        Ok(form) => {
            let warning = form.warning();
            (form.body, warning)
        }
        // It was stored when less was checked.
        Err(refusal) => (String::new(), Some(refusal.of("the event"))),
    };
    let content_type = "application/x-www-form-urlencoded";
    Rendered { body: body.into(), content_type, warning }
}

fn text(event: &Envelope, format: BodyFormat, host: &str) -> String {
    match format {
        BodyFormat::Process => event.data.clone(),
        BodyFormat::Standard => standard(event),
        BodyFormat::OpenEdx => openedx(event, host),
        BodyFormat::Metagov => metagov(event),
    }
}

/// `{community, source, event_type, timestamp, data, initiator}` and nothing else.
fn metagov(event: &Envelope) -> String {
    let seconds = format!("{}.{:03}", event.time.div_euclid(1000), event.time.rem_euclid(1000));
    Object::new()
        .with("community", event.community.as_str())
        .with("source", event.source.as_str())
        .with("event_type", event.event_type.as_str())
        .with("timestamp", seconds)
        .carrying("data", &event.data)
        .carrying("initiator", event.initiator.as_deref().unwrap_or("null"))
        .end()
}

fn standard(event: &Envelope) -> String {
    Object::new()
        .with("type", event.full_type())
        .with("timestamp", rfc3339(event.time))
        .carrying("data", &event.json())
        .end()
}

/// The event's data under its type, and its metadata, as receivers of this format expect them.
fn openedx(event: &Envelope, host: &str) -> String {
    let about = metadata(&event.id, &event.full_type(), &event.source, host, event.time);
    Object::new().with("event_metadata", about).carrying(&data_key(event), &event.data).end()
}

/// The seven keys that receivers of this format expect.
pub fn metadata(id: &str, event_type: &str, source: &str, host: &str, time: i64) -> Value {
    json!({
        "id": id,
        "event_type": event_type,
        "minorversion": 0,
        "source": format!("moothall/{source}"),
        "sourcehost": host,
        "time": python_time(time),
        "sourcelib": library_version(),
    })
}

/// An event whose type is `event_metadata` must not replace the metadata.
fn data_key(event: &Envelope) -> String {
    match event.event_type.as_str() {
        "event_metadata" => event.full_type(),
        event_type => event_type.to_owned(),
    }
}

/// `2026-03-17 10:00:00.123000+00:00`
fn python_time(ms: i64) -> String {
    rfc3339(ms).replace('T', " ").replace('Z', "000+00:00")
}

fn library_version() -> Vec<u32> {
    env!("CARGO_PKG_VERSION").split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use moothall_core::ids::Position;

    fn event() -> Envelope {
        Envelope {
            position: Position(7),
            id: "evt_1".into(),
            seq: 3,
            of: None,
            community: "acme".into(),
            source: "discourse".into(),
            event_type: "post_created".into(),
            time: 1_619_102_376_535,
            data: r#"{"z":1.10,"a":[1,null]}"#.into(),
            initiator: Some(r#"{"user_id":"u"}"#.into()),
            dedupe_key: None,
            origin: "action".into(),
            instance: Some(4),
            request_id: "r".into(),
            key: "discourse".into(),
        }
    }

    fn body(format: BodyFormat) -> String {
        String::from_utf8(as_json(&event(), format, "box").body.to_vec()).unwrap()
    }

    #[test]
    fn metagov_has_these_keys_and_the_data_as_it_was() {
        assert_eq!(
            body(BodyFormat::Metagov),
            r#"{"community":"acme","source":"discourse","event_type":"post_created","timestamp":"1619102376.535","data":{"z":1.10,"a":[1,null]},"initiator":{"user_id":"u"}}"#
        );
        let without = Envelope { initiator: None, ..event() };
        let body = as_json(&without, BodyFormat::Metagov, "box").body;
        assert!(body.ends_with(br#","initiator":null}"#));
    }

    #[test]
    fn standard_has_the_envelope() {
        let body: Value = serde_json::from_str(&body(BodyFormat::Standard)).unwrap();
        assert_eq!(body["type"], "discourse.post_created");
        assert_eq!(body["timestamp"], "2021-04-22T14:39:36.535Z");
        assert_eq!(body["data"]["key"], "acme/discourse");
        assert_eq!(body["data"]["seq"], 3);
        assert_eq!(body["data"]["origin"]["instance"], 4);
    }

    #[test]
    fn openedx_has_the_data_beside_its_metadata() {
        let body: Value = serde_json::from_str(&body(BodyFormat::OpenEdx)).unwrap();
        assert_eq!(body["post_created"]["a"][0], 1);
        let metadata = &body["event_metadata"];
        assert_eq!(metadata["time"], "2021-04-22 14:39:36.535000+00:00");
        assert_eq!(metadata["sourcehost"], "box");
        assert_eq!(metadata.as_object().unwrap().len(), 7);
    }

    #[test]
    fn a_form_is_the_same_object_flattened() {
        let form = as_form(&event(), BodyFormat::Metagov, "box").body;
        let form = String::from_utf8(form.to_vec()).unwrap();
        assert!(form.contains("data_z=1.1&"), "{form}");
        assert!(form.contains("data_a=%5B1%2C+None%5D"), "{form}");
        assert!(form.contains("initiator_user_id=u"), "{form}");
    }

    #[test]
    fn a_callback_gets_the_process_alone() {
        assert_eq!(body(BodyFormat::Process), event().data);
    }
}
