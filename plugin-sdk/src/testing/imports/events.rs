//! `events`: kept in their order. A dedupe key holds for ever, because no time passes in a test.

use super::types::Error as Refusal;
use crate::testing::kept::EmittedEvent;
use crate::testing::world::{World, now};
use crate::{Error, Result};

/// The default limits of the host.
const EVENTS: usize = 100;
const EVENT_BYTES: usize = 256 << 10;
const TYPE_BYTES: usize = 100;
const DEDUPE_KEY_BYTES: usize = 200;

pub fn emit(
    event_type: &str,
    data: &str,
    initiator: Option<&str>,
    dedupe_key: Option<&str>,
) -> std::result::Result<String, Refusal> {
    Ok(now(|world| {
        world.writing_call()?;
        check(event_type, data, dedupe_key)?;
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

fn check(event_type: &str, data: &str, dedupe_key: Option<&str>) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.: -".contains(&byte);
    if !(1..=TYPE_BYTES).contains(&event_type.len()) || !event_type.bytes().all(allowed) {
        return Err(Error::invalid(format!("'{event_type}' is no type of an event")));
    }
    if data.len() > EVENT_BYTES {
        return Err(Error::invalid(format!("an event's data has at most {EVENT_BYTES} bytes")));
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
