//! `events`: kept in order. A dedupe key is valid for ever, because no time passes in a test.

use moothall_values::bounds::{DEDUPE_KEY_BYTES, EVENT_BYTES, EVENTS};
use moothall_values::names::is_event_type;

use super::carried;
use super::types::Error as Refusal;
use crate::testing::kept::EmittedEvent;
use crate::testing::world::{World, now};
use crate::{Error, Result};

pub fn emit(
    event_type: &str,
    data: &str,
    initiator: Option<&str>,
    dedupe_key: Option<&str>,
) -> std::result::Result<String, Refusal> {
    Ok(now(|world| {
        world.writing_call()?;
        check(event_type, data, initiator, dedupe_key)?;
        if let Some(id) = dedupe_key.and_then(|key| emitted_already(world, key)) {
            return Ok(id);
        }
        count(world)?;
        let id = format!("evt_{:026}", world.kept.events.len() + 1);
        let event = EmittedEvent {
            id: id.clone(),
            event_type: event_type.to_owned(),
            data: serde_json::from_str(data)?,
            initiator: initiator.map(serde_json::from_str).transpose()?,
            dedupe_key: dedupe_key.map(str::to_owned),
        };
        world.kept.events.push(event);
        Ok::<_, Error>(id)
    })?)
}

fn check(
    event_type: &str,
    data: &str,
    initiator: Option<&str>,
    dedupe_key: Option<&str>,
) -> Result<()> {
    if !is_event_type(event_type) {
        return Err(Error::invalid(format!("'{event_type}' is no type of an event")));
    }
    for (what, text) in [("data", Some(data)), ("initiator", initiator)] {
        let Some(text) = text else { continue };
        if text.len() > EVENT_BYTES {
            return Err(Error::invalid(format!(
                "an event's {what} has at most {EVENT_BYTES} bytes"
            )));
        }
        carried(&format!("the event's {what}"), text)?;
    }
    if dedupe_key.is_some_and(|key| !(1..=DEDUPE_KEY_BYTES).contains(&key.len())) {
        return Err(Error::invalid(format!("a dedupe key has 1 to {DEDUPE_KEY_BYTES} bytes")));
    }
    Ok(())
}

fn emitted_already(world: &World, key: &str) -> Option<String> {
    let found = world.kept.events.iter().find(|one| one.dedupe_key.as_deref() == Some(key));
    found.map(|event| event.id.clone())
}

fn count(world: &mut World) -> Result<()> {
    let call = world.writing_call()?;
    call.events += 1;
    if call.events > EVENTS {
        return Err(Error::conflict(format!("a call may emit {EVENTS} events")));
    }
    Ok(())
}
